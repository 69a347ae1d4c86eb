//! Against a datagram socket of the test's own.

use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr as UnixAddress;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, recvmsg};
use std::io::IoSliceMut;
use tokio::time::timeout;

use super::*;

/// A service manager that only listens.
struct Listening {
    socket: UnixDatagram,
    folder: tempfile::TempDir,
}

impl Listening {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        let limit = Duration::from_secs(10);
        socket.set_read_timeout(Some(limit)).unwrap();
        Self { socket, folder }
    }

    fn manager(&self, watchdog: &str) -> Manager {
        let path = self.folder.path().join("notify").into_os_string();
        let variable = |name: &str| match name {
            "NOTIFY_SOCKET" => Some(path.clone()),
            "WATCHDOG_USEC" => Some(watchdog.into()),
            "WATCHDOG_PID" => Some(std::process::id().to_string().into()),
            _ => None,
        };
        Manager::new(variable, Vec::new())
    }

    fn next(&self) -> (String, Option<OwnedFd>) {
        let mut text = [0; 4096];
        let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut room);
        let mut slices = [IoSliceMut::new(&mut text)];
        let got = recvmsg(&self.socket, &mut slices, &mut control, RecvFlags::empty()).unwrap();
        assert!(!got.flags.contains(ReturnFlags::TRUNC));
        let mut passed = None;
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                passed = descriptors.last();
            }
        }
        let text = String::from_utf8(text[..got.bytes].to_vec()).unwrap();
        (text, passed)
    }

    fn nothing_came(&self) -> bool {
        self.socket.set_nonblocking(true).unwrap();
        let got = self.socket.recv(&mut [0; 64]);
        self.socket.set_nonblocking(false).unwrap();
        got.is_err()
    }
}

fn on_loopback(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address)
}

#[test]
fn without_a_manager_nothing_happens() {
    let manager = Manager::new(|_| None, Vec::new());
    manager.ready();
    assert_eq!(manager.beat_every(), None);
    let any = "127.0.0.1:0".parse().unwrap();
    assert!(manager.listen(any, on_loopback).is_ok());
}

#[test]
fn says_ready_and_reloading() {
    let listening = Listening::start();
    let manager = listening.manager("0");
    manager.ready();
    assert_eq!(listening.next().0, "READY=1\nSTATUS=running");
    manager.reloading();
    let told = listening.next().0;
    let micros = told.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap();
    assert!(micros.parse::<u64>().unwrap() > 0, "{told}");
    assert_eq!(manager.beat_every(), None);
}

#[test]
fn speaks_to_an_abstract_socket_as_well() {
    let name = format!("throughway-test-{}", std::process::id());
    let address = UnixAddress::from_abstract_name(&name).unwrap();
    let socket = UnixDatagram::bind_addr(&address).unwrap();
    let variable = |asked: &str| (asked == "NOTIFY_SOCKET").then(|| format!("@{name}").into());
    Manager::new(variable, Vec::new()).ready();
    let mut text = [0; 64];
    let length = socket.recv(&mut text).unwrap();
    assert!(text[..length].starts_with(b"READY=1"));
}

#[tokio::test(start_paused = true)]
async fn asks_for_more_time_as_long_as_it_drains() {
    let listening = Listening::start();
    let manager = listening.manager("0");
    let drained = timeout(Duration::from_secs(25), manager.stopping(7)).await;
    assert!(drained.is_err());
    let told = listening.next().0;
    assert_eq!(told, "STOPPING=1\nSTATUS=draining 7 sessions");
    for _ in 0..3 {
        assert_eq!(listening.next().0, "EXTEND_TIMEOUT_USEC=30000000");
    }
    assert!(listening.nothing_came());
}

#[tokio::test(start_paused = true)]
async fn tells_the_watchdog_only_while_every_loop_runs() {
    let listening = Listening::start();
    let manager = listening.manager("40000000");
    let every = manager.beat_every().unwrap();
    assert_eq!(every, Duration::from_secs(5));
    let (one, two) = (Pulse::default(), Pulse::default());
    let pulses = Pulses::new(vec![one.clone(), two.clone()]);
    let runs = async {
        // The second loop stands still after its first 22 s.
        let second = timeout(Duration::from_secs(22), beat(two, Some(every)));
        tokio::join!(beat(one, Some(every)), second)
    };
    let watched = async { tokio::join!(manager.watch(pulses), runs) };
    assert!(timeout(Duration::from_secs(60), watched).await.is_err());
    // At 10 s, at 20 s, and at 30 s for what had run until 22 s.
    for _ in 0..3 {
        assert_eq!(listening.next().0, "WATCHDOG=1");
    }
    assert!(listening.nothing_came());
}

#[test]
fn a_watchdog_for_another_process_does_not_count() {
    let listening = Listening::start();
    let path = listening.folder.path().join("notify").into_os_string();
    let variable = |name: &str| match name {
        "NOTIFY_SOCKET" => Some(path.clone()),
        "WATCHDOG_USEC" => Some("1000000".into()),
        "WATCHDOG_PID" => Some("1".into()),
        _ => None,
    };
    assert_eq!(Manager::new(variable, Vec::new()).beat_every(), None);
}

#[test]
fn a_kept_socket_is_used_again_and_a_needless_one_is_forgotten() {
    let listening = Listening::start();
    let first = listening.manager("0");
    let mut addresses = Vec::new();
    for _ in 0..2 {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        first.listen(address, on_loopback).unwrap();
        addresses.push(address);
    }
    let mut kept = Vec::new();
    for address in &addresses {
        let (told, passed) = listening.next();
        let name = format!("tcp-127.0.0.1-{}", address.port());
        assert_eq!(told, format!("FDSTORE=1\nFDNAME={name}"));
        kept.push(TcpListener::from(passed.unwrap()));
    }

    let path = listening.folder.path().join("notify").into_os_string();
    let variable = |name: &str| (name == "NOTIFY_SOCKET").then(|| path.clone());
    let second = Manager::new(variable, kept);
    let unused = |_| Err(io::Error::other("bound anew"));
    let again = second.listen(addresses[0], unused).unwrap();
    assert_eq!(again.local_addr().unwrap(), addresses[0]);
    second.forget_the_rest();
    let told = listening.next().0;
    let name = format!("tcp-127.0.0.1-{}", addresses[1].port());
    assert_eq!(told, format!("FDSTOREREMOVE=1\nFDNAME={name}"));
    assert!(listening.nothing_came());
    assert!(std::net::TcpStream::connect(addresses[1]).is_err());
}
