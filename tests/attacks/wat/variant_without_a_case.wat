;;! Returns a variant of which there is no such case.
;;! expect: /discriminant|case/
(component
  (core module $m
    (memory (export "memory") 1)
    (data (i32.const 8) "\09\00\00\00")
    (func (export "f") (result i32) i32.const 8))
  (core instance $i (instantiate $m))
  (func (export "attack") (result (option u32)) (canon lift (core func $i "f") (memory (core memory $i "memory")))))
