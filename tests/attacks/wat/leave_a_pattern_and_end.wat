;;! Fills its memory, its table and its stack with a pattern, grows it, and ends well: the next tenant looks for it.
;;! alone: yes
;;! expect: ok: 7
(component
  (core module $m
    (memory 512)
    (table $t 64 funcref)
    (elem declare func $deep)
    (func $deep (param $left i32) (param $a i64) (param $b i64) (param $c i64) (result i64)
      (if (result i64) (i32.eqz (local.get $left))
        (then (local.get $a))
        (else
          (i64.add
            (call $deep (i32.sub (local.get $left) (i32.const 1)) (local.get $b) (local.get $c) (local.get $a))
            (i64.add (local.get $a) (local.get $b))))))
    (func (export "f") (result i32)
      (memory.fill (i32.const 0) (i32.const 0xa5) (i32.const 0x2000000))
      (table.fill $t (i32.const 0) (ref.func $deep) (i32.const 64))
      (drop (call $deep (i32.const 1000)
        (i64.const 0xa5a5a5a5a5a5a5a5) (i64.const 0xa5a5a5a5a5a5a5a5) (i64.const 0xa5a5a5a5a5a5a5a5)))
      (drop (memory.grow (i32.const 512)))
      (memory.fill (i32.const 0x2000000) (i32.const 0xa5) (i32.const 0x2000000))
      i32.const 7))
  (core instance $i (instantiate $m))
  (func (export "attack") (result u32) (canon lift (core func $i "f"))))
