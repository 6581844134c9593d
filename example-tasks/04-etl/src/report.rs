//! All months as a table for people, and the records among them as data.

use std::fmt::Write;

use crate::exports::demo::weather::tasks::{Extreme, Overview, Records, Summary};

/// The table and the records of all months.
pub(crate) fn report(months: &[Summary]) -> Result<Overview, String> {
    let record = |of: fn(&Summary) -> &Extreme, larger: fn(f64, f64) -> bool| {
        let best = months.iter().map(of).reduce(|best, next| if larger(next.value, best.value) { next } else { best });
        best.cloned().ok_or_else(|| "there are no months to report".to_owned())
    };
    let records = Records {
        hottest: record(|month| &month.hottest, |a, b| a > b)?,
        coldest: record(|month| &month.coldest, |a, b| a < b)?,
        wettest: record(|month| &month.wettest, |a, b| a > b)?,
        windiest: record(|month| &month.windiest, |a, b| a > b)?,
    };
    Ok(Overview { table: table(months, &records), records })
}

fn table(months: &[Summary], records: &Records) -> String {
    let mut text = String::from("month     days   max °C   min °C    rain mm   wet days   sunny days   wind m/s\n");
    for month in months {
        let Summary { year, month, days, mean_max, mean_min, precipitation, wet_days, sunny_days, mean_wind, .. } =
            month;
        // Writing into a `String` cannot fail.
        let _ = writeln!(
            text,
            "{year}-{month:02} {days:6} {mean_max:8.1} {mean_min:8.1} {precipitation:10.1} {wet_days:10} {sunny_days:12} {mean_wind:10.1}"
        );
    }
    for (name, Extreme { date, value }, unit) in [
        ("hottest", &records.hottest, "°C"),
        ("coldest", &records.coldest, "°C"),
        ("wettest", &records.wettest, "mm"),
        ("windiest", &records.windiest, "m/s"),
    ] {
        let _ = write!(text, "\n{name:<10}{value:6.1} {unit:<4}{date}");
    }
    text
}
