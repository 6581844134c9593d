//! [`Ceiling`]: what a worker lets task runs of other machines' flows do, and how a command line says it.

use std::path::Path;
use std::str::FromStr;

use taskhost_model::Grants;
use taskhost_model::grants::{Access, FolderGrant, GrantError};

use crate::error::{HostError, HostErrorKind};

/// What task runs of other machines' flows may do here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ceiling {
    /// What these grants cover. A flow's folder is the one of the same name below the base of these.
    Grants(Grants),
    /// Whatever their flow grants, in the same places: for workers on the host's own machine.
    Everything,
}

impl Ceiling {
    /// From keys of a task's `allow` with their values, each as often as needed. Folders are relative to `base`.
    ///
    /// ```
    /// use taskhost::Ceiling;
    ///
    /// let pairs = [("read", "data"), ("network", "db:5432"), ("env", "LANG"), ("secrets", "api-token")];
    /// Ceiling::grants(pairs.map(|(key, value)| (key.to_owned(), value.to_owned())), "/srv".as_ref())?;
    /// # Ok::<(), taskhost::HostError>(())
    /// ```
    pub fn grants(allow: impl IntoIterator<Item = (String, String)>, base: &Path) -> Result<Ceiling, HostError> {
        let mut grants = Grants::default();
        for (key, value) in allow {
            let added = match key.as_str() {
                "read" => FolderGrant::new(&value, base, Access::Read).map(|folder| grants.folders.push(folder)),
                "write" => FolderGrant::new(&value, base, Access::Write).map(|folder| grants.folders.push(folder)),
                "network" => rule(&value).map(|rule| grants.network.push(rule)),
                "http" => rule(&value).map(|rule| grants.http.push(rule)),
                "env" => {
                    grants.env.push(value.as_str().into());
                    Ok(())
                }
                "secrets" => {
                    grants.secrets.push(value.as_str().into());
                    Ok(())
                }
                _ => {
                    let message = format!("`--allow` has no key `{}` for a worker", key.escape_debug());
                    let help = "the keys are `read`, `write`, `network`, `http`, `env` and `secrets`";
                    return Err(HostError::new(HostErrorKind::Usage, message).with_help(help));
                }
            };
            added.map_err(|error| {
                // Rules on folders speak of a flow, and here is none.
                let (message, help) = match key.as_str() {
                    "read" | "write" => (
                        error.message.replace("the flow's folder", "the worker's folder"),
                        "name a folder below the worker's (`--folder`), or an absolute one".to_owned(),
                    ),
                    _ => (error.message, error.help),
                };
                HostError::new(HostErrorKind::Usage, format!("`--allow {key}`: {message}")).with_help(help)
            })?;
        }
        Ok(Ceiling::Grants(grants))
    }
}

fn rule<T: FromStr<Err = GrantError>>(text: &str) -> Result<T, GrantError> {
    text.parse()
}
