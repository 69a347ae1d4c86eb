//! Turns an admitted component into code, in a child process of this very binary.
//!
//! Compiling is the one step whose cost a hostile component decides: a compiler may recurse, loop or
//! allocate without end. The child has hard limits of memory and processor time, an empty
//! environment and no file, and its memory goes with it. It must not know what is admitted.

use std::io::{self, Read, Write};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::engine::{Limits, engine};
use super::shown;
use crate::config::LimitsProfile;

/// The hidden subcommand, which the command line hands to `serve`.
const COMMAND: &str = "compile-address-map";
/// What runs in the child even after the binary on disk was replaced.
const OURSELVES: &str = "/proc/self/exe";
/// Compiling recurses deeper than a thread's usual 2 MiB in unoptimised builds.
const STACK: usize = 16 * 1024 * 1024;
/// Beyond this a compiler's words are not kept.
const MOST_WORDS: u64 = 4096;
const MIB: u64 = 1024 * 1024;

/// What the child may use.
#[derive(Clone, Copy, Debug)]
struct Allowance {
    /// Bytes of address space.
    memory: u64,
    /// Seconds of processor time.
    seconds: u64,
    /// Bytes of code.
    code: u64,
}

impl Allowance {
    /// A JavaScript component of 12 MB needs 0.4 GiB and 8 s in a release build, and several times
    /// as long in an unoptimised one.
    fn of(profile: LimitsProfile) -> Self {
        match profile {
            LimitsProfile::Small => Self {
                memory: 1024 * MIB,
                seconds: 30,
                code: 64 * MIB,
            },
            LimitsProfile::Runtime => Self {
                memory: 4096 * MIB,
                seconds: 240,
                code: 256 * MIB,
            },
        }
    }
}

/// Why there is no code.
#[derive(Debug, thiserror::Error)]
pub(super) enum CompileError {
    /// There is no child, which says nothing about the component.
    #[error("no process to compile it in: {0}")]
    NotStarted(#[source] io::Error),
    /// Most likely the component's fault, in words.
    #[error("{0}")]
    Failed(String),
}

/// Compiles in this process: for the child itself, and where no child can be had.
pub(super) fn here(bytes: &[u8], profile: LimitsProfile) -> Result<Vec<u8>, String> {
    engine(&Limits::of(profile))
        .and_then(|engine| engine.precompile_component(bytes))
        .map_err(|error| shown(&format!("{error:#}")))
}

/// Compiles in a child and takes over its code.
pub(super) fn in_child(bytes: &[u8], profile: LimitsProfile) -> Result<Vec<u8>, CompileError> {
    let allowance = Allowance::of(profile);
    let mut child = Command::new(OURSELVES)
        .arg0("throughway")
        .args([COMMAND, word(profile)])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(CompileError::NotStarted)?;
    let exchanged = exchange(&mut child, bytes.to_vec(), allowance);
    // The processor's time is bounded; this bounds a child that is not given any.
    let wall = Duration::from_secs(allowance.seconds.saturating_mul(4));
    let answer = exchanged.and_then(|answer| {
        answer
            .recv_timeout(wall)
            .map_err(|_late| io::Error::from(io::ErrorKind::TimedOut))
    });
    if answer.is_err() {
        let _gone = child.kill();
    }
    let status = child.wait().map_err(CompileError::NotStarted)?;
    let failed = |why: String| Err(CompileError::Failed(why));
    match answer {
        Ok(answer) if status.success() && !answer.code.is_empty() => {
            if u64::try_from(answer.code.len()).unwrap_or(u64::MAX) > allowance.code {
                return failed(format!("its code has more than {} bytes", allowance.code));
            }
            Ok(answer.code)
        }
        Ok(answer) => failed(verdict(status, allowance, &answer.words)),
        Err(_late) => failed("compiling it did not end".into()),
    }
}

/// What came back.
struct Answer {
    code: Vec<u8>,
    words: String,
}

/// Hands the component over and collects what comes back, on a thread: a pipe may stall.
fn exchange(
    child: &mut Child,
    bytes: Vec<u8>,
    allowance: Allowance,
) -> io::Result<mpsc::Receiver<Answer>> {
    let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(mut stdin), Some(stdout), Some(stderr)) = pipes else {
        return Err(io::Error::from(io::ErrorKind::BrokenPipe));
    };
    let (tell, answer) = mpsc::sync_channel(1);
    thread::Builder::new()
        .name("address-map-code".into())
        .spawn(move || {
            // A child that ended early says why on standard error.
            let _ended = stdin.write_all(&bytes);
            drop(stdin);
            let (mut code, mut words) = (Vec::new(), Vec::new());
            let most = allowance.code.saturating_add(1);
            let _cut_short = stdout.take(most).read_to_end(&mut code);
            let _cut_short = stderr.take(MOST_WORDS).read_to_end(&mut words);
            let words = String::from_utf8_lossy(&words).into_owned();
            let _gave_up = tell.send(Answer { code, words });
        })?;
    Ok(answer)
}

fn verdict(status: ExitStatus, allowance: Allowance, words: &str) -> String {
    const KILL: i32 = 9;
    const XCPU: i32 = 24;
    const ABORT: i32 = 6;
    match status.signal() {
        Some(KILL | XCPU) => format!(
            "compiling it took more than {} s of processor time",
            allowance.seconds
        ),
        // Memory that is not to be had ends a Rust program so.
        Some(ABORT) => format!(
            "compiling it took more than {} MiB of memory: {}",
            allowance.memory / MIB,
            shown(words.trim())
        ),
        Some(signal) => format!("compiling it ended with signal {signal}"),
        None => format!("it cannot be compiled: {}", shown(words.trim())),
    }
}

fn word(profile: LimitsProfile) -> &'static str {
    match profile {
        LimitsProfile::Small => "small",
        LimitsProfile::Runtime => "runtime",
    }
}

/// The child's whole life: limits, component in, code out.
pub(super) fn serve(profile: &str) -> Result<(), String> {
    let profile = match profile {
        "small" => LimitsProfile::Small,
        "runtime" => LimitsProfile::Runtime,
        other => return Err(format!("no limits are called {}", shown(other))),
    };
    confine(Allowance::of(profile)).map_err(|error| format!("its limits: {error}"))?;
    let run = move || {
        let most = u64::try_from(Limits::of(profile).file).unwrap_or(u64::MAX);
        let mut bytes = Vec::new();
        let read = io::stdin().lock().take(most).read_to_end(&mut bytes);
        read.map_err(|error| format!("read the component: {error}"))?;
        let code = here(&bytes, profile)?;
        let mut out = io::stdout().lock();
        let written = out.write_all(&code).and_then(|()| out.flush());
        written.map_err(|error| format!("write the code: {error}"))
    };
    let compiling = thread::Builder::new().stack_size(STACK).spawn(run);
    let compiling = compiling.map_err(|error| format!("its thread: {error}"))?;
    compiling
        .join()
        .map_err(|_panic| "the compiler panicked".to_owned())?
}

/// Limits that cannot be taken back: no file may be written, no core dumped. Where the process has
/// tighter ones already, those stay.
fn confine(allowance: Allowance) -> io::Result<()> {
    let lower = |resource, soft: u64, hard: u64| {
        let most = getrlimit(resource).maximum.unwrap_or(u64::MAX);
        let limit = Rlimit {
            current: Some(soft.min(most)),
            maximum: Some(hard.min(most)),
        };
        setrlimit(resource, limit)
    };
    lower(Resource::As, allowance.memory, allowance.memory)?;
    // At the soft limit comes SIGXCPU, whose name is the message; at the hard one SIGKILL.
    let seconds = allowance.seconds;
    lower(Resource::Cpu, seconds, seconds.saturating_add(1))?;
    lower(Resource::Fsize, 0, 0)?;
    lower(Resource::Core, 0, 0)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiler_that_was_stopped_says_by_what() {
        let said = |status| {
            let allowance = Allowance::of(LimitsProfile::Small);
            verdict(ExitStatus::from_raw(status), allowance, "no \nroom\n")
        };
        let time = "compiling it took more than 30 s of processor time";
        assert_eq!((said(24), said(9)), (time.into(), time.into()));
        assert_eq!(
            said(6),
            "compiling it took more than 1024 MiB of memory: \"no \\nroom\""
        );
        assert_eq!(said(11), "compiling it ended with signal 11");
        assert_eq!(said(1 << 8), "it cannot be compiled: \"no \\nroom\"");
    }

    #[test]
    fn only_known_limits_are_taken() {
        assert_eq!(serve("none").unwrap_err(), "no limits are called \"none\"");
    }
}
