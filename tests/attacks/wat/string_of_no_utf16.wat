;;! Returns a string of UTF-16 that is half a surrogate pair.
;;! expect: /utf-?16|surrogate/
(component
  (core module $m
    (memory (export "memory") 1)
    (data (i32.const 8) "\10\00\00\00\02\00\00\00\00\d8a\00")
    (func (export "f") (result i32) i32.const 8))
  (core instance $i (instantiate $m))
  (func (export "attack") (result string)
    (canon lift (core func $i "f") (memory (core memory $i "memory")) string-encoding=utf16)))
