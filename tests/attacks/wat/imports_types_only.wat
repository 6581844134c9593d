;;! Imports an interface that the host has never heard of, which has only types: it asks for nothing.
;;! expect: ok: 1
(component
  (import "acme:shop/articles@1.0.0" (instance
    (type $article (record (field "name" string)))
    (export "article" (type (eq $article)))))
  (core module $m (func (export "f") (result i32) i32.const 1))
  (core instance $i (instantiate $m))
  (func (export "attack") (result u32) (canon lift (core func $i "f"))))
