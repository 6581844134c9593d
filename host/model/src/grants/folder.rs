//! `read` and `write`: folders, with everything inside.

use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::{GRANT_BYTES_MAX, GrantError};

/// What may be done in a folder.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Access {
    /// Reading what is there.
    Read,
    /// Reading, making, changing and deleting.
    Write,
}

/// A folder that a task may use. No symbolic link leads into it or out of it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct FolderGrant {
    /// Where the guest sees it: as written, without `.` and a slash at the end.
    pub guest_path: Arc<str>,
    /// The flow's folder, from which a relative path starts; none for an absolute one.
    pub base: Option<PathBuf>,
    /// What may be done there.
    pub access: Access,
}

impl FolderGrant {
    /// The folder `text` of a flow that lies in `base`.
    ///
    /// ```
    /// use taskhost_model::grants::{Access, FolderGrant};
    ///
    /// let data = FolderGrant::new("./data/", "/flows".as_ref(), Access::Read)?;
    /// assert_eq!(&*data.guest_path, "data");
    /// assert!(FolderGrant::new("../data", "/flows".as_ref(), Access::Read).is_err());
    /// # Ok::<(), taskhost_model::grants::GrantError>(())
    /// ```
    pub fn new(text: &str, base: &Path, access: Access) -> Result<FolderGrant, GrantError> {
        let help = "name a folder below the flow, such as `data`, or an absolute one";
        if text.is_empty() || text.len() > GRANT_BYTES_MAX || text.contains('\0') {
            return Err(GrantError::new(format!("`{}` is no folder", text.escape_debug()), help));
        }
        let path = Path::new(text);
        if let Some(error) = meant_for_a_shell(text) {
            return Err(error);
        }
        let mut parts: Vec<&str> = Vec::new();
        for part in path.components() {
            match part {
                Component::CurDir | Component::RootDir => {}
                Component::Normal(part) => parts.push(part.to_str().unwrap_or_default()),
                Component::ParentDir => return Err(goes_up(text, path)),
                Component::Prefix(_) => return Err(GrantError::new(format!("`{text}` has a drive letter"), help)),
            }
        }
        if path.is_absolute() && matches!(parts.first(), None | Some(&("proc" | "sys" | "dev"))) {
            // The whole file system holds /proc, which holds this process: its environment, its memory, its files.
            let message = format!("`{text}` holds this process and the machine themselves");
            return Err(GrantError::new(message, "grant the folder that the task needs"));
        }
        let joined = parts.join("/");
        let guest_path = match (path.is_absolute(), joined.is_empty()) {
            (true, _) => format!("/{joined}"),
            (false, true) => ".".to_owned(),
            (false, false) => joined,
        };
        let base = (!path.is_absolute()).then(|| base.to_owned());
        Ok(FolderGrant { guest_path: guest_path.into(), base, access })
    }

    /// Whether a guest cannot tell both apart: C libraries drop the slash of an absolute path.
    pub fn looks_like(&self, other: &FolderGrant) -> bool {
        self.base.is_some() != other.base.is_some() && self.steps().eq(other.steps())
    }

    /// The names on the way from the base (or `/`) to the folder.
    pub fn steps(&self) -> impl Iterator<Item = &str> {
        self.guest_path.split('/').filter(|part| !part.is_empty() && *part != ".")
    }

    /// Where it is on the host.
    pub fn host_path(&self) -> PathBuf {
        match &self.base {
            Some(base) => self.steps().fold(base.clone(), |path, step| path.join(step)),
            None => PathBuf::from(&*self.guest_path),
        }
    }
}

/// The error for a path with `..`, which no folder may have: what it means depends on the links on its way.
fn goes_up(text: &str, path: &Path) -> GrantError {
    let depth_min = path.components().scan(0_i64, |depth, part| {
        *depth += match part {
            Component::Normal(_) => 1,
            Component::ParentDir => -1,
            _ => 0,
        };
        Some(*depth)
    });
    if path.is_absolute() || depth_min.min() >= Some(0) {
        return GrantError::new(
            format!("`{text}` goes up by `..`, which no granted folder may"),
            "write the folder that it means",
        );
    }
    let help = "only folders below the flow can be named relative to it; name others by their absolute path";
    GrantError::new(format!("`{text}` leaves the flow's folder by `..`"), help)
}

/// The error for what a shell would put something else in place of; a folder that is really called so can be named as `./~` or from `/` on.
fn meant_for_a_shell(text: &str) -> Option<GrantError> {
    let is_name = |c: char| c.is_ascii_alphabetic() || "_{(".contains(c);
    let what = match text {
        _ if text.starts_with('~') => "`~`",
        _ if text.match_indices('$').any(|(at, _)| text[at + 1..].starts_with(is_name)) => "`$`",
        _ => return None,
    };
    let message = format!("`{}` has a {what}, and nothing is put in its place here", text.escape_debug());
    Some(GrantError::new(message, "write the absolute path, or that of a folder below the flow"))
}

impl fmt::Display for FolderGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the dot it would be what a shell replaces.
        let dot = if self.guest_path.starts_with('~') { "./" } else { "" };
        write!(f, "{dot}{}", self.guest_path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_seen_where_they_are_written() {
        for (text, guest, host) in [
            ("data", "data", "/flows/data"),
            ("./data//in/.", "data/in", "/flows/data/in"),
            (".", ".", "/flows"),
            ("/srv/data/", "/srv/data", "/srv/data"),
        ] {
            let grant = FolderGrant::new(text, Path::new("/flows"), Access::Read).expect(text);
            assert_eq!((&*grant.guest_path, grant.host_path()), (guest, PathBuf::from(host)), "{text}");
        }
    }

    #[test]
    fn what_a_shell_would_replace_is_no_folder_to_grant() {
        let error =
            |text: &str| FolderGrant::new(text, Path::new("/flows"), Access::Write).map_err(|error| error.message);
        for text in ["~", "~/out", "~ada/out", "$HOME/out", "${r}", "out/$USER", "$(pwd)"] {
            assert!(error(text).is_err_and(|message| message.contains("nothing is put in its place here")), "{text}");
        }
        for text in ["./~", "out/~", "a$", "a~b", "$1"] {
            let grant = error(text).expect(text);
            assert_eq!(grant.to_string(), text);
        }
    }

    #[test]
    fn a_way_up_is_told_by_where_it_leads() {
        let message = |text: &str| FolderGrant::new(text, Path::new("/flows"), Access::Read).expect_err(text).message;
        for text in ["..", "../x", "data/../..", "data/../../data"] {
            assert!(message(text).contains("leaves the flow's folder"), "{text}");
        }
        for text in ["data/..", "data/../x", "/srv/../etc", "/.."] {
            assert!(message(text).contains("goes up by `..`, which no granted folder may"), "{text}");
        }
    }

    #[test]
    fn what_goes_up_or_holds_the_machine_is_no_folder_to_grant() {
        for text in
            ["..", "data/../..", "data/..", "/srv/../etc", "", "a\0b", "/", "/./", "/proc", "/proc/self", "/dev"]
        {
            assert!(FolderGrant::new(text, Path::new("/flows"), Access::Write).is_err(), "{text:?}");
        }
    }
}
