//! [`world!`](crate::world): the bindings of a task's own WIT, and the WIT itself for `taskhost inspect`.

/// Makes Rust out of `wit/world.wit`: a trait `Guest` for each exported interface, and the macro `export!`.
///
/// It is [`wit_bindgen::generate!`](wit_bindgen::generate) with two additions: the interfaces of `taskhost:task` are those of
/// this crate, and the text of `wit/world.wit` goes into the component (custom section `taskhost:wit`), so that its comments
/// are not lost.
///
/// ```ignore
/// // The WIT of taskhost:task lies in wit/deps/:
/// taskhost_task::world!({ world: "numbers" });
/// // … or in a folder of its own, named before the task's:
/// taskhost_task::world!({ world: "demo:numbers/numbers", path: ["../../wit", "wit"] });
/// ```
///
/// Options after these go to `generate!` as they are, such as `additional_derives: [PartialEq]`.
#[macro_export]
macro_rules! world {
    ({ world: $world:literal $(,)? }) => {
        $crate::world!({ world: $world, path: ["wit"] });
    };
    ({ world: $world:literal, path: [$($path:literal),+ $(,)?] $(, $($option:tt)*)? }) => {
        $crate::wit_bindgen::generate!({
            world: $world,
            path: [$($path),+],
            runtime_path: "::taskhost_task::wit_bindgen::rt",
            with: {
                "taskhost:task/log@0.1.0": ::taskhost_task::bindings::taskhost::task::log,
                "taskhost:task/progress@0.1.0": ::taskhost_task::bindings::taskhost::task::progress,
                "taskhost:task/context@0.1.0": ::taskhost_task::bindings::taskhost::task::context,
                "taskhost:task/blobs@0.1.0": ::taskhost_task::bindings::taskhost::task::blobs,
            },
            $($($option)*)?
        });
        $crate::embed_wit!("/wit/world.wit");
    };
    ({ world: $world:literal, $($option:tt)+ }) => {
        $crate::world!({ world: $world, path: ["wit"], $($option)+ });
    };
}

/// Puts a file of WIT into the component, as the custom section `taskhost:wit`; [`world!`](crate::world) calls it.
#[doc(hidden)]
#[macro_export]
macro_rules! embed_wit {
    ($file:literal) => {
        const _: () = {
            const TEXT: &[u8] = ::core::include_bytes!(::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), $file));
            // A link section of wasm is a custom section: bytes beside the code that nothing can jump to.
            #[cfg_attr(target_arch = "wasm32", unsafe(link_section = "taskhost:wit"))]
            #[used]
            static WIT: [u8; TEXT.len()] = {
                let mut bytes = [0; TEXT.len()];
                bytes.copy_from_slice(TEXT);
                bytes
            };
        };
    };
}
