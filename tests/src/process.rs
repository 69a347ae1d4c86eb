//! Child processes that never outlive us, and their logs.
//!
//! Owns starting, watching and ending one child. It must not know what the child is.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// Runs the command in `$@` with its standard error in its standard output, after a first line
/// with its process id. Our end of standard input closes when we end, however that happens: then
/// the watcher kills the command. (`PR_SET_PDEATHSIG` would need unsafe code between fork and
/// exec, and fires when the starting *thread* ends.)
const WATCHDOG: &str = r#"
exec 3<&0
sh -c 'echo $$; exec "$@"' sh "$@" </dev/null 2>&1 3<&- &
child=$!
(cat <&3; kill -KILL "$child") >/dev/null 2>&1 &
wait "$child"
"#;

/// A running (or ended) child with everything it has printed.
#[derive(Debug)]
pub struct Process {
    child: Child,
    pid: Pid,
    /// Open as long as the child may live.
    leash: Option<ChildStdin>,
    output: Arc<Output>,
    log: PathBuf,
}

#[derive(Debug, Default)]
struct Output {
    state: Mutex<OutputState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct OutputState {
    lines: Vec<String>,
    ended: bool,
}

impl Process {
    /// Starts `command`, whose first element is the program, with `environment` added to ours and
    /// its output going to the file `log`.
    ///
    /// # Errors
    ///
    /// When the program cannot be started or the log cannot be written.
    pub fn start(
        command: &[OsString],
        environment: &[(String, String)],
        log: &Path,
    ) -> Result<Self> {
        let file = File::options().create(true).append(true).open(log);
        let file = file.with_context(|| format!("open {}", log.display()))?;
        let mut child = clean_shell()
            .args(["-c", WATCHDOG, "sh"])
            .args(command)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // Ctrl-C is for us to act on, not for the child.
            .process_group(0)
            .spawn()
            .context("start sh")?;
        let leash = child.stdin.take();
        let mut stdout = BufReader::new(child.stdout.take().context("piped above")?);
        let mut first = String::new();
        stdout
            .read_line(&mut first)
            .context("read the process id")?;
        let pid = first.trim().parse().ok().and_then(Pid::from_raw);
        let pid = pid.with_context(|| format!("not a process id: {first:?}"))?;
        let output = Arc::new(Output::default());
        let filled = Arc::clone(&output);
        std::thread::spawn(move || filled.follow(stdout, file));
        Ok(Self {
            child,
            pid,
            leash,
            output,
            log: log.to_owned(),
        })
    }

    /// Where the child's output is written.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Everything it has printed so far.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.output.state.lock().unwrap().lines.clone()
    }

    /// The first line that contains `text`, once there is one.
    ///
    /// # Errors
    ///
    /// When the child ends first, or after `limit`; names the log file.
    pub fn wait_for_line(&self, text: &str, limit: Duration) -> Result<String> {
        let find = |state: &OutputState| state.lines.iter().find(|l| l.contains(text)).cloned();
        let found = self
            .output
            .wait(limit, |state| state.ended || find(state).is_some());
        if let Some(line) = find(&found) {
            return Ok(line);
        }
        let what = if found.ended {
            "the process ended"
        } else {
            "time ran out"
        };
        bail!(
            "{what} before {text:?} was printed; see {}",
            self.log.display()
        )
    }

    /// Waits until the next line is printed, the child ends, or `limit`. For polls of something
    /// that has no event of its own.
    pub fn wait_for_news(&self, limit: Duration) {
        let seen = self.output.state.lock().unwrap().lines.len();
        drop(
            self.output
                .wait(limit, |state| state.ended || state.lines.len() > seen),
        );
    }

    /// Whether it has closed its output, which it does by ending.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.output.state.lock().unwrap().ended
    }

    /// Sends a signal; a child that has ended already is left in peace.
    ///
    /// # Panics
    ///
    /// When the signal cannot be sent to a living child.
    pub fn signal(&self, signal: Signal) {
        if !self.has_ended() {
            match kill_process(self.pid, signal) {
                Ok(()) | Err(rustix::io::Errno::SRCH) => {}
                Err(error) => panic!("signal process {}: {error}", self.id()),
            }
        }
    }

    /// Waits for the end.
    ///
    /// # Errors
    ///
    /// When it has not ended after `limit`.
    pub fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        let ended = self.output.wait(limit, |state| state.ended).ended;
        if !ended {
            bail!("still running after {limit:?}; see {}", self.log.display());
        }
        let status = self.child.wait().context("wait for the process")?;
        self.leash = None;
        Ok(status)
    }

    /// SIGTERM, then the end.
    ///
    /// # Errors
    ///
    /// When it has not ended after `limit`.
    pub fn terminate(&mut self, limit: Duration) -> Result<ExitStatus> {
        self.signal(Signal::TERM);
        self.wait(limit)
    }

    /// SIGKILL, then the end.
    ///
    /// # Errors
    ///
    /// When the kernel does not let it go within a minute.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::KILL);
        self.wait(Duration::from_secs(60))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.leash.is_some()
            && let Err(error) = self.kill()
        {
            crate::say(&format!("{error:#}"));
        }
    }
}

/// A shell without what a person has set for a cluster of theirs: it must not reach one of ours.
fn clean_shell() -> Command {
    let mut shell = Command::new("sh");
    for (name, _) in std::env::vars_os() {
        if ["AWS_", "GATEWAY_", "KAFKA_"]
            .iter()
            .any(|own| name.to_string_lossy().starts_with(own))
        {
            shell.env_remove(&name);
        }
    }
    shell
}

impl Output {
    fn follow(&self, from: impl BufRead, mut to: File) {
        for line in from.split(b'\n') {
            let Ok(line) = line else { break };
            let line = String::from_utf8_lossy(&line).into_owned();
            if writeln!(to, "{line}").is_err() {
                crate::say("a child's log cannot be written");
            }
            self.state.lock().unwrap().lines.push(line);
            self.changed.notify_all();
        }
        self.state.lock().unwrap().ended = true;
        self.changed.notify_all();
    }

    fn wait(
        &self,
        limit: Duration,
        done: impl Fn(&OutputState) -> bool,
    ) -> std::sync::MutexGuard<'_, OutputState> {
        let deadline = Instant::now() + limit;
        let mut state = self.state.lock().unwrap();
        while !done(&state) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.changed.wait_timeout(state, left).unwrap().0;
        }
        state
    }
}

#[cfg(test)]
mod tests;
