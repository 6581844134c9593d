;;! Loops before it is asked anything, in its start function.
;;! limits.cpu = "50 ms"
;;! expect: used up its 50ms of CPU time
(component
  (core module $m
    (func $loop (loop $again br $again))
    (start $loop)
    (func (export "f") (result i32) i32.const 1))
  (core instance $i (instantiate $m))
  (func (export "attack") (result u32) (canon lift (core func $i "f"))))
