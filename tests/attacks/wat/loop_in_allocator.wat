;;! Loops in the allocator, while the host copies an argument in.
;;! arguments: text = "hello"
;;! limits.cpu = "50 ms"
;;! expect: used up its 50ms of CPU time
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (loop $again br $again) unreachable)
    (func (export "f") (param i32 i32) (result i32) local.get 1))
  (core instance $i (instantiate $m))
  (func (export "attack") (param "text" string) (result u32)
    (canon lift (core func $i "f") (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))
