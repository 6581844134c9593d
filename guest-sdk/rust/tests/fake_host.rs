//! The fake host: what a task says and reads is what a test sees.

use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};

use taskhost_task::log::Level;
use taskhost_task::testing::{self, Progress};
use taskhost_task::{BlobWriter, context, debug, info, progress, warn};

#[test]
fn what_is_logged_is_seen_with_its_level() {
    let host = testing::host();
    info!("read {} rows", 3);
    warn!("one is empty");
    assert_eq!(host.log(), [(Level::Info, "read 3 rows".to_owned()), (Level::Warn, "one is empty".to_owned())]);
    assert!(host.has_logged("3 rows") && !host.has_logged("4 rows"));
}

#[test]
fn what_nobody_keeps_is_not_logged() {
    let host = testing::host();
    host.keep_from(Level::Info);
    debug!("details");
    assert!(host.log().is_empty());
}

#[test]
fn a_new_host_knows_nothing_of_the_one_before() {
    let before = testing::host();
    info!("before");
    let host = testing::host();
    info!("after");
    assert!(before.has_logged("before") && !before.has_logged("after"));
    assert!(host.has_logged("after") && !host.has_logged("before"));
}

#[test]
fn progress_and_context_are_those_of_the_host() {
    let host = testing::host();
    host.set_context(|context| context.attempt = 2);
    progress(1, 3, "one");
    assert_eq!(host.progress(), [Progress { done: 1, total: 3, message: "one".to_owned() }]);
    assert_eq!((context().attempt, context().map_index), (2, 0));
}

#[test]
fn a_blob_is_read_and_written_in_pieces() {
    let text = testing::blob("first\nsecond\n");
    assert_eq!(text.length(), 13.0);
    let lines: Vec<String> = BufReader::new(text.reader()).lines().map(|line| line.expect("text")).collect();
    assert_eq!(lines, ["first", "second"]);
    let mut reader = text.reader();
    reader.seek(SeekFrom::End(-7)).expect("a place");
    let mut end = String::new();
    reader.read_to_string(&mut end).expect("text");
    assert_eq!(end, "second\n");
    let mut writer = BlobWriter::new();
    writer.write_all(&[7; 5 << 20]).expect("room");
    assert_eq!(testing::bytes(&BlobWriter::finish(writer)), [7; 5 << 20]);
}
