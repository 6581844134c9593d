;;! Returns 1 GiB of bytes.
;;! limits.memory = "2 GiB"
;;! limits.result = "256 MiB"
;;! expect: returned more than its 256 MiB of result
(component
  (core module $m
    (memory (export "memory") 16385)
    (data (i32.const 8) "\00\00\01\00\00\00\00\40")
    (func (export "f") (result i32) i32.const 8))
  (core instance $i (instantiate $m))
  (func (export "attack") (result (list u8)) (canon lift (core func $i "f") (memory (core memory $i "memory")))))
