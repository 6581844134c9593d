;;! Wants 4 GiB of memory before its first instruction.
;;! limits.memory = "64 MiB"
;;! expect: needed more than its 64 MiB of memory
(component
  (core module $m (memory 65536) (func (export "f") (result i32) i32.const 1))
  (core instance $i (instantiate $m))
  (func (export "attack") (result u32) (canon lift (core func $i "f"))))
