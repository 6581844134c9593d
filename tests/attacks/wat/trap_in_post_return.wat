;;! Returns its result, and traps in the function that should only tidy up.
;;! expect: unreachable
(component
  (core module $m
    (memory (export "memory") 1)
    (data (i32.const 8) "\10\00\00\00\02\00\00\00ok")
    (func (export "f") (result i32) i32.const 8)
    (func (export "post") (param i32) unreachable))
  (core instance $i (instantiate $m))
  (func (export "attack") (result string)
    (canon lift (core func $i "f") (memory (core memory $i "memory")) (post-return (core func $i "post")))))
