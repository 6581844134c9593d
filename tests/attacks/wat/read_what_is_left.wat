;;! Is the next tenant of a slot: reads its fresh memory, table and locals for anything that is not zero.
;;! alone: yes
;;! after: leave_a_pattern
;;! after: leave_a_pattern_and_end
;;! expect: ok: 0
(component
  (core module $m
    (memory 1024)
    (table $t 64 funcref)
    (func $rest (param $left i32) (result i64)
      ;; Locals that nobody has set: zero, whatever lay on the stack.
      (local $a i64) (local $b i64) (local $c f64)
      (if (result i64) (i32.eqz (local.get $left))
        (then (i64.const 0))
        (else
          (i64.or
            (call $rest (i32.sub (local.get $left) (i32.const 1)))
            (i64.or (i64.or (local.get $a) (local.get $b)) (i64.reinterpret_f64 (local.get $c)))))))
    (func (export "f") (result i64)
      (local $at i32) (local $found i64)
      (loop $memory
        (local.set $found (i64.or (local.get $found) (i64.load (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br_if $memory (i32.lt_u (local.get $at) (i32.const 0x4000000))))
      (drop (memory.grow (i32.const 512)))
      (loop $grown
        (local.set $found (i64.or (local.get $found) (i64.load (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br_if $grown (i32.lt_u (local.get $at) (i32.const 0x6000000))))
      (local.set $at (i32.const 0))
      (loop $table
        (if (i32.eqz (ref.is_null (table.get $t (local.get $at))))
          (then (local.set $found (i64.const 1))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br_if $table (i32.lt_u (local.get $at) (i32.const 64))))
      (i64.or (local.get $found) (call $rest (i32.const 1000)))))
  (core instance $i (instantiate $m))
  (func (export "attack") (result u64) (canon lift (core func $i "f"))))
