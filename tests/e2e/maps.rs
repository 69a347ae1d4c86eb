//! Maps as authors write them: the worked examples of `docs/address-maps`, each scheme in front of a
//! real Kafka with a real client, and the same cases for every language.
//!
//! Rust and C are in the tree as built components. With `THROUGHWAY_MAPS`, a folder that `make maps`
//! fills, every test runs with all four languages.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Command, Output};

use throughway_tests::certificates::Authority;
use throughway_tests::clients::{Action, Hosts, Library, Security, Task};
use throughway_tests::cluster::{self, Cluster, Listener, NODE_IDS, USER};
use throughway_tests::files::TemporaryFolder;
use throughway_tests::probe::who_is_behind;
use throughway_tests::proxy::{Proxy, Settings, Upstream, binary};
use throughway_tests::recorder::{Recorder, RecorderTls};
use throughway_tests::wire::Door;
use throughway_tests::{crate_folder, kafka_jars, leaks, ports};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;

const SCHEMES: [&str; 4] = ["racks", "zones", "managed", "forwarded"];
const LANGUAGES: [&str; 4] = ["rust", "javascript", "python", "c"];

/// One example, built.
struct Map {
    component: PathBuf,
    limits: &'static str,
}

impl Map {
    /// Of `make maps` in all languages; else the one in the tree that is named.
    fn all_or(in_tree: &str) -> Vec<Self> {
        let Some(folder) = env::var_os("THROUGHWAY_MAPS").map(PathBuf::from) else {
            let name = format!("guests/schemes-{in_tree}.wasm");
            return vec![Self {
                component: crate_folder().join(name),
                limits: "small",
            }];
        };
        let built = |language: &str| Self {
            component: folder.join(language).join("map.wasm"),
            limits: match language {
                "rust" | "c" => "small",
                _ => "runtime",
            },
        };
        LANGUAGES.into_iter().map(built).collect()
    }

    fn set(&self, settings: &mut Settings, config: &str) {
        let component = self.component.display().to_string();
        settings.set("GATEWAY_ADDRESS_MAP", component);
        settings.set("GATEWAY_ADDRESS_MAP_LIMITS", self.limits);
        settings.set("GATEWAY_ADDRESS_MAP_CONFIG", config);
    }
}

fn examples() -> PathBuf {
    crate_folder().join("../docs/address-maps")
}

fn throughway(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary().unwrap());
    command.args(arguments).env_clear();
    command
}

fn succeeded(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{text}");
    text
}

#[test]
fn every_language_gives_the_same_answers_to_the_same_cases() {
    let cases = examples().join("cases.json");
    let maps = ["rust", "c"].into_iter().flat_map(Map::all_or);
    let tested: BTreeMap<_, _> = maps.map(|map| (map.component, map.limits)).collect();
    let mut said = Vec::new();
    for (component, limits) in &tested {
        let files = [component, &cases].map(|path| path.display().to_string());
        let asked = ["map", "test", &files[0], &files[1], "--limits", limits];
        said.push(succeeded(&throughway(&asked).output().unwrap()));
    }
    assert!(tested.len() >= 2);
    assert!(said[0].ends_with("all as expected\n"), "{}", said[0]);
    assert!(said.iter().all(|text| *text == said[0]), "{said:?}");
}

#[test]
fn a_new_project_brings_what_its_schemes_need() {
    let folder = TemporaryFolder::new("throughway-maps-").unwrap();
    for language in LANGUAGES {
        let project = folder.path().join(language);
        let path = project.display().to_string();
        succeeded(
            &throughway(&["map", "new", &path, "--language", language])
                .output()
                .unwrap(),
        );
        assert!(project.join("README.md").is_file());
    }
    let project = folder.path().join("rust");
    let prebuilt = crate_folder().join("guests/schemes-rust.wasm");
    fs::copy(prebuilt, project.join("map.wasm")).unwrap();
    for scheme in SCHEMES {
        let mut check = throughway(&["map", "check", "map.wasm"]);
        check.current_dir(&project);
        check.env("GATEWAY_ENV_FILE", format!("schemes/{scheme}.env"));
        let table = succeeded(&check.output().unwrap());
        assert!(table.contains("address map  schemes 0.1.0"), "{table}");
    }
}

/// A throughway with a map that goes by names, and a recorder where clients arrive.
struct Named {
    proxy: Proxy,
    recorder: Recorder,
    port: u16,
    local: u16,
    authority: Authority,
    _folder: TemporaryFolder,
}

impl Named {
    /// `config` makes the map's configuration of the two ports.
    async fn new(
        cluster: &Cluster,
        map: &Map,
        certified: &[&str],
        config: &str,
        more: impl FnOnce(&mut Settings),
    ) -> Self {
        let folder = TemporaryFolder::new("throughway-maps-").unwrap();
        let authority = Authority::new(folder.path(), "downstream").unwrap();
        let identity = authority.issue("throughway", certified).unwrap();
        let (port, local) = (ports::reserve(1), ports::reserve(1));
        let mut settings = Settings::new(cluster, Upstream::Plaintext);
        settings.listen_by_sni(port, local, &identity);
        let ports = format!("listener = MAIN\nport = {port}\nlocal-port = {local}\n");
        map.set(&mut settings, &format!("{ports}{config}"));
        more(&mut settings);
        let proxy = settings.start().unwrap();
        let tls = RecorderTls {
            identity,
            ca: authority.certificate(),
        };
        let recorder = Recorder::start(port, local, 1, Some(&tls)).await.unwrap();
        Self {
            proxy,
            recorder,
            port,
            local,
            authority,
            _folder: folder,
        }
    }

    /// One round trip of a client that must be told `names`, each of which leads to its broker.
    async fn serves(&self, cluster: &Cluster, library: Library, told: &Told) {
        let security = Security::sasl_tls(USER, self.authority.certificate());
        let topic = format!("{}-{}", told.names[0], self.port);
        let bootstrap = format!("{}:{}", told.bootstrap, self.port);
        let task = Task::new(Action::RoundTrip, &bootstrap, security, &topic);
        let report = library.run(&task, Some(&told.hosts)).await.unwrap();
        assert!(report.is_complete(task.records), "{report:?}");
        let names = &told.names;
        let addresses = names.iter().map(|name| format!("{name}:{}", self.port));
        let expected: BTreeMap<_, _> = NODE_IDS.into_iter().zip(addresses).collect();
        assert_eq!(report.brokers, expected);
        for (node, name) in NODE_IDS.into_iter().zip(names) {
            assert_eq!(self.behind(cluster, name).await, [node], "{name}");
        }
        leaks::assert_none(&self.recorder.received(), &cluster.secret_ports());
    }

    fn door(&self, name: &str) -> Door {
        Door {
            address: format!("127.0.0.1:{}", self.port),
            tls: Some((name.to_owned(), self.authority.certificate())),
        }
    }

    async fn behind(&self, cluster: &Cluster, name: &str) -> Vec<i32> {
        who_is_behind(&self.door(name), Some(USER), &cluster.id, &NODE_IDS)
            .await
            .unwrap()
    }
}

/// The names that a client is told, and where they are for it.
struct Told {
    bootstrap: &'static str,
    names: [String; 3],
    hosts: Hosts,
}

impl Told {
    fn new(bootstrap: &'static str, names: [String; 3]) -> Self {
        Self::at(Ipv4Addr::LOCALHOST, bootstrap, names)
    }

    fn at(address: Ipv4Addr, bootstrap: &'static str, names: [String; 3]) -> Self {
        let all = names.iter().map(String::as_str).chain([bootstrap]);
        Self {
            hosts: Hosts::at(address, all).unwrap(),
            bootstrap,
            names,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_by_rack_reach_their_brokers() {
    let cluster = cluster::shared().await;
    let names = NODE_IDS.map(|id| format!("b{id}.{}.kafka.test", cluster::rack(id)));
    let told = Told::new("bootstrap.kafka.test", names);
    let racks = NODE_IDS.map(cluster::rack);
    let below = racks.map(|rack| format!("*.{rack}.kafka.test"));
    let mut certified: Vec<&str> = below.iter().map(String::as_str).collect();
    certified.push("bootstrap.kafka.test");
    let config = format!(
        "scheme = racks\ndomain = kafka.test\nracks = {}",
        racks.join(" ")
    );
    for map in Map::all_or("rust") {
        let mut named = Named::new(&cluster, &map, &certified, &config, |_| {}).await;
        named.serves(&cluster, Library::Rust, &told).await;
        assert_eq!(named.proxy.stop().unwrap(), Some(0));
    }
}

/// Another address of this machine, and so another zone.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Lets clients in elsewhere, and arrives at throughway from there.
async fn from_elsewhere(port: u16, local: u16) -> JoinSet<()> {
    let listener = TcpListener::bind((ELSEWHERE, port)).await.unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((client, _)) = listener.accept().await {
            connections.spawn(pass_on(client, local));
        }
    });
    tasks
}

async fn pass_on(mut client: TcpStream, local: u16) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((ELSEWHERE, 0).into()).unwrap();
    let there = (Ipv4Addr::LOCALHOST, local).into();
    let mut server = socket.connect(there).await.unwrap();
    let _ended = tokio::io::copy_bidirectional(&mut client, &mut server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_zones_have_names_of_their_own_for_the_same_brokers() {
    let cluster = cluster::shared().await;
    let config = "scheme = zones\nzones = office=office.test partner=partner.test";
    let zones = |settings: &mut Settings| {
        let zones = "office=127.0.0.1/32;partner=127.0.0.2/32";
        settings.set("GATEWAY_ZONES", zones);
    };
    for map in Map::all_or("c") {
        let certified = ["*.office.test", "*.partner.test"];
        let mut named = Named::new(&cluster, &map, &certified, config, zones).await;
        let relay = from_elsewhere(named.port, named.local).await;
        let office = NODE_IDS.map(|id| format!("b{id}.office.test"));
        let office = Told::new("bootstrap.office.test", office);
        let partner = NODE_IDS.map(|id| format!("b{id}.partner.test"));
        let partner = Told::at(ELSEWHERE, "bootstrap.partner.test", partner);
        tokio::join!(
            named.serves(&cluster, Library::Rust, &office),
            named.serves(&cluster, Library::Python, &partner),
        );
        drop(relay);
        assert_eq!(named.proxy.stop().unwrap(), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_computed_broker_is_reached_before_it_is_learned() {
    let cluster = cluster::shared().await;
    let config = "scheme = managed\ndomain = kafka.test\nupstream-domain = managed.internal.test\n\
                  upstream-port = 9096";
    let with_hints = |hints: &'static str| {
        let there = NODE_IDS.map(|id| {
            let port = cluster.port(id, Listener::SaslPlain);
            format!("b-{id}.managed.internal.test:9096=127.0.0.1:{port}")
        });
        let there = format!("{},{}", cluster.address_map(), there.join(","));
        let all = cluster.advertised(Listener::SaslPlain);
        let first = all.split(',').next().unwrap().to_owned();
        move |settings: &mut Settings| {
            settings.set("GATEWAY_UPSTREAM_ADDRESS_MAP", there);
            settings.set("GATEWAY_ADDRESS_MAP_UPSTREAM_HINTS", hints);
            settings.set("KAFKA_BOOTSTRAP_SERVERS", first);
            settings.set("GATEWAY_UPSTREAM_ALLOWED", ".internal.test");
        }
    };
    let names = NODE_IDS.map(|id| format!("b-{id}.kafka.test"));
    let told = Told::new("bootstrap.kafka.test", names.clone());
    for map in Map::all_or("rust") {
        let certified = ["*.kafka.test"];
        let mut deaf = Named::new(&cluster, &map, &certified, config, with_hints("false")).await;
        // Nothing is learned yet, so a bootstrap server stands in.
        assert_eq!(deaf.behind(&cluster, &names[1]).await, [NODE_IDS[0]]);
        assert_eq!(deaf.proxy.stop().unwrap(), Some(0));

        let mut named = Named::new(&cluster, &map, &certified, config, with_hints("true")).await;
        assert_eq!(named.behind(&cluster, &names[1]).await, [NODE_IDS[1]]);
        named.serves(&cluster, Library::Rust, &told).await;
        assert_eq!(named.proxy.stop().unwrap(), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ports_behind_a_forwarding_balancer_reach_their_brokers() {
    // Bootstrap, and node ids 0 to 12.
    const COUNT: u16 = 14;
    let cluster = cluster::shared().await;
    for map in Map::all_or("c") {
        let (public, local) = (ports::reserve(COUNT), ports::reserve(COUNT));
        let mut settings = Settings::new(&cluster, Upstream::Plaintext);
        settings.listen_by_port(public, local);
        let config = format!(
            "scheme = forwarded\nlistener = MAIN\nhost = balancer.test\n\
             public-first = {public}\nlocal-first = {local}\ncount = {COUNT}"
        );
        map.set(&mut settings, &config);
        let mut proxy = settings.start().unwrap();
        let recorder = Recorder::start(public, local, COUNT, None).await.unwrap();
        let hosts = Hosts::new(["balancer.test"]).unwrap();
        let security = Security::sasl_plaintext(USER);
        let bootstrap = format!("balancer.test:{public}");
        let topic = format!("forwarded-{public}");
        let task = Task::new(Action::RoundTrip, &bootstrap, security, &topic);
        let java = Library::Java(kafka_jars::CURRENT.to_owned());
        let report = java.run(&task, Some(&hosts)).await.unwrap();
        assert!(report.is_complete(task.records), "{report:?}");
        let port = |id: i32| public + 1 + u16::try_from(id).unwrap();
        let expected = NODE_IDS.map(|id| (id, format!("balancer.test:{}", port(id))));
        assert_eq!(Vec::from_iter(report.brokers), expected);
        for id in NODE_IDS {
            let door = Door::plain(port(id));
            let found = who_is_behind(&door, Some(USER), &cluster.id, &NODE_IDS).await;
            assert_eq!(found.unwrap(), [id]);
        }
        leaks::assert_none(&recorder.received(), &cluster.secret_ports());
        assert_eq!(proxy.stop().unwrap(), Some(0));
    }
}
