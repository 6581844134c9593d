//! What [`bindings`](crate::bindings) are where no host is: the same items, answered by the fake host of [`testing`](crate::testing).
//!
//! What [`world!`](crate::world) generates names these items, so their names, types and hidden functions are those of generated ones.

#[allow(missing_docs, reason = "the documentation is in task.wit")]
pub mod taskhost {
    pub mod task {
        pub mod log {
            use crate::testing::with_current;

            #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
            pub enum Level {
                Trace,
                Debug,
                Info,
                Warn,
                Error,
            }

            pub fn log(level: Level, message: &str) {
                with_current(|host| host.log.push((level, message.to_owned())));
            }

            pub fn enabled(level: Level) -> bool {
                with_current(|host| level >= host.least_level)
            }
        }

        pub mod progress {
            use crate::testing::{Progress, with_current};

            pub fn report(done: u32, total: u32, message: &str) {
                let progress = Progress { done, total, message: message.to_owned() };
                with_current(|host| host.progress.push(progress));
            }
        }

        pub mod context {
            use crate::testing::with_current;

            #[derive(Clone, PartialEq, Debug)]
            pub struct Context {
                pub flow_run: String,
                pub task: String,
                pub task_run: String,
                pub attempt: u32,
                pub mapped: bool,
                pub map_index: u32,
                pub seconds_left: f64,
            }

            pub fn get() -> Context {
                with_current(|host| host.context.clone())
            }
        }

        pub mod blobs {
            use std::cell::RefCell;
            use std::sync::Arc;

            use crate::blob::PIECE_BYTES_MAX;

            /// Handles are of the border between a component and its host.
            const NO_BORDER: &str = "there are no handles outside a component";

            #[derive(Debug)]
            pub struct Blob {
                bytes: Arc<[u8]>,
            }

            impl Blob {
                pub(crate) fn of(bytes: &[u8]) -> Blob {
                    Blob { bytes: bytes.into() }
                }

                pub fn length(&self) -> f64 {
                    self.bytes.len() as f64
                }

                pub fn read(&self, offset: f64, most: u32) -> Vec<u8> {
                    assert!(offset >= 0.0 && offset.fract() == 0.0, "a blob has no offset {offset}");
                    let start = (offset as usize).min(self.bytes.len());
                    let length = (most as usize).min(PIECE_BYTES_MAX).min(self.bytes.len() - start);
                    self.bytes[start..start + length].to_vec()
                }

                #[doc(hidden)]
                pub unsafe fn from_handle(_handle: u32) -> Blob {
                    unreachable!("{NO_BORDER}")
                }

                #[doc(hidden)]
                pub fn take_handle(&self) -> u32 {
                    unreachable!("{NO_BORDER}")
                }

                #[doc(hidden)]
                pub fn handle(&self) -> u32 {
                    unreachable!("{NO_BORDER}")
                }
            }

            #[derive(Debug)]
            pub struct BlobWriter {
                bytes: RefCell<Vec<u8>>,
            }

            #[expect(clippy::new_without_default, reason = "a generated resource has none either")]
            impl BlobWriter {
                pub fn new() -> BlobWriter {
                    BlobWriter { bytes: RefCell::new(Vec::new()) }
                }

                pub fn append(&self, bytes: &[u8]) {
                    assert!(bytes.len() <= PIECE_BYTES_MAX, "at most 4 MiB are appended at once");
                    self.bytes.borrow_mut().extend_from_slice(bytes);
                }

                pub fn finish(writer: BlobWriter) -> Blob {
                    Blob { bytes: writer.bytes.into_inner().into() }
                }

                #[doc(hidden)]
                pub unsafe fn from_handle(_handle: u32) -> BlobWriter {
                    unreachable!("{NO_BORDER}")
                }

                #[doc(hidden)]
                pub fn take_handle(&self) -> u32 {
                    unreachable!("{NO_BORDER}")
                }

                #[doc(hidden)]
                pub fn handle(&self) -> u32 {
                    unreachable!("{NO_BORDER}")
                }
            }
        }
    }
}
