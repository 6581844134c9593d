//! Links of Markdown files to other files of the project: does what they name exist?
//!
//! Addresses on the web are left alone: a check must not fail because somebody else's server does.

use std::path::Path;

/// `line: problem` for each link in `text`, the file at `path`, that leads nowhere.
pub(crate) fn broken(path: &Path, text: &str) -> Vec<String> {
    let folder = path.parent().unwrap_or(path);
    let mut broken = Vec::new();
    let mut in_code = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for link in links(line) {
            let file = link.split('#').next().unwrap_or(link);
            if !file.is_empty() && !folder.join(file).exists() {
                broken.push(format!("{}: the link to `{link}` leads nowhere", index + 1));
            }
        }
    }
    broken
}

/// Targets of `[text](target)` in a line, those on the web left out.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices("](").filter_map(|(at, open)| {
        let rest = &line[at + open.len()..];
        let target = &rest[..rest.find(')')?];
        let is_on_the_web = target.contains("://") || target.starts_with("mailto:");
        (!is_on_the_web).then(|| target.split_whitespace().next().unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_a_missing_file_is_told_with_its_line() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
        let text = "[a](Cargo.toml) [b](src/main.rs#x)\n[c](missing.md)\n```\n[d](missing.md)\n```\n[e](https://example.com) [f](#here)";
        assert_eq!(broken(&here, text), ["2: the link to `missing.md` leads nowhere"]);
    }
}
