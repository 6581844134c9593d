//! Days that can be believed, sorted, each once.

use taskhost_task::warn;

use crate::exports::demo::weather::tasks::{Cleaned, Day};

/// Sorts the days and drops those that cannot be.
pub(crate) fn clean(mut days: Vec<Day>) -> Cleaned {
    let before = days.len();
    days.retain(is_plausible);
    // A stable sort: of two rows for one day, the first in the file stays.
    days.sort_by_key(date);
    days.dedup_by_key(|day| date(day));
    let dropped = (before - days.len()) as u32;
    if dropped > 0 {
        warn!("dropped {dropped} of {before} days");
    }
    Cleaned { days, dropped }
}

fn date(day: &Day) -> (u16, u8, u8) {
    (day.year, day.month, day.day)
}

fn is_plausible(day: &Day) -> bool {
    let is_date = (1..=12).contains(&day.month) && (1..=31).contains(&day.day);
    let are_temperatures = day.temp_min <= day.temp_max && day.temp_min > -90.0 && day.temp_max < 60.0;
    let is_rain = (0.0..2000.0).contains(&day.precipitation);
    let is_wind = (0.0..120.0).contains(&day.wind);
    is_date && are_temperatures && is_rain && is_wind
}
