;;! Grows a table without end.
;;! limits.memory = "1 MiB"
;;! expect: /needed more than its 1 MiB of memory|unreachable/
(component
  (core module $m
    (table $t 1 funcref)
    (func (export "f") (result i32)
      (loop $again
        (table.grow $t (ref.null func) (i32.const 1024))
        i32.const -1
        i32.ne
        br_if $again)
      ;; The table is full before the limit is met: that is fine too, and said.
      unreachable))
  (core instance $i (instantiate $m))
  (func (export "attack") (result u32) (canon lift (core func $i "f"))))
