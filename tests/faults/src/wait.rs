//! Waiting for what can be seen, with a deadline.

use std::time::{Duration, Instant};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// What `look` gives as soon as it gives something; an error that says what it was waited for after `max`.
pub fn until<T>(what: &str, max: Duration, mut look: impl FnMut() -> Option<T>) -> Result<T, String> {
    let since = Instant::now();
    loop {
        if let Some(found) = look() {
            return Ok(found);
        }
        if since.elapsed() > max {
            return Err(format!("waited {max:?} for {what}"));
        }
        std::thread::sleep(LOOK);
    }
}

/// The same for what is so or not; gives how long it took.
pub fn eventually(what: &str, max: Duration, mut is_so: impl FnMut() -> bool) -> Result<Duration, String> {
    let since = Instant::now();
    until(what, max, || is_so().then_some(())).map(|()| since.elapsed())
}
