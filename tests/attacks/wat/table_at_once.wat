;;! Wants a table of 100 million elements before its first instruction.
;;! limits.memory = "64 MiB"
;;! expect: rejected: exceeds the limit
(component
  (core module $m (table 100000000 funcref) (func (export "f") (result i32) i32.const 1))
  (core instance $i (instantiate $m))
  (func (export "attack") (result u32) (canon lift (core func $i "f"))))
