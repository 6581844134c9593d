;;! Imports our own interface in a version that never was.
;;! expect: rejected: taskhost:task/context@0.0.1
(component
  (import "taskhost:task/context@0.0.1" (instance (export "get" (func (result string)))))
  (core module $m (func (export "f") (result i32) i32.const 1))
  (core instance $i (instantiate $m))
  (func (export "attack") (result u32) (canon lift (core func $i "f"))))
