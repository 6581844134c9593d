;;! Returns a char that is half a surrogate pair.
;;! expect: /char|integer/
(component
  (core module $m (func (export "f") (result i32) i32.const 0xd800))
  (core instance $i (instantiate $m))
  (func (export "attack") (result char) (canon lift (core func $i "f"))))
