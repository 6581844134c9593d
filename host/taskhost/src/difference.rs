//! What has changed since a flow run was recorded: its files line by line, its components by their digests.

use std::fmt::Write as _;

use taskhost_store::RunRecord;

/// Lines around a change that are shown, too.
const CONTEXT: usize = 2;

/// Most pairs of lines that are compared; beyond it, everything between the first and the last change is one.
const PAIRS_MAX: usize = 4_000_000;

/// In words and as a diff; empty if nothing has changed.
pub(crate) fn between(before: &RunRecord, now: &RunRecord) -> String {
    let mut out = String::new();
    for file in &before.files {
        match now.files.iter().find(|other| other.path == file.path) {
            Some(other) if other.text == file.text => {}
            Some(other) => {
                let _ = writeln!(out, "--- {0} (as it was)\n+++ {0} (as it is)", file.path);
                lines(&file.text, &other.text, &mut out);
            }
            None => {
                let _ = writeln!(out, "`{}` is no longer part of the flow", file.path);
            }
        }
    }
    for file in now.files.iter().filter(|file| before.files.iter().all(|other| other.path != file.path)) {
        let _ = writeln!(out, "`{}` is new in the flow", file.path);
    }
    for used in &before.components {
        let found = now.components.iter().find(|other| other.name == used.name && other.path == used.path);
        match found {
            Some(other) if other.digest == used.digest => {}
            Some(other) => {
                let _ = writeln!(out, "component `{}` was {} and is {}", used.name, used.digest, other.digest);
            }
            None => {
                let _ = writeln!(out, "component `{}` of `{}` is no longer used", used.name, used.path);
            }
        }
    }
    let is_new = |used: &&taskhost_store::RecordedComponent| {
        before.components.iter().all(|other| other.name != used.name || other.path != used.path)
    };
    for used in now.components.iter().filter(is_new) {
        let _ = writeln!(out, "component `{}` of `{}` is new", used.name, used.path);
    }
    out
}

/// One line of a diff: whether it is in the old text, in the new one, or in both.
#[derive(Clone, Copy)]
struct Line<'a> {
    sign: char,
    text: &'a str,
}

fn lines(before: &str, now: &str, out: &mut String) {
    let (before, now): (Vec<&str>, Vec<&str>) = (before.lines().collect(), now.lines().collect());
    let same = before.iter().zip(&now).take_while(|(old, new)| old == new).count();
    let (old, new) = (&before[same..], &now[same..]);
    let tail = old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new).count();
    let (old, new) = (&old[..old.len() - tail], &new[..new.len() - tail]);
    let line = |sign| move |text: &&'_ str| (sign, (*text).to_owned());
    let mut all: Vec<(char, String)> = before[..same].iter().map(line(' ')).collect();
    all.extend(middle(old, new).into_iter().map(|line| (line.sign, line.text.to_owned())));
    all.extend(before[before.len() - tail..].iter().map(line(' ')));
    let is_near = |at: usize| {
        all[at.saturating_sub(CONTEXT)..(at + CONTEXT + 1).min(all.len())].iter().any(|(sign, _)| *sign != ' ')
    };
    let mut left_out = false;
    for (at, (sign, text)) in all.iter().enumerate() {
        if is_near(at) {
            if left_out {
                out.push_str("@@\n");
            }
            let _ = writeln!(out, "{sign}{text}");
        }
        left_out = !is_near(at);
    }
}

/// By the longest common subsequence.
fn middle<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    let line = |sign| move |text: &&'a str| Line { sign, text };
    if old.len().saturating_mul(new.len()) > PAIRS_MAX {
        return old.iter().map(line('-')).chain(new.iter().map(line('+'))).collect();
    }
    let width = new.len() + 1;
    let mut longest = vec![0_u32; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            longest[i * width + j] = match old[i] == new[j] {
                true => longest[(i + 1) * width + j + 1] + 1,
                false => longest[(i + 1) * width + j].max(longest[i * width + j + 1]),
            };
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            lines.push(Line { sign: ' ', text: old[i] });
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || i < old.len() && longest[(i + 1) * width + j] >= longest[i * width + j + 1] {
            lines.push(Line { sign: '-', text: old[i] });
            i += 1;
        } else {
            lines.push(Line { sign: '+', text: new[j] });
            j += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diff(before: &str, now: &str) -> String {
        let mut out = String::new();
        lines(before, now, &mut out);
        out
    }

    #[test]
    fn a_diff_shows_what_changed_and_a_little_around_it() {
        let before = "a\nb\nc\nd\ne\nf\ng\nh\ni";
        assert_eq!(
            diff(before, &before.replace('b', "B").replace('h', "H\nmore")),
            " a\n-b\n+B\n c\n d\n@@\n f\n g\n-h\n+H\n+more\n i\n"
        );
        assert_eq!(diff("a\nb", "a"), " a\n-b\n");
        assert_eq!(diff("", "a"), "+a\n");
        assert_eq!(diff("a", "a"), "");
    }
}
