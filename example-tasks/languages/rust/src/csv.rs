//! A CSV file with a heading, line by line: only its numbers are kept.

use std::io::{BufRead, BufReader, Read};

/// The columns in which every value is a number, by their names.
pub fn numeric_columns(file: impl Read) -> Result<Vec<(String, Vec<f64>)>, String> {
    let mut lines = BufReader::with_capacity(64 << 10, file).lines();
    let heading = lines.next().ok_or("the file is empty")?.map_err(|error| error.to_string())?;
    let mut columns: Vec<(String, Option<Vec<f64>>)> =
        heading.split(',').map(|name| (name.trim().to_owned(), Some(Vec::new()))).collect();
    for (number, line) in (2..).zip(lines) {
        let line = line.map_err(|error| format!("line {number}: {error}"))?;
        let fields: Vec<&str> = line.split(',').collect();
        if fields.len() != columns.len() {
            return Err(format!("line {number} has {} fields, and the heading {}", fields.len(), columns.len()));
        }
        for ((_, values), field) in columns.iter_mut().zip(fields) {
            match (field.trim().parse(), &mut *values) {
                (Ok(value), Some(values)) => values.push(value),
                // One word, and it is no column of numbers.
                (Err(_), values) => *values = None,
                (Ok(_), None) => {}
            }
        }
    }
    Ok(columns.into_iter().filter_map(|(name, values)| Some((name, values?))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_with_a_word_are_left_out() {
        let file = "day,rain,sky\n1,0.5,grey\n2,0,blue\n";
        let expected = vec![("day".to_owned(), vec![1.0, 2.0]), ("rain".to_owned(), vec![0.5, 0.0])];
        assert_eq!(numeric_columns(file.as_bytes()), Ok(expected));
    }

    #[test]
    fn a_line_of_another_length_is_told() {
        let told = numeric_columns("a,b\n1,2\n3\n".as_bytes());
        assert_eq!(told, Err("line 3 has 1 fields, and the heading 2".to_owned()));
    }
}
