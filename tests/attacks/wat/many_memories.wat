;;! Has twenty memories, each of which is small enough alone.
;;! limits.memory = "64 MiB"
;;! expect: needed more than its 64 MiB of memory
(component
  (core module $m (memory 64))
  (core instance (instantiate $m)) (core instance (instantiate $m)) (core instance (instantiate $m)) (core instance (instantiate $m))
  (core instance (instantiate $m)) (core instance (instantiate $m)) (core instance (instantiate $m)) (core instance (instantiate $m))
  (core instance (instantiate $m)) (core instance (instantiate $m)) (core instance (instantiate $m)) (core instance (instantiate $m))
  (core instance (instantiate $m)) (core instance (instantiate $m)) (core instance (instantiate $m)) (core instance (instantiate $m))
  (core instance (instantiate $m)) (core instance (instantiate $m)) (core instance (instantiate $m)) (core instance (instantiate $m))
  (core module $f (func (export "f") (result i32) i32.const 1))
  (core instance $i (instantiate $f))
  (func (export "attack") (result u32) (canon lift (core func $i "f"))))
