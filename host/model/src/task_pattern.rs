//! [`TaskPattern`]: how people name tasks of a flow run, as lists of its tasks do: `clean`, `clean[3]`, `months[*]/clean`, `months[3]/clean[1]`.
//!
//! A part without an index means all of them. A name alone means every task of that name, of subflows too; a task means all that is below it.

/// Names some task runs of a flow run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TaskPattern {
    /// Names with their indexes; none for all. Never empty.
    parts: Vec<(String, Option<u32>)>,
}

/// What a pattern means of one task.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Meant {
    /// Nothing of it.
    Nothing,
    /// All its runs.
    All,
    /// The run with this index.
    Run(u32),
}

impl Meant {
    /// Whether the run with this index is meant.
    pub fn has(self, index: u32) -> bool {
        match self {
            Meant::Nothing => false,
            Meant::All => true,
            Meant::Run(own) => own == index,
        }
    }
}

impl TaskPattern {
    /// Reads one; none if a part has no name, or an index that is neither a number nor `*`.
    pub fn parse(text: &str) -> Option<TaskPattern> {
        let part = |part: &str| {
            let (name, index) = match part.split_once('[') {
                None => (part, None),
                Some((name, rest)) => match rest.strip_suffix(']')? {
                    "*" => (name, None),
                    digits => (name, Some(digits.parse().ok()?)),
                },
            };
            (!name.is_empty()).then(|| (name.to_owned(), index))
        };
        text.split('/').map(part).collect::<Option<Vec<_>>>().map(|parts| TaskPattern { parts })
    }

    /// Its names, each with its index if it has one.
    pub fn parts(&self) -> impl ExactSizeIterator<Item = (&str, Option<u32>)> {
        self.parts.iter().map(|(name, index)| (&**name, *index))
    }

    /// What is meant of the task at this path, which may have `*` for indexes.
    pub fn of(&self, path: &str) -> Meant {
        match &*self.parts {
            [(name, index)] => {
                let at_name = path.match_indices('/').map(|(at, _)| at + 1).chain([0]);
                let meant = at_name.map(|at| of_parts(&[(name, *index)], &path[at..]));
                meant
                    .fold(Meant::Nothing, |all, one| if all == Meant::All || one == Meant::Nothing { all } else { one })
            }
            parts => of_parts(&parts.iter().map(|(name, index)| (name, *index)).collect::<Vec<_>>(), path),
        }
    }
}

/// What is meant from the first part of a path on.
fn of_parts(parts: &[(&String, Option<u32>)], path: &str) -> Meant {
    let mut path = path.split('/').peekable();
    let mut meant = Meant::All;
    for (name, index) in parts {
        let Some(part) = path.next() else { return Meant::Nothing };
        let (own, own_index) = match part.split_once('[') {
            Some((own, rest)) => (own, Some(rest.trim_end_matches(']'))),
            None => (part, None),
        };
        if own != *name {
            return Meant::Nothing;
        }
        meant = match (index, own_index) {
            (None, _) | (Some(_), Some("*")) => Meant::All,
            (Some(index), Some(own)) if own.parse() == Ok(*index) => Meant::All,
            // The last part of a path has no index: its runs do.
            (Some(index), None) if path.peek().is_none() => Meant::Run(*index),
            // What is below a subflow that is not mapped is in its only run.
            (Some(0), None) => Meant::All,
            (Some(_), _) => return Meant::Nothing,
        };
    }
    meant
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_named_with_and_without_indexes_and_means_what_is_below_it() {
        for (pattern, path, meant) in [
            ("a", "a", Meant::All),
            ("a[2]", "a", Meant::Run(2)),
            ("a[*]", "a", Meant::All),
            ("a", "ab", Meant::Nothing),
            ("a", "s/a", Meant::All),
            ("a[2]", "s[1]/a", Meant::Run(2)),
            ("s", "s/a", Meant::All),
            ("s", "s[1]/a", Meant::All),
            ("s[1]", "s[1]/t/a", Meant::All),
            ("s[1]", "s[2]/a", Meant::Nothing),
            ("s[1]", "s", Meant::Run(1)),
            ("s/a", "s[4]/a", Meant::All),
            ("s[*]/a[3]", "s[4]/a", Meant::Run(3)),
            ("s[4]/a", "s[4]/a", Meant::All),
            ("s[4]/a", "s[*]/a", Meant::All),
            ("s[4]/a", "s[5]/a", Meant::Nothing),
            ("s/a", "t/s/a", Meant::Nothing),
            ("s/a", "s", Meant::Nothing),
            ("s[0]/a", "s/a", Meant::All),
            ("s[1]/a", "s/a", Meant::Nothing),
        ] {
            let named = TaskPattern::parse(pattern).expect("a pattern");
            assert_eq!(named.of(path), meant, "{pattern} of {path}");
        }
    }

    #[test]
    fn what_names_no_task_is_no_pattern() {
        for text in ["", "/a", "a/", "a[", "a[]", "a[x]", "a[1", "[1]", "a[-1]", "a[1]b", "a[99999999999]"] {
            assert_eq!(TaskPattern::parse(text), None, "{text}");
        }
    }
}
