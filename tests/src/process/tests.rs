//! What holds for every child.

use std::ffi::OsString;
use std::time::Duration;

use super::Process;

const LIMIT: Duration = Duration::from_secs(20);

fn start(script: &str, folder: &tempfile::TempDir) -> Process {
    let command = ["sh", "-c", script].map(OsString::from);
    Process::start(&command, &[], &folder.path().join("log")).unwrap()
}

#[test]
fn hands_on_output_and_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = start("echo out; echo err >&2; exit 7", &folder);
    assert_eq!(child.wait_for_line("err", LIMIT).unwrap(), "err");
    assert_eq!(child.wait(LIMIT).unwrap().code(), Some(7));
    assert_eq!(child.lines(), ["out", "err"]);
}

#[test]
fn says_that_the_child_ended_before_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let error = start("echo hello", &folder)
        .wait_for_line("ready", LIMIT)
        .unwrap_err();
    assert!(error.to_string().contains("ended"), "{error}");
}

#[test]
fn a_closed_leash_kills_the_child() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = start("trap '' TERM; echo up; while :; do sleep 60; done", &folder);
    child.wait_for_line("up", LIMIT).unwrap();
    // What the kernel does when this process dies.
    child.leash = None;
    let mut status = child.child.wait().unwrap();
    assert_eq!(status.code(), Some(137));
    status = child.child.wait().unwrap();
    assert!(!status.success());
}
