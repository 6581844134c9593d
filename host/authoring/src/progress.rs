//! [`Progress`]: who is told what is being done, and who may stop it.

/// Told what is being done; called from the thread that does it.
pub trait Progress {
    /// A step begins, such as `compiling with cargo`.
    fn step(&self, doing: &str);

    /// A tool said something: a sign of life, and for those who want to know it all.
    fn line(&self, line: &str);

    /// The work was done, and the tool that did it has something to say: warnings, of one line or several.
    fn warn(&self, text: &str);

    /// Whether somebody wants it to stop. Asked many times a second; a tool that runs is ended then.
    fn is_interrupted(&self) -> bool {
        false
    }
}

/// Nobody is told anything.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Progress for Silent {
    fn step(&self, _doing: &str) {}

    fn line(&self, _line: &str) {}

    fn warn(&self, _text: &str) {}
}
