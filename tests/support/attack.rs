//! [`Attack`]: what the header of an attack's file says.

use std::path::{Path, PathBuf};

use libtest_mimic::Failed;
use regex_lite::Regex;

/// A hostile guest and how it must end. Its header is the first lines of its file that begin with `//!` or `;;!`:
///
/// ```text
/// //! What it does.
/// //! limits.cpu = "50 ms"                       any key of a task; $FOLDER is the flow's folder, $PORT the forbidden server's
/// //! expect: used up its 50ms of CPU time       a part of the failure's message, or
/// //! expect: /one|another/                      a pattern of it, or
/// //! expect: ok: a part of its result           or
/// //! expect: rejected: a part of the reason     or
/// //! expect: cancelled
/// //! cancel-at: a line that it prints           the flow run is cancelled there
/// //! arguments: text = "hello"                  for a component of its own: a table of TOML without its braces
/// //! alone: yes                                 on a host with one slot, so that the slot is used again
/// //! after: leave_a_pattern                     another attack that is made on that host before
/// //! beside: swap_links                         another attack that is made in the same folder at the same time
/// //! writes: data                               a folder that may change; `out` always may
/// //! connects: yes                              the server on loopback may be reached
/// //! needs: files                               what it cannot run without; see `MISSING`
/// ```
pub(crate) struct Attack {
    pub(crate) name: String,
    pub(crate) source: PathBuf,
    /// Lines of a task's table.
    pub(crate) keys: Vec<String>,
    pub(crate) expect: String,
    pub(crate) cancel_at: Option<String>,
    pub(crate) arguments: String,
    pub(crate) is_alone: bool,
    pub(crate) after: Vec<String>,
    pub(crate) beside: Option<String>,
    pub(crate) writes: Vec<String>,
    pub(crate) connects: bool,
    pub(crate) needs: Vec<String>,
}

impl Attack {
    /// Those below `folder`, by name.
    pub(crate) fn all(folder: &Path) -> Vec<Attack> {
        let mut attacks: Vec<Attack> = ["src", "wat"]
            .iter()
            .flat_map(|part| std::fs::read_dir(folder.join(part)).expect("the attacks' folder").flatten())
            .map(|entry| entry.path())
            .filter(|path| path.file_name().is_some_and(|name| name != "lib.rs"))
            .map(|path| Attack::read(&path))
            .collect();
        attacks.sort_by(|a, b| a.name.cmp(&b.name));
        attacks
    }

    fn read(path: &Path) -> Attack {
        let text = std::fs::read_to_string(path).expect("an attack's file");
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mut attack = Attack {
            name,
            source: path.to_owned(),
            keys: Vec::new(),
            expect: String::new(),
            cancel_at: None,
            arguments: String::new(),
            is_alone: false,
            after: Vec::new(),
            beside: None,
            writes: vec!["out".to_owned()],
            connects: false,
            needs: Vec::new(),
        };
        let header = text.lines().map_while(|line| line.strip_prefix("//!").or_else(|| line.strip_prefix(";;!")));
        // The first line is for people.
        header.skip(1).for_each(|line| attack.read_line(line.trim()));
        attack
    }

    fn read_line(&mut self, line: &str) {
        match line.split_once(": ") {
            Some(("expect", text)) => self.expect = text.to_owned(),
            Some(("cancel-at", text)) => self.cancel_at = Some(text.to_owned()),
            Some(("arguments", text)) => self.arguments = text.to_owned(),
            Some(("alone", _)) => self.is_alone = true,
            Some(("after", name)) => self.after.push(name.to_owned()),
            Some(("beside", name)) => self.beside = Some(name.to_owned()),
            Some(("writes", folder)) => self.writes.push(folder.to_owned()),
            Some(("connects", _)) => self.connects = true,
            Some(("needs", what)) => self.needs.push(what.to_owned()),
            _ if line.contains(" = ") => self.keys.push(line.to_owned()),
            // More about what it does.
            _ => {}
        }
    }

    /// Whether it is a component of its own.
    pub(crate) fn is_wat(&self) -> bool {
        self.source.extension().is_some_and(|ending| ending == "wat")
    }

    /// Compares how it ended (`ok: …`, `failed: …`, `rejected: …`, `cancelled`) with what is expected.
    pub(crate) fn judge(&self, ending: &str) -> Result<(), Failed> {
        let (kind, wanted) = match self.expect.split_once(": ") {
            Some((kind @ ("ok" | "rejected"), wanted)) => (kind, wanted),
            _ if self.expect == "cancelled" => ("cancelled", ""),
            _ => ("failed", &*self.expect),
        };
        let fits = match wanted.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
            Some(pattern) => Regex::new(&format!("(?i){pattern}")).map_err(|error| error.to_string())?.is_match(ending),
            None => ending.contains(wanted),
        };
        if ending.starts_with(kind) && fits && !self.expect.is_empty() {
            return Ok(());
        }
        Err(format!("should end with `{kind}`: {wanted}\nbut ended with {ending}").into())
    }
}
