;;! Returns its result, and loops in the function that should only tidy up.
;;! limits.cpu = "50 ms"
;;! expect: used up its 50ms of CPU time
(component
  (core module $m
    (memory (export "memory") 1)
    (data (i32.const 8) "\10\00\00\00\02\00\00\00ok")
    (func (export "f") (result i32) i32.const 8)
    (func (export "post") (param i32) (loop $again br $again)))
  (core instance $i (instantiate $m))
  (func (export "attack") (result string)
    (canon lift (core func $i "f") (memory (core memory $i "memory")) (post-return (core func $i "post")))))
