;;! Has two memories, as honest components of two modules have, on a host with room for one instance.
;;! alone: yes
;;! expect: ok: 65
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "size") (result i32) (memory.size)))
  (core instance $a (instantiate $m))
  (core instance $b (instantiate $m))
  (core module $sum
    (import "a" "size" (func $a (result i32)))
    (import "b" "size" (func $b (result i32)))
    (func (export "f") (result i32) (i32.add (i32.const 63) (i32.add (call $a) (call $b)))))
  (core instance $c (instantiate $sum (with "a" (instance $a)) (with "b" (instance $b))))
  (func (export "attack") (result u32) (canon lift (core func $c "f"))))
