//! From text to days. The first mistake ends it, with its line: a wrong file should be seen, not half used.

use taskhost_task::info;

use crate::exports::demo::weather::tasks::{Day, Weather};

const HEADER: &str = "date,precipitation,temp_max,temp_min,wind,weather";

/// The days of a file, in its order.
pub(crate) fn read(csv: &str) -> Result<Vec<Day>, String> {
    let mut lines = csv.lines().enumerate();
    let header = lines.next().map_or("", |(_, line)| line.trim());
    if header != HEADER {
        return Err(format!("line 1 should be `{HEADER}`, not `{header}`"));
    }
    let rows = lines.filter(|(_, line)| !line.trim().is_empty());
    let days: Result<Vec<Day>, String> =
        rows.map(|(index, line)| day(line.trim()).map_err(|error| format!("line {}: {error}", index + 1))).collect();
    if let Ok(days) = &days {
        info!("read {} days", days.len());
    }
    days
}

fn day(line: &str) -> Result<Day, String> {
    let columns: Vec<&str> = line.split(',').collect();
    let [date, precipitation, temp_max, temp_min, wind, weather] = columns[..] else {
        return Err(format!("6 columns are needed, not {}", columns.len()));
    };
    let date_parts: Vec<&str> = date.split('/').collect();
    let [year, month, day] = date_parts[..] else {
        return Err(format!("`{date}` is no date like 2012/01/31"));
    };
    Ok(Day {
        year: number(year)?,
        month: number(month)?,
        day: number(day)?,
        precipitation: number(precipitation)?,
        temp_max: number(temp_max)?,
        temp_min: number(temp_min)?,
        wind: number(wind)?,
        weather: sky(weather)?,
    })
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("`{text}` is no number that fits here"))
}

fn sky(text: &str) -> Result<Weather, String> {
    match text {
        "drizzle" => Ok(Weather::Drizzle),
        "fog" => Ok(Weather::Fog),
        "rain" => Ok(Weather::Rain),
        "snow" => Ok(Weather::Snow),
        "sun" => Ok(Weather::Sun),
        _ => Err(format!("`{text}` is no weather; drizzle, fog, rain, snow or sun are")),
    }
}
