;;! Imports an interface that the host has never heard of.
;;! expect: rejected: evil:host/shell@1.0.0
(component
  (import "evil:host/shell@1.0.0" (instance (export "get" (func (result string)))))
  (core module $m (func (export "f") (result i32) i32.const 1))
  (core instance $i (instantiate $m))
  (func (export "attack") (result u32) (canon lift (core func $i "f"))))
