;;! Has an allocator that puts the argument behind its memory.
;;! arguments: text = "hello"
;;! expect: /realloc|out of bounds/
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const -16)
    (func (export "f") (param i32 i32) (result i32) local.get 1))
  (core instance $i (instantiate $m))
  (func (export "attack") (param "text" string) (result u32)
    (canon lift (core func $i "f") (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))
