//! [`Arena`]: the surroundings of an attack: a flow's folder with things to break out to, and a server that nobody may reach.
//!
//! ```text
//! secret.txt                  what no guest may read or change
//! other/file.txt              a folder that is never granted
//! data/inside.txt  deep/file.txt  hard.txt (a second name of inside.txt)
//!      link-up → ..   link-secret → ../secret.txt   link-absolute → $FOLDER/secret.txt   link-other → ../other
//!      link-inside → inside.txt   link-loop → link-loop
//! out/                        empty
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// What no guest may see.
pub(crate) const SECRET: &str = "the host's secret";

/// A folder, deleted at the end, and a listening server.
pub(crate) struct Arena {
    pub(crate) folder: PathBuf,
    pub(crate) port: u16,
    server: TcpListener,
    before: BTreeMap<PathBuf, String>,
}

impl Arena {
    pub(crate) fn new(name: &str) -> std::io::Result<Arena> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let unique = format!("{name}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).canonicalize()?.join("attacks").join(unique);
        furnish(&folder)?;
        let server = TcpListener::bind("127.0.0.1:0")?;
        server.set_nonblocking(true)?;
        let port = server.local_addr()?.port();
        let before = everything(&folder);
        Ok(Arena { folder, port, server, before })
    }

    /// What became different outside the folders that may change, or who connected.
    pub(crate) fn damage(&self, may_change: &[String], may_connect: bool) -> Vec<String> {
        let mut damage = Vec::new();
        let after = everything(&self.folder);
        let free = |path: &Path| may_change.iter().any(|folder| path.starts_with(folder));
        for path in self.before.keys().chain(after.keys()).filter(|path| !free(path)) {
            if self.before.get(path) != after.get(path) {
                damage.push(format!(
                    "`{}` is {:?} and was {:?}",
                    path.display(),
                    after.get(path),
                    self.before.get(path)
                ));
            }
        }
        damage.dedup();
        if let (Ok((_, address)), false) = (self.server.accept(), may_connect) {
            damage.push(format!("the server on loopback was reached from {address}"));
        }
        damage
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // What is left over lies in the target folder, where it does no harm.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn furnish(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder.join("data/deep"))?;
    fs::create_dir_all(folder.join("out"))?;
    fs::create_dir_all(folder.join("other"))?;
    fs::write(folder.join("secret.txt"), SECRET)?;
    fs::write(folder.join("other/file.txt"), SECRET)?;
    fs::write(folder.join("data/inside.txt"), "inside")?;
    fs::write(folder.join("data/deep/file.txt"), "deep inside")?;
    fs::hard_link(folder.join("data/inside.txt"), folder.join("data/hard.txt"))?;
    links(&folder.join("data"), &folder.join("secret.txt"))
}

#[cfg(unix)]
fn links(data: &Path, secret: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::symlink;
    symlink(secret, data.join("link-absolute"))?;
    for (to, name) in [
        ("..", "link-up"),
        ("../secret.txt", "link-secret"),
        ("../other", "link-other"),
        ("inside.txt", "link-inside"),
        ("link-loop", "link-loop"),
    ] {
        symlink(to, data.join(name))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn links(_: &Path, _: &Path) -> std::io::Result<()> {
    Ok(())
}

/// Each path below `folder`, with what lies there.
fn everything(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut left = vec![folder.to_owned()];
    while let Some(next) = left.pop() {
        for path in fs::read_dir(&next).into_iter().flatten().flatten().map(|entry| entry.path()) {
            let what = match fs::read_link(&path) {
                Ok(to) => format!("a link to {}", to.display()),
                Err(_) if path.is_dir() => {
                    left.push(path.clone());
                    "a folder".to_owned()
                }
                Err(_) => fs::read_to_string(&path).unwrap_or_else(|error| error.to_string()),
            };
            found.insert(path.strip_prefix(folder).unwrap_or(&path).to_owned(), what);
        }
    }
    found
}
