;;! Imports the log with other parameters than it has.
;;! expect: rejected: taskhost:task/log@0.1.0
(component
  (import "taskhost:task/log@0.1.0" (instance $log (export "log" (func (param "level" u64) (param "message" (list u8))))))
  (core module $m (func (export "f") (result i32) i32.const 1))
  (core instance $i (instantiate $m))
  (func (export "attack") (result u32) (canon lift (core func $i "f"))))
