;;! Exports interfaces under the host's own names and those of WASI, to stand in for them.
;;! expect: ok: 1
(component
  (core module $m (func (export "f") (result i32) i32.const 1) (func (export "log") (param i32)))
  (core instance $i (instantiate $m))
  (func $f (result u32) (canon lift (core func $i "f")))
  (func $log (param "level" u32) (canon lift (core func $i "log")))
  (instance $fake (export "log" (func $log)) (export "get-environment" (func $f)))
  (export "taskhost:task/log@0.1.0" (instance $fake))
  (export "wasi:cli/environment@0.2.6" (instance $fake))
  (export "attack" (func $f)))
