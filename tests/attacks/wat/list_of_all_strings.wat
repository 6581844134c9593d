;;! Returns a list with 2^32-1 elements, which no memory can hold.
;;! expect: /out of bounds|outside the guest.s memory|returned more than/
(component
  (core module $m
    (memory (export "memory") 1)
    (data (i32.const 8) "\10\00\00\00\ff\ff\ff\ff")
    (func (export "f") (result i32) i32.const 8))
  (core instance $i (instantiate $m))
  (func (export "attack") (result (list string)) (canon lift (core func $i "f") (memory (core memory $i "memory")))))
