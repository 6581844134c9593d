;;! Imports WASI of a version before its first release.
;;! expect: rejected: wasi:cli/environment@0.1.0
(component
  (import "wasi:cli/environment@0.1.0" (instance (export "get" (func (result string)))))
  (core module $m (func (export "f") (result i32) i32.const 1))
  (core instance $i (instantiate $m))
  (func (export "attack") (result u32) (canon lift (core func $i "f"))))
