;;! Returns a thousand times the same list of 16 tuples of 60 options: 18 KiB here, 60 MiB for a host that makes a value of each part.
;;! limits.result = "4 MiB"
;;! expect: returned more than its 4 MiB of result
(component
  (core module $m
    (memory (export "memory") 2)
    (func (export "f") (result i32)
      (local $n i32)
      (loop $parts
        (i32.store8 (i32.add (i32.const 65536) (local.get $n)) (i32.const 1))
        (local.set $n (i32.add (local.get $n) (i32.const 2)))
        (br_if $parts (i32.lt_u (local.get $n) (i32.const 1920))))
      (i32.store (i32.const 0) (i32.const 16))
      (i32.store (i32.const 4) (i32.const 1000))
      (local.set $n (i32.const 0))
      (loop $lists
        (i32.store (i32.add (i32.const 16) (i32.mul (local.get $n) (i32.const 8))) (i32.const 65536))
        (i32.store (i32.add (i32.const 20) (i32.mul (local.get $n) (i32.const 8))) (i32.const 16))
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br_if $lists (i32.lt_u (local.get $n) (i32.const 1000))))
      (i32.const 0)))
  (core instance $i (instantiate $m))
  (type $parts (tuple (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8) (option u8)))
  (func (export "attack") (result (list (list $parts))) (canon lift (core func $i "f") (memory (core memory $i "memory")))))
