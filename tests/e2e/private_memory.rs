//! What passes through throughway's memory stays there: nobody else's process reads it, no core dump
//! has it.

use std::fs;
use std::io::Read;
use std::process::{Command, Output, Stdio};

use rustix::process::getuid;

use crate::edge::{Edge, quiet_broker, settings};

/// As every user is: without a right to look into processes of others. Root gives them away first; newer
/// kernels let whoever has one of these three read.
fn as_a_user(command: &[&str]) -> Vec<String> {
    let away = [
        "setpriv",
        "--bounding-set=-sys_ptrace,-sys_admin,-perfmon",
        "--inh-caps=-sys_ptrace,-sys_admin,-perfmon",
    ];
    let away: &[&str] = if getuid().is_root() { &away } else { &[] };
    [away, command]
        .concat()
        .into_iter()
        .map(str::to_owned)
        .collect()
}

fn environment_of(process: i32) -> Output {
    let path = format!("/proc/{process}/environ");
    let command = as_a_user(&["cat", &path]);
    Command::new(&command[0])
        .args(&command[1..])
        .output()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_process_of_its_user_reads_its_memory_and_no_core_is_dumped() {
    // That a process like any other can be read this way.
    let command = as_a_user(&["sh", "-c", "echo begun; exec sleep 600"]);
    let mut plain = Command::new(&command[0])
        .args(&command[1..])
        .env("MARKER", "to be seen")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // Before that it may still be root.
    let mut word = [0; 6];
    let mut words = plain.stdout.take().unwrap();
    words.read_exact(&mut word).unwrap();
    let id = i32::try_from(plain.id()).unwrap();
    let read = environment_of(id);
    plain.kill().unwrap();
    plain.wait().unwrap();
    let seen = String::from_utf8_lossy(&read.stdout).into_owned();
    assert!(
        read.status.success() && seen.contains("to be seen"),
        "{read:?}"
    );

    let broker = quiet_broker().await;
    let (mut settings, port) = settings(&broker);
    settings.launched_by(as_a_user(&[]).into_iter().map(Into::into));
    let edge = Edge::start(&settings, port);
    let id = edge.process().id();
    let read = environment_of(id);
    assert!(!read.status.success() && read.stdout.is_empty(), "{read:?}");
    let limits = fs::read_to_string(format!("/proc/{id}/limits")).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let core: Vec<_> = core.unwrap().split_whitespace().skip(4).take(2).collect();
    assert_eq!(core, ["0", "0"]);
    edge.log_in(1).await;
}
