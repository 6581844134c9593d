;;! Returns 64 Ki strings that are all the same megabyte of its memory: 64 GiB for a host that copies each.
;;! limits.memory = "64 MiB"
;;! limits.result = "16 MiB"
;;! limits.cpu = "5 s"
;;! expect: returned more than its 16 MiB of result
(component
  (core module $m
    (memory (export "memory") 64)
    (data (i32.const 8) "\00\00\20\00\00\00\01\00")
    (func (export "f") (result i32)
      (local $at i32)
      (memory.fill (i32.const 0x100000) (i32.const 0x61) (i32.const 0x100000))
      (local.set $at (i32.const 0x200000))
      (loop $again
        (i32.store (local.get $at) (i32.const 0x100000))
        (i32.store offset=4 (local.get $at) (i32.const 0x100000))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br_if $again (i32.lt_u (local.get $at) (i32.const 0x280000))))
      i32.const 8))
  (core instance $i (instantiate $m))
  (func (export "attack") (result (list string)) (canon lift (core func $i "f") (memory (core memory $i "memory")))))
