//! One month in a few numbers.

use crate::exports::demo::weather::tasks::{Day, Extreme, Month, Summary, Weather};

/// Means, sums and extremes of a month.
pub(crate) fn summarise(month: &Month) -> Result<Summary, String> {
    let days = &month.days;
    let best = |value: fn(&Day) -> f64| extreme(days, value).ok_or_else(|| no_days(month));
    let coldest = best(|day| -day.temp_min)?;
    Ok(Summary {
        year: month.year,
        month: month.month,
        days: days.len() as u32,
        mean_max: mean(days, |day| day.temp_max),
        mean_min: mean(days, |day| day.temp_min),
        mean_wind: mean(days, |day| day.wind),
        precipitation: days.iter().map(|day| day.precipitation).sum(),
        wet_days: days.iter().filter(|day| day.precipitation > 0.0).count() as u32,
        sunny_days: days.iter().filter(|day| day.weather == Weather::Sun).count() as u32,
        hottest: best(|day| day.temp_max)?,
        coldest: Extreme { value: -coldest.value, ..coldest },
        wettest: best(|day| day.precipitation)?,
        windiest: best(|day| day.wind)?,
    })
}

fn no_days(month: &Month) -> String {
    format!("{}-{:02} has no days", month.year, month.month)
}

fn mean(days: &[Day], value: fn(&Day) -> f64) -> f64 {
    days.iter().map(value).sum::<f64>() / days.len() as f64
}

/// The first day with the largest value.
fn extreme(days: &[Day], value: fn(&Day) -> f64) -> Option<Extreme> {
    let best = days.iter().reduce(|best, day| if value(day) > value(best) { day } else { best })?;
    Some(Extreme { date: format!("{}-{:02}-{:02}", best.year, best.month, best.day), value: value(best) })
}
