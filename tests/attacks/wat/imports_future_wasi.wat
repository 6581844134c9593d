;;! Imports WASI of a version that does not exist yet.
;;! expect: rejected: wasi:cli/environment@9.9.9
(component
  (import "wasi:cli/environment@9.9.9" (instance (export "get" (func (result string)))))
  (core module $m (func (export "f") (result i32) i32.const 1))
  (core instance $i (instantiate $m))
  (func (export "attack") (result u32) (canon lift (core func $i "f"))))
