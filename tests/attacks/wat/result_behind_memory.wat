;;! Says that its result lies at the very end of the address space.
;;! expect: /out of bounds|outside the guest.s memory|returned more than/
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "f") (result i32) i32.const -4))
  (core instance $i (instantiate $m))
  (func (export "attack") (result (list u8)) (canon lift (core func $i "f") (memory (core memory $i "memory")))))
