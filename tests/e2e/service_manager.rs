//! throughway under a service manager: what it tells, and what is kept while it restarts.
//!
//! Owns a service manager as small as can be: a datagram socket, and a memory for sockets.

use std::collections::BTreeMap;
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use rustix::process::{Pid, Signal, kill_process};
use throughway_tests::files::{TemporaryFolder, log_file};
use throughway_tests::proxy::{Settings, binary};
use throughway_tests::wire::{Connection, Door};

use crate::edge::{quiet_broker, settings};

/// A debug build compiles its address map for a while.
const LIMIT: Duration = Duration::from_secs(120);

/// Between two connects: a restart of a debug build takes longer than the backlog has room without.
const PAUSE: Duration = Duration::from_millis(5);

/// Puts standard input and output where a service manager passes sockets, and becomes throughway.
const WITH_SOCKETS: &str = r#"
exec 3<&0 4<&1 </dev/null >&2
LISTEN_PID=$$ LISTEN_FDS=2 exec "$0" serve
"#;

struct Manager {
    socket: UnixDatagram,
    folder: TemporaryFolder,
    kept: BTreeMap<u16, TcpListener>,
}

/// Ends with the test, however that ends.
struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

impl Service {
    fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.0);
        kill_process(pid, signal).unwrap();
    }
}

impl Manager {
    fn new() -> Self {
        let folder = TemporaryFolder::new("throughway-manager-").unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(LIMIT)).unwrap();
        let kept = BTreeMap::new();
        Self {
            socket,
            folder,
            kept,
        }
    }

    /// Starts the binary, with these two sockets passed on if any.
    fn start(&self, settings: &Settings, sockets: Option<[OwnedFd; 2]>) -> Service {
        let mut command = Command::new("sh");
        match sockets {
            Some([first, second]) => {
                command.args(["-c", WITH_SOCKETS]);
                command.stdin(first).stdout(second);
            }
            None => {
                command.args(["-c", r#"exec "$0" serve"#]);
                command.stdin(Stdio::null()).stdout(Stdio::null());
            }
        }
        let log = std::fs::File::create(log_file("service-manager")).unwrap();
        command
            .arg(binary().unwrap())
            .env_clear()
            .envs(settings.environment())
            .env("PATH", "/usr/bin:/bin")
            .env("NOTIFY_SOCKET", self.folder.path().join("notify"))
            .env("WATCHDOG_USEC", "2000000")
            .env("GATEWAY_STATE_DIRECTORY", self.folder.path())
            .stderr(log);
        Service(command.spawn().unwrap())
    }

    /// The next thing told; a socket that comes with it is kept.
    fn next(&mut self) -> String {
        let mut text = [0; 4096];
        let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut room);
        let mut slices = [IoSliceMut::new(&mut text)];
        let got = recvmsg(
            &self.socket,
            &mut slices,
            &mut control,
            RecvFlags::CMSG_CLOEXEC,
        );
        let length = got.unwrap().bytes;
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(sockets) = message {
                for socket in sockets.map(TcpListener::from) {
                    self.kept
                        .insert(socket.local_addr().unwrap().port(), socket);
                }
            }
        }
        String::from_utf8(text[..length].to_vec()).unwrap()
    }

    /// Everything told up to what begins like this.
    fn until(&mut self, beginning: &str) -> Vec<String> {
        let mut told = Vec::new();
        loop {
            told.push(self.next());
            if told.last().is_some_and(|last| last.starts_with(beginning)) {
                return told;
            }
        }
    }
}

/// Connects without pause until the sender is gone; returns how often, and how many were refused.
fn connect_all_the_time(port: u16) -> (Sender<()>, JoinHandle<(u32, u32)>) {
    let (end, ended) = channel();
    let thread = std::thread::spawn(move || {
        let (mut asked, mut refused) = (0, 0);
        // The backlog is finite: those that nobody takes up yet stay in it.
        while asked < 900 && ended.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
            asked += 1;
            refused += u32::from(TcpStream::connect(("127.0.0.1", port)).is_err());
        }
        (asked, refused)
    });
    (end, thread)
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_refused_while_it_restarts_and_the_manager_knows_how_it_fares() {
    let broker = quiet_broker().await;
    let (mut settings, port) = settings(&broker);
    let admin = throughway_tests::ports::reserve(1);
    settings.set("GATEWAY_HTTP_PORT", admin.to_string());
    settings.set("GATEWAY_HTTP_BIND_ADDRESS", "127.0.0.1");
    let mut manager = Manager::new();

    let mut first = manager.start(&settings, None);
    let told = manager.until("READY=1");
    let stored = told
        .iter()
        .filter(|one| one.starts_with("FDSTORE=1"))
        .count();
    assert_eq!(stored, manager.kept.len(), "{told:?}");
    assert!(manager.kept.contains_key(&admin));
    assert_eq!(manager.next(), "WATCHDOG=1");
    first.signal(Signal::HUP);
    manager.until("RELOADING=1\nMONOTONIC_USEC=");
    manager.until("READY=1");

    let (end, connecting) = connect_all_the_time(port + 1);
    first.signal(Signal::TERM);
    manager.until("STOPPING=1");
    manager.until("EXTEND_TIMEOUT_USEC=");
    assert!(first.0.wait().unwrap().success());
    // Nobody runs now.
    let mut early = Connection::open(&Door::plain(port + 1)).await.unwrap();

    let sockets = [port + 1, admin].map(|port| manager.kept.remove(&port).unwrap());
    manager.kept.clear();
    let second = manager.start(&settings, Some(sockets.map(OwnedFd::from)));
    let told = manager.until("READY=1");
    let names = [port + 1, admin].map(|port| format!("FDNAME=tcp-127.0.0.1-{port}"));
    let anew = |one: &String| names.iter().any(|name| one.ends_with(name));
    assert!(!told.iter().any(anew), "{told:?}");
    assert_eq!(manager.kept.len(), stored - 2);

    early.authenticate(("alice", "anything")).await.unwrap();
    drop(end);
    let (asked, refused) = connecting.join().unwrap();
    assert!(asked > 1 && refused == 0, "{refused} of {asked} refused");
    second.signal(Signal::TERM);
}
