;;! Returns 32 million empty strings: 256 MiB here, many times that for a host that makes a value of each.
;;! limits.memory = "1 GiB"
;;! limits.result = "64 MiB"
;;! expect: returned more than its 64 MiB of result
(component
  (core module $m
    (memory (export "memory") 4160)
    (data (i32.const 8) "\00\00\01\00\00\00\00\02")
    (func (export "f") (result i32) i32.const 8))
  (core instance $i (instantiate $m))
  (func (export "attack") (result (list string)) (canon lift (core func $i "f") (memory (core memory $i "memory")))))
