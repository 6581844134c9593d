//! Names: which are allowed, and which one was probably meant.

use std::fmt::Write as _;

/// Names listed in a message before it says how many more there are.
const LISTED_MAX: usize = 8;

/// Pairs of letters compared for the suggestions of one flow, about half a second: a flow of 100,000 misspelt names is told
/// quickly that it is wrong.
const EFFORT_MAX: usize = 100_000_000;

/// How names look, for messages.
pub const NAME_RULE: &str =
    "names begin with a letter and are words joined by `-`, each in lower case (or all in upper case)";

/// Whether `name` is kebab-case as in WIT: words of lower-case (or upper-case) letters and digits, joined by `-`.
pub fn is_kebab(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.split('-').all(|word| {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
            let acronym = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
            !word.is_empty() && (word.chars().all(plain) || word.chars().all(acronym))
        })
}

/// A kebab-case name like `name`, if there is one: `myTask`, `my_task` and `my task` are `my-task`.
pub fn to_kebab(name: &str) -> Option<String> {
    let mut kebab = String::new();
    let mut lower_before = false;
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            if c.is_ascii_uppercase() && lower_before {
                kebab.push('-');
            }
            kebab.push(c.to_ascii_lowercase());
        } else if !kebab.ends_with('-') {
            kebab.push('-');
        }
        lower_before = c.is_ascii_lowercase();
    }
    let kebab = kebab.trim_matches('-');
    is_kebab(kebab).then(|| kebab.to_owned())
}

/// The candidate most like `name`, if one is like it.
///
/// ```
/// assert_eq!(taskhost_flow::names::nearest("stpo", ["start", "stop"]), Some("stop"));
/// ```
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    Suggestions::new().nearest(name, candidates)
}

/// The help for a name that is unknown: what was meant, else what there is.
pub fn help<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str> + Clone) -> Option<String> {
    Suggestions::new().help(name, candidates)
}

/// Finds the name that was meant, as long as its budget lasts.
pub(crate) struct Suggestions {
    effort_left: usize,
}

impl Suggestions {
    pub(crate) fn new() -> Suggestions {
        Suggestions { effort_left: EFFORT_MAX }
    }

    /// The candidate most like `name`, if one is like it.
    pub(crate) fn nearest<'a>(&mut self, name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
        let length = name.chars().count();
        let distance_max = (length / 3).max(1).min(length.saturating_sub(1));
        let mut best: Option<(usize, &str)> = None;
        for candidate in candidates {
            let likely = candidate.len().abs_diff(name.len()) <= 4 * distance_max;
            let effort = if likely { 1 + name.len() * candidate.len() } else { 1 };
            match self.effort_left.checked_sub(effort) {
                Some(left) => self.effort_left = left,
                None => break,
            }
            if !likely {
                continue;
            }
            let distance = strsim::osa_distance(name, candidate);
            if distance <= distance_max && best.is_none_or(|(least, _)| distance < least) {
                best = Some((distance, candidate));
            }
        }
        best.map(|(_, candidate)| candidate)
    }

    /// The help for a name that is unknown: what was meant, else what there is.
    pub(crate) fn help<'a, I>(&mut self, name: &str, candidates: I) -> Option<String>
    where
        I: IntoIterator<Item = &'a str> + Clone,
    {
        match self.nearest(name, candidates.clone()) {
            Some(near) => Some(format!("did you mean `{near}`?")),
            None if candidates.clone().into_iter().nth(1).is_none() => {
                listed(candidates).map(|list| format!("there is only {list}"))
            }
            None => listed(candidates).map(|list| format!("there are {list}")),
        }
    }
}

/// `a`, `b` and 3 more; nothing if there are no names. One name more than usual takes no more room than to say so.
pub(crate) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut names = names.into_iter();
    let mut shown: Vec<&str> = names.by_ref().take(LISTED_MAX + 1).collect();
    let mut left = names.count();
    if left > 0 {
        shown.truncate(LISTED_MAX);
        left += 1;
    }
    let mut text = shown.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if left > 0 {
        write!(text, " and {left} more").expect("writing to a string");
    }
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kebab_case_is_that_of_wit_and_words_may_start_with_digits() {
        for good in ["a", "number-1", "get-XML", "a1-b2", "T21", "A-b"] {
            assert!(is_kebab(good), "{good}");
        }
        for bad in ["", "1a", "a_b", "a--b", "-a", "a-", "aB", "Upper", "3d", "ä", "a.b", "a b"] {
            assert!(!is_kebab(bad), "{bad}");
        }
    }

    #[test]
    fn other_cases_are_turned_into_kebab_case() {
        assert_eq!(to_kebab("myTask_2").as_deref(), Some("my-task-2"));
        assert_eq!(to_kebab("My Task!").as_deref(), Some("my-task"));
        assert_eq!(to_kebab("1"), None);
    }

    #[test]
    fn swapped_letters_are_found_and_strangers_are_not() {
        let mut suggestions = Suggestions::new();
        assert_eq!(suggestions.nearest("nubmer-1", ["number-2", "number-1"]), Some("number-1"));
        assert_eq!(suggestions.nearest("zebra", ["number-1"]), None);
        assert_eq!(suggestions.help("zebra", ["a", "b"]).as_deref(), Some("there are `a`, `b`"));
    }
}
