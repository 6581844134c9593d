;;! Grows eight memories in turn, a page each.
;;! limits.memory = "64 MiB"
;;! expect: needed more than its 64 MiB of memory
(component
  (core module $m
    (memory 1)
    (func (export "grow") (result i32) i32.const 1 memory.grow))
  (core instance $a (instantiate $m)) (core instance $b (instantiate $m))
  (core instance $c (instantiate $m)) (core instance $d (instantiate $m))
  (core instance $e (instantiate $m)) (core instance $f (instantiate $m))
  (core instance $g (instantiate $m)) (core instance $h (instantiate $m))
  (core module $main
    (import "a" "grow" (func $a (result i32))) (import "b" "grow" (func $b (result i32)))
    (import "c" "grow" (func $c (result i32))) (import "d" "grow" (func $d (result i32)))
    (import "e" "grow" (func $e (result i32))) (import "f" "grow" (func $f (result i32)))
    (import "g" "grow" (func $g (result i32))) (import "h" "grow" (func $h (result i32)))
    (func (export "attack") (result i32)
      (loop $again
        (drop (call $a)) (drop (call $b)) (drop (call $c)) (drop (call $d))
        (drop (call $e)) (drop (call $f)) (drop (call $g)) (drop (call $h))
        br $again)
      unreachable))
  (core instance $i (instantiate $main
    (with "a" (instance $a)) (with "b" (instance $b)) (with "c" (instance $c)) (with "d" (instance $d))
    (with "e" (instance $e)) (with "f" (instance $f)) (with "g" (instance $g)) (with "h" (instance $h))))
  (func (export "attack") (result u32) (canon lift (core func $i "attack"))))
