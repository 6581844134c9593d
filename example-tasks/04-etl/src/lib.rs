//! Tasks over daily weather: [`read`] a file, [`clean`] it, split it into months, summarise each, and [`report`].

mod clean;
mod read;
mod report;
mod summarise;

use exports::demo::weather::tasks::{Cleaned, Day, Guest, Month, Overview, Summary};

taskhost_task::world!({ world: "demo:weather/weather", path: ["../../wit", "wit"] });

struct Weather;

impl Guest for Weather {
    fn read(csv: String) -> Result<Vec<Day>, String> {
        read::read(&csv)
    }

    fn clean(days: Vec<Day>) -> Cleaned {
        clean::clean(days)
    }

    fn split(days: Vec<Day>) -> Vec<Month> {
        let months = days.chunk_by(|a, b| (a.year, a.month) == (b.year, b.month));
        months.map(|days| Month { year: days[0].year, month: days[0].month, days: days.to_vec() }).collect()
    }

    fn summarise(month: Month) -> Result<Summary, String> {
        summarise::summarise(&month)
    }

    fn report(months: Vec<Summary>) -> Result<Overview, String> {
        report::report(&months)
    }
}

export!(Weather);
