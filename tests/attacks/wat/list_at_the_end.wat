;;! Returns a list that begins in its memory and ends one byte behind it.
;;! expect: /out of bounds|outside the guest.s memory|returned more than/
(component
  (core module $m
    (memory (export "memory") 1)
    (data (i32.const 8) "\f9\ff\00\00\08\00\00\00")
    (func (export "f") (result i32) i32.const 8))
  (core instance $i (instantiate $m))
  (func (export "attack") (result (list u8)) (canon lift (core func $i "f") (memory (core memory $i "memory")))))
