;;! Returns a string that is no UTF-8.
;;! expect: is not UTF-8
(component
  (core module $m
    (memory (export "memory") 1)
    (data (i32.const 8) "\10\00\00\00\04\00\00\00a\ff\c0\80")
    (func (export "f") (result i32) i32.const 8))
  (core instance $i (instantiate $m))
  (func (export "attack") (result string) (canon lift (core func $i "f") (memory (core memory $i "memory")))))
