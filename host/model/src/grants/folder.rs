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
        let mut parts: Vec<&str> = Vec::new();
        for part in path.components() {
            match part {
                Component::CurDir | Component::RootDir => {}
                Component::Normal(part) => parts.push(part.to_str().unwrap_or_default()),
                Component::ParentDir if path.is_absolute() => {
                    return Err(GrantError::new(format!("`{text}` goes up by `..`"), "write the folder that it means"));
                }
                Component::ParentDir => {
                    let help =
                        "only folders below the flow can be named relative to it; name others by their absolute path";
                    return Err(GrantError::new(format!("`{text}` leaves the flow's folder by `..`"), help));
                }
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

impl fmt::Display for FolderGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.guest_path)
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
    fn what_goes_up_or_holds_the_machine_is_no_folder_to_grant() {
        for text in
            ["..", "data/../..", "data/..", "/srv/../etc", "", "a\0b", "/", "/./", "/proc", "/proc/self", "/dev"]
        {
            assert!(FolderGrant::new(text, Path::new("/flows"), Access::Write).is_err(), "{text:?}");
        }
    }
}
