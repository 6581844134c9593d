;;! Imports a function that an interface of WASI does not have.
;;! expect: rejected: wasi:cli/environment@0.2.6
(component
  (import "wasi:cli/environment@0.2.6" (instance (export "get-root-password" (func (result string)))))
  (core module $m (func (export "f") (result i32) i32.const 1))
  (core instance $i (instantiate $m))
  (func (export "attack") (result u32) (canon lift (core func $i "f"))))
