;;! Logs at a level that does not exist.
;;! expect: /discriminant|enum/
(component
  (import "taskhost:task/log@0.1.0" (instance $log
    (type $level (enum "trace" "debug" "info" "warn" "error"))
    (export "level" (type $level-here (eq $level)))
    (export "log" (func (param "level" $level-here) (param "message" string)))))
  (core module $memory (memory (export "memory") 1) (data (i32.const 16) "a\ff\c0\80"))
  (core instance $memory (instantiate $memory))
  (core func $say (canon lower (func $log "log") (memory (core memory $memory "memory"))))
  (core module $m
    (import "host" "log" (func $log (param i32 i32 i32)))
    (func (export "f") (result i32)
      (call $log (i32.const 77) (i32.const 16) (i32.const 1))
      i32.const 1))
  (core instance $i (instantiate $m (with "host" (instance (export "log" (func $say))))))
  (func (export "attack") (result u32) (canon lift (core func $i "f"))))
