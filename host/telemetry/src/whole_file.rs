//! Writes a text to where a path leads: a file is replaced at once, so that whoever reads it sees the one before or this one. What is there and is no
//! file (a pipe, a device) is written into, and stays what it is.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Links that are followed, one after another: as many as Linux follows.
const LINKS_MAX: usize = 40;

/// How long a pipe may take nothing.
const PIPE_TIME: Duration = Duration::from_secs(2);

/// Between two tries to write into a pipe that is full.
const PIPE_PAUSE: Duration = Duration::from_millis(5);

pub(crate) fn write(path: &Path, text: &str) -> io::Result<()> {
    let path = &behind_links(path)?;
    match fs::metadata(path) {
        Ok(there) if there.is_dir() => Err(io::Error::new(ErrorKind::IsADirectory, "it is a folder")),
        Ok(there) if !there.is_file() || is_of_process(path) => write_into(path, text),
        Ok(_) => replace(path, text),
        Err(error) if error.kind() == ErrorKind::NotFound => replace(path, text),
        Err(error) => Err(error),
    }
}

/// A link there stands for a file that a process holds open, such as stdout: there is no name to put another file under.
fn is_of_process(path: &Path) -> bool {
    path.starts_with("/proc")
}

/// What a path names, which may not be there yet. The folder is one without links.
fn behind_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..=LINKS_MAX {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let Some(name) = path.file_name() else { return Ok(path) };
        let folder = fs::canonicalize(folder)?;
        path = folder.join(name);
        let is_link = fs::symlink_metadata(&path).is_ok_and(|there| there.is_symlink());
        if !is_link || is_of_process(&path) {
            return Ok(path);
        }
        path = folder.join(fs::read_link(&path)?);
    }
    Err(io::Error::other("too many symbolic links"))
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    // Not `.prom`: collectors read whatever ends so.
    name.push(format!(".{}.new", std::process::id()));
    let new = path.with_file_name(name);
    let written = File::create(&new)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&new, path));
    written.inspect_err(|_| drop(fs::remove_file(&new)))
}

/// Waits for no reader: a pipe without one is an error, one that is full may stay so for a while.
fn write_into(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, rustix::fs::OFlags::NONBLOCK.bits() as i32);
    let mut file = options.open(path).map_err(|error| match error.raw_os_error() {
        #[cfg(unix)]
        Some(code) if code == rustix::io::Errno::NXIO.raw_os_error() => io::Error::other("nobody reads from it"),
        _ => error,
    })?;
    let (mut rest, mut until) = (text.as_bytes(), Instant::now() + PIPE_TIME);
    while !rest.is_empty() {
        match file.write(rest) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(length) => {
                rest = &rest[length..];
                until = Instant::now() + PIPE_TIME;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock && Instant::now() < until => {
                std::thread::sleep(PIPE_PAUSE);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                return Err(io::Error::other("nobody reads from it"));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::Read as _;
    use std::os::unix::fs::{FileTypeExt as _, symlink};

    use super::*;

    /// An empty folder, deleted at the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let path = std::env::temp_dir().join(format!("taskhost-whole-file-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).expect("a folder");
            Folder(path)
        }

        fn pipe(&self) -> PathBuf {
            let path = self.0.join("pipe");
            let made = std::process::Command::new("mkfifo").arg(&path).status().expect("mkfifo");
            assert!(made.success());
            path
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_link_stays_one_and_the_file_that_it_leads_to_is_replaced_or_made() {
        let folder = Folder::new("links");
        let at = |name: &str| folder.0.join(name);
        fs::create_dir(at("data")).expect("a folder");
        for (link, target) in [("first", "second"), ("second", "data/metrics")] {
            symlink(target, at(link)).expect("a link");
        }
        for text in ["one", "two"] {
            write(&at("first"), text).expect("written");
            assert_eq!(fs::read_to_string(at("data/metrics")).expect("a file"), text);
        }
        assert!(fs::symlink_metadata(at("first")).is_ok_and(|there| there.is_symlink()));
        assert!(fs::symlink_metadata(at("second")).is_ok_and(|there| there.is_symlink()));
        assert_eq!(fs::read_dir(at("data")).expect("a folder").count(), 1, "nothing is left over");

        symlink("round", at("round")).expect("a link");
        assert_eq!(write(&at("round"), "x").expect_err("no end").to_string(), "too many symbolic links");
        assert_eq!(write(&at("data"), "x").expect_err("a folder").kind(), ErrorKind::IsADirectory);
    }

    #[test]
    fn a_device_is_written_into_and_stays_one() {
        write(Path::new("/dev/null"), "text").expect("written");
        let folder = Folder::new("device");
        let link = folder.0.join("null");
        symlink("/dev/null", &link).expect("a link");
        write(&link, "text").expect("written");
        assert!(fs::metadata("/dev/null").expect("a device").file_type().is_char_device());
    }

    #[test]
    fn a_pipe_that_somebody_reads_gets_all_of_it_and_one_that_nobody_reads_is_told() {
        let folder = Folder::new("pipe");
        let pipe = folder.pipe();
        assert_eq!(write(&pipe, "text").expect_err("no reader").to_string(), "nobody reads from it");
        let text = "line\n".repeat(100_000);
        // Opened for both, so that it is there before anything is written.
        let mut reader = OpenOptions::new().read(true).write(true).open(&pipe).expect("a pipe");
        let length = text.len();
        let reading = std::thread::spawn(move || {
            let mut read = vec![0; length];
            reader.read_exact(&mut read).map(|()| read)
        });
        write(&pipe, &text).expect("written");
        let read = reading.join().expect("no panic").expect("read");
        assert!(read == text.as_bytes(), "all of it");
        assert!(fs::metadata(&pipe).expect("a pipe").file_type().is_fifo());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_that_is_only_known_as_one_that_is_open_is_added_to() {
        use std::os::fd::AsRawFd as _;
        let folder = Folder::new("open");
        let path = folder.0.join("out");
        fs::write(&path, "said\n").expect("a file");
        let file = OpenOptions::new().append(true).open(&path).expect("a file");
        write(Path::new(&format!("/dev/fd/{}", file.as_raw_fd())), "text\n").expect("written");
        assert_eq!(fs::read_to_string(&path).expect("a file"), "said\ntext\n");
    }
}
