//! The tasks: what comes in is checked here, and computed in [`numbers`].

mod csv;
mod numbers;

use exports::demo::statistics::tasks::{Blob, Column, Guest, Interval, Line, Summary};
use taskhost_task::info;

taskhost_task::world!({ world: "statistics" });

struct Statistics;

impl Guest for Statistics {
    fn columns(csv: &Blob) -> Result<Vec<Column>, String> {
        let columns = csv::numeric_columns(csv.reader())?;
        info!("{} columns of numbers", columns.len());
        Ok(columns.into_iter().map(|(name, values)| Column { name, values }).collect())
    }

    fn pick(columns: Vec<Column>, name: String) -> Result<Column, String> {
        let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        let found = columns.into_iter().find(|column| column.name == name);
        found.ok_or_else(|| format!("there is no column `{name}` of numbers, only {}", names.join(", ")))
    }

    fn summarise(Column { name, mut values }: Column) -> Result<Summary, String> {
        let moments = numbers::Moments::of(&values).ok_or_else(|| format!("`{name}` has no values"))?;
        values.sort_by(f64::total_cmp);
        let quantile = |part| numbers::quantile(&values, part);
        Ok(Summary {
            count: moments.count,
            mean: moments.mean,
            standard_deviation: moments.standard_deviation(),
            minimum: quantile(0.0),
            lower_quartile: quantile(0.25),
            median: quantile(0.5),
            upper_quartile: quantile(0.75),
            maximum: quantile(1.0),
            name,
        })
    }

    fn fit(x: Column, y: Column) -> Result<Line, String> {
        if x.values.len() != y.values.len() {
            return Err(format!("`{}` has {} values and `{}` {}", x.name, x.values.len(), y.name, y.values.len()));
        }
        let fit = numbers::fit(&x.values, &y.values);
        let (slope, intercept, r_squared) = fit.ok_or_else(|| format!("`{}` has no two different values", x.name))?;
        Ok(Line { slope, intercept, r_squared })
    }

    fn resample(column: Column, samples: u32, seed: u64) -> Result<Vec<f64>, String> {
        if column.values.is_empty() {
            return Err(format!("`{}` has no values", column.name));
        }
        let mut random = numbers::SplitMix64(seed);
        let mean = |done| {
            taskhost_task::progress(done, samples, "resampling");
            numbers::mean_of_sample(&column.values, &mut random)
        };
        Ok((0..samples).map(mean).collect())
    }

    fn confidence(means: Vec<Vec<f64>>, level: f64) -> Result<Interval, String> {
        let mut means = means.concat();
        if means.is_empty() || !(0.0..1.0).contains(&level) {
            return Err("means, and a level between 0 and 1, are wanted".to_owned());
        }
        means.sort_by(f64::total_cmp);
        let outside = (1.0 - level) / 2.0;
        let (low, high) = (numbers::quantile(&means, outside), numbers::quantile(&means, 1.0 - outside));
        Ok(Interval { level, low, high })
    }

    fn table(summaries: Vec<Summary>) -> String {
        let width = summaries.iter().map(|each| each.name.len()).max().unwrap_or_default();
        let heading = format!("{:width$}  count     mean       sd      min      25%   median      75%      max\n", "");
        let rows = summaries.iter().map(|each| {
            let Summary { name, count, mean, standard_deviation: sd, minimum, median, maximum, .. } = each;
            let (lower, upper) = (each.lower_quartile, each.upper_quartile);
            let numbers = [*mean, *sd, *minimum, lower, *median, upper, *maximum].map(|number| format!(" {number:>8.2}"));
            format!("{name:width$} {count:>6}{}\n", numbers.concat())
        });
        heading + &rows.collect::<String>()
    }
}

export!(Statistics);
