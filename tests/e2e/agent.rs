//! The AWS half beside a proxy: the licence it brings, and the end of an instance.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use throughway_tests::cloud::{Cloud, Metadata, Moto};
use throughway_tests::files::{TemporaryFolder, log_file};
use throughway_tests::process::Process;
use throughway_tests::proxy::{Licence, Settings, binary};
use throughway_tests::script_broker::{Reply, ScriptBroker};
use throughway_tests::wire::raw_request;
use tokio::sync::Notify;

use crate::edge::{Edge, broker, quiet_broker, settings};

/// The agent's own pauses are up to 15 s.
const LIMIT: Duration = Duration::from_secs(90);

const HEARTBEAT: i16 = 12;
const HOOK: (&str, &str) = ("GATEWAY_AWS_LIFECYCLE_HOOK", "nodes:drain");

/// A node: what both halves have in common, and where they meet.
struct Node {
    folder: TemporaryFolder,
    cloud: Cloud,
    settings: Settings,
    port: u16,
}

impl Node {
    async fn new(broker: &ScriptBroker) -> Self {
        let folder = TemporaryFolder::new("throughway-node-").unwrap();
        let (mut settings, port) = settings(broker);
        settings.set("RUNTIME_DIRECTORY", folder.path().display().to_string());
        settings.tolerate("there is no licence");
        settings.tolerate("the licence source has no licence yet");
        settings.tolerate("new session refused");
        Self {
            folder,
            cloud: Cloud::start().await.unwrap(),
            settings,
            port,
        }
    }

    /// Both halves read this secret, the proxy by the file alone.
    fn with_secret(&mut self, token: &str) -> String {
        let arn = moto().create("SecretString", token).unwrap();
        self.settings.unset("GATEWAY_LICENSE_KEY");
        self.settings.set("GATEWAY_LICENSE_SECRET_ID", &*arn);
        let file = self.licence_file().display().to_string();
        self.settings.set("GATEWAY_LICENSE_AGENT_FILE", file);
        arn
    }

    fn licence_file(&self) -> PathBuf {
        self.folder.path().join("license.jwt")
    }

    fn proxy(&self) -> Edge {
        Edge::start(&self.settings, self.port)
    }

    fn agent(&self, more: &[(&str, &str)]) -> Process {
        let mut environment = self.settings.environment();
        let cloud = self.cloud.variables().into_iter();
        environment.extend(cloud.map(|(name, value)| (name.to_owned(), value)));
        let more = more.iter();
        environment.extend(more.map(|&(name, value)| (name.to_owned(), value.to_owned())));
        let mut command = vec![binary().unwrap().into_os_string()];
        command.extend(["aws-agent", "--control-socket"].map(Into::into));
        command.push(self.folder.path().join("control.sock").into());
        let environment: Vec<_> = environment.into_iter().collect();
        Process::start(&command, &environment, &log_file("agent")).unwrap()
    }
}

fn moto() -> &'static Moto {
    Moto::shared().unwrap()
}

fn licence(days: u32) -> String {
    Licence::of(days).issue().unwrap()
}

fn terminated() -> Metadata {
    Metadata {
        lifecycle_state: Some("Terminated"),
        spot_action: None,
    }
}

fn wait_until(edge: &Edge, holds: impl Fn(&Edge) -> bool) {
    edge.wait_until(LIMIT, "as it should be", || holds(edge));
}

fn is_ready(edge: &Edge) -> bool {
    edge.get("/health/ready").unwrap().0 == 200
}

#[tokio::test(flavor = "multi_thread")]
async fn brings_the_licence_and_its_renewal_to_a_proxy_that_asks_nobody() {
    let broker = quiet_broker().await;
    let mut node = Node::new(&broker).await;
    let (first, second) = (licence(60), licence(90));
    let arn = node.with_secret(&first);
    let (settings, port) = (node.settings.clone(), node.port);
    let starting = tokio::task::spawn_blocking(move || Edge::start(&settings, port));
    let told = node.folder.path().join("notify");
    let manager = UnixDatagram::bind(&told).unwrap();
    manager.set_read_timeout(Some(LIMIT)).unwrap();
    let mut agent = node.agent(&[("NOTIFY_SOCKET", told.to_str().unwrap())]);
    let mut message = [0; 64];
    let length = manager.recv(&mut message).unwrap();
    assert!(message[..length].starts_with(b"READY=1"));
    let file = node.licence_file();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), first);
    let mode = file.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);

    let edge = starting.await.unwrap();
    edge.log_in(1).await;
    moto().put(&arn, &second, "AWSCURRENT").unwrap();
    agent.signal(Signal::HUP);
    wait_until(&edge, |_| {
        std::fs::read_to_string(&file).is_ok_and(|token| token == second)
    });
    edge.signal(Signal::HUP);
    edge.wait_for_lines("licence loaded", 2).unwrap();
    assert_eq!(agent.terminate(LIMIT).unwrap().code(), Some(0));
    for line in agent.lines().iter().chain(&edge.process().lines()) {
        let tokens = [&first, &second].into_iter();
        let mut parts = tokens.flat_map(|token| token.split('.'));
        assert!(!parts.any(|part| line.contains(part)), "{line}");
        assert!(!line.contains("of-the-instance"), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_is_to_end_drains_before_it_may() {
    let answered = Arc::new(Notify::new());
    let wait = Arc::clone(&answered);
    let broker = broker(move |request| match request.api_key {
        HEARTBEAT => Reply::Each(vec![
            Reply::Await(Arc::clone(&wait)),
            Reply::bytes(request, b"still here"),
        ]),
        _ => Reply::usual(request),
    })
    .await;
    let node = Node::new(&broker).await;
    let edge = node.proxy();
    let agent = node.agent(&[HOOK]);
    let mut session = edge.log_in(1).await;
    let request = raw_request((HEARTBEAT, 0), 55, &[0; 8]);
    session.send_frame(&request).await.unwrap();

    node.cloud.refuse_actions(true);
    node.cloud.tell(terminated());
    wait_until(&edge, |edge| !is_ready(edge));
    let mut late = edge.connect().await;
    assert_eq!(late.read_to_end().await.unwrap(), b"");
    assert_eq!(node.cloud.actions(), [""; 0]);

    answered.notify_one();
    assert_eq!(session.receive_frame().await.unwrap()[4..], *b"still here");
    assert_eq!(session.read_to_end().await.unwrap(), b"");
    node.cloud.wait_for_actions(1).await.unwrap();
    agent
        .wait_for_line("throughway has drained", LIMIT)
        .unwrap();
    agent.wait_for_line("AccessDenied: allow", LIMIT).unwrap();
    node.cloud.refuse_actions(false);
    node.cloud.wait_for_actions(2).await.unwrap();
    agent
        .wait_for_line("lifecycle action completed", LIMIT)
        .unwrap();
    assert_eq!(
        node.cloud.actions()[1],
        "Action=CompleteLifecycleAction&Version=2011-01-01&AutoScalingGroupName=nodes\
         &LifecycleHookName=drain&LifecycleActionResult=CONTINUE&InstanceId=i-0123456789abcdef0"
    );
    // The end itself is the instance's: until then it answers, and takes no one.
    assert!(!is_ready(&edge));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spot_instance_drains_when_it_is_about_to_be_taken_back() {
    let broker = quiet_broker().await;
    let node = Node::new(&broker).await;
    let edge = node.proxy();
    let agent = node.agent(&[HOOK]);
    let mut session = edge.log_in(1).await;
    let mut noticed = Metadata {
        lifecycle_state: Some("InService"),
        spot_action: Some(r#"{"action": "terminate", "time": "2026-01-01T00:02:00Z"}"#),
    };
    node.cloud.tell(noticed.clone());
    agent
        .wait_for_line("this spot instance is about to be taken back", LIMIT)
        .unwrap();
    assert_eq!(session.read_to_end().await.unwrap(), b"");
    assert!(!is_ready(&edge));
    agent
        .wait_for_line("throughway has drained", LIMIT)
        .unwrap();
    // Auto Scaling may have a hook for that as well.
    noticed.lifecycle_state = Some("Terminated");
    node.cloud.tell(noticed);
    node.cloud.wait_for_actions(1).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_without_a_running_proxy_may_end_at_once() {
    let broker = quiet_broker().await;
    let node = Node::new(&broker).await;
    node.cloud.tell(terminated());
    let agent = node.agent(&[HOOK]);
    node.cloud.wait_for_actions(1).await.unwrap();
    agent.wait_for_line("nothing to drain", LIMIT).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_cannot_do_it_refuses_to_begin() {
    let broker = quiet_broker().await;
    let mut node = Node::new(&broker).await;
    let arn = moto().create("SecretString", "no.licence.whisky").unwrap();
    for (variables, why) in [
        (
            vec![("GATEWAY_LICENSE_SECRET_ID", &*arn)],
            "GATEWAY_LICENSE_AGENT_FILE is not set",
        ),
        (
            vec![("GATEWAY_AWS_LIFECYCLE_HOOK", "drain")],
            "\"drain\" is not GROUP:HOOK",
        ),
    ] {
        let mut agent = node.agent(&variables);
        assert_eq!(agent.wait(LIMIT).unwrap().code(), Some(78));
        assert!(
            agent.lines().join("\n").contains(why),
            "{:?}",
            agent.lines()
        );
    }
    node.with_secret("no.licence.whisky");
    let mut agent = node.agent(&[]);
    assert_eq!(agent.wait(LIMIT).unwrap().code(), Some(78));
    let said = agent.lines().join("\n");
    assert!(said.contains("holds no valid licence"), "{said}");
    assert!(!said.contains("whisky"), "{said}");
    assert!(!node.licence_file().exists());
}
