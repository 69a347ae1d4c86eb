//! The address map decides what clients are told; a bad one, or a bad configuration, is refused
//! before anything listens.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use throughway_tests::clients::{Action, Library, Security, Task};
use throughway_tests::cluster::{self, NODE_IDS, USER};
use throughway_tests::files::TemporaryFolder;
use throughway_tests::probe::{check_one_to_one, probe_table};
use throughway_tests::proxy::{PORT_COUNT, Settings, Upstream, binary};
use throughway_tests::wire::{Connection, Door};
use throughway_tests::{crate_folder, ports};
use wasmparser::{Export, ExternalKind, Parser, Payload};

/// What the guest adds to every port.
const SHIFT: u16 = 100;

/// Exit code of whatever was refused before it began.
const REFUSED: Option<i32> = Some(78);

fn shifting_guest() -> PathBuf {
    crate_folder().join("guests/shift-by-100.wasm")
}

fn built_in() -> Vec<u8> {
    fs::read(crate_folder().join("../guest-addrmap/prebuilt/addrmap.wasm")).unwrap()
}

/// A first port whose row and the row 100 higher are free.
fn two_rows() -> u16 {
    ports::reserve(SHIFT + PORT_COUNT)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_map_of_ones_own_moves_every_port() {
    let cluster = cluster::shared().await;
    let first = two_rows();
    let mut settings = Settings::new(&cluster, Upstream::Plaintext);
    settings.listen_by_port(first, first);
    settings.set(
        "GATEWAY_ADDRESS_MAP",
        shifting_guest().display().to_string(),
    );
    let mut proxy = settings.start().unwrap();
    let moved = first + SHIFT;
    let mut connection = Connection::open(&Door::plain(moved + 1)).await.unwrap();
    connection.authenticate(USER).await.unwrap();
    let advertised = connection.brokers().await.unwrap();
    let port = |id: i32| moved + u16::try_from(id).unwrap();
    let expected = NODE_IDS.map(|id| (id, format!("127.0.0.1:{}", port(id))));
    assert_eq!(Vec::from_iter(advertised.clone()), expected);
    let doors = NODE_IDS.map(|id| Door::plain(port(id)));
    let table = probe_table(&doors, USER, &cluster.id, &NODE_IDS)
        .await
        .unwrap();
    assert_eq!(check_one_to_one(&table, &advertised), Ok(()));
    let bootstrap = format!("127.0.0.1:{moved}");
    let security = Security::sasl_plaintext(USER);
    let task = Task::new(Action::RoundTrip, &bootstrap, security, "moved");
    let report = Library::Rust.run(&task, None).await.unwrap();
    assert!(report.is_complete(task.records), "{report:?}");
    assert_eq!(report.brokers, advertised);
    assert_eq!(proxy.stop().unwrap(), Some(0));
}

/// Settings that would do, and all the ports they name, taken by us: whoever tried to bind one
/// would say so instead of what is expected.
struct Vain {
    settings: Settings,
    taken: Vec<TcpListener>,
}

impl Vain {
    fn new() -> Self {
        let first = two_rows();
        let admin = ports::reserve(1);
        let mut settings = Settings::upstream_at("broker1.internal.test:9092");
        settings.listen_by_port(first, first);
        settings.set("GATEWAY_HTTP_PORT", admin.to_string());
        let ports = (first..first + PORT_COUNT).chain([admin]);
        let take = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        Self {
            settings,
            taken: ports.map(take).collect(),
        }
    }

    fn with(mut self, variables: &[(&str, &str)]) -> Self {
        for (name, value) in variables {
            self.settings.set(name, *value);
        }
        self
    }

    /// Starts it, and returns what it said.
    fn refusal(self) -> String {
        let (code, said) = self.settings.start_in_vain().unwrap();
        assert_eq!(code, REFUSED, "{said}");
        assert!(!said.contains("bind"), "{said}");
        assert!(!said.contains("panicked"), "{said}");
        drop(self.taken);
        said
    }
}

fn assert_names(said: &str, expected: &[&str]) {
    for part in expected {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
}

/// Variables that are wrong, and what must be named in what is said about them.
struct Bad {
    variables: &'static [(&'static str, &'static str)],
    named: &'static [&'static str],
}

const BAD: [Bad; 6] = [
    Bad {
        variables: &[
            ("KAFKA_BOOTSTRAP_SERVERS", "no port here"),
            ("GATEWAY_LISTENER_MAIN_PORTS", "70000-70010"),
            ("GATEWAY_FIRST_BYTE_TIMEOUT_MS", "soon"),
            ("GATEWAY_MAX_FRAME_BYTES", "-1"),
        ],
        named: &[
            "4 errors",
            "KAFKA_BOOTSTRAP_SERVERS",
            "GATEWAY_LISTENER_MAIN_PORTS",
            "GATEWAY_FIRST_BYTE_TIMEOUT_MS",
            "GATEWAY_MAX_FRAME_BYTES",
        ],
    },
    Bad {
        variables: &[
            ("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT"),
            ("GATEWAY_LISTENER_MAIN_SECURITY_PROTOCOL", "SSL"),
        ],
        named: &[
            "2 errors",
            "KAFKA_SECURITY_PROTOCOL",
            "GATEWAY_LISTENER_MAIN_SECURITY_PROTOCOL",
            "SASL_SSL",
        ],
    },
    Bad {
        variables: &[
            ("GATEWAY_SECURITY_MODE", "GATEWAY_MANAGED"),
            ("GATEWAY_OAUTH_JWKS_URL", "https://example.com/keys"),
        ],
        named: &[
            "2 errors",
            "GATEWAY_SECURITY_MODE",
            "GATEWAY_OAUTH_JWKS_URL",
        ],
    },
    Bad {
        variables: &[
            ("GATEWAY_LISTENER_MAIN_ROUTING", "sni"),
            (
                "GATEWAY_LISTENER_MAIN_ADVERTISED_HOST_PATTERN",
                "b.kafka.test",
            ),
        ],
        named: &[
            "SASL_SSL",
            "GATEWAY_LISTENER_MAIN_ADVERTISED_HOST_PATTERN",
            "{{nodeId}}",
        ],
    },
    Bad {
        variables: &[
            ("GATEWAY_UPSTREAM_ALLOWED", "10.0.0.0/99"),
            ("GATEWAY_UPSTREAM_BROKERS", "1=a:1,1=b:2"),
            ("GATEWAY_UPSTREAM_ADDRESS_MAP", "broker1.internal.test"),
        ],
        named: &[
            "3 errors",
            "GATEWAY_UPSTREAM_ALLOWED",
            "GATEWAY_UPSTREAM_BROKERS",
            "GATEWAY_UPSTREAM_ADDRESS_MAP",
        ],
    },
    Bad {
        variables: &[("GATEWAY_ENV_FILE", "/nonexistent/throughway.env")],
        named: &["GATEWAY_ENV_FILE", "/nonexistent/throughway.env"],
    },
];

#[test]
fn bad_configurations_are_refused_with_everything_that_is_wrong() {
    for bad in BAD {
        let said = Vain::new().with(bad.variables).refusal();
        assert_names(&said, bad.named);
    }
}

#[test]
fn a_secret_is_not_told_when_it_is_refused() {
    let variables = [
        ("KAFKA_SECURITY_PROTOCOL", "SASL_SSL"),
        ("KAFKA_SSL_TRUSTSTORE_LOCATION", "/nonexistent/trust.jks"),
        ("KAFKA_SSL_TRUSTSTORE_PASSWORD", "hush-hush"),
        ("GATEWAY_FIRST_BYTE_TIMEOUT_MS", "soon"),
    ];
    let said = Vain::new().with(&variables).refusal();
    assert!(!said.contains("hush-hush"), "{said}");
}

/// The body of the core function behind this export, past its local variables.
fn code_of(component: &[u8], export: &str) -> std::ops::Range<usize> {
    let (mut imported, mut wanted, mut bodies) = (0, None, Vec::new());
    for payload in Parser::new(0).parse_all(component) {
        match payload.unwrap() {
            Payload::Version { .. } => (imported, bodies) = (0, Vec::new()),
            Payload::ImportSection(imports) => imported = imports.count(),
            Payload::ExportSection(exports) => {
                let named = |one: &Export<'_>| one.name == export && one.kind == ExternalKind::Func;
                let found = exports.into_iter().map(Result::unwrap).find(named);
                wanted = found.map(|one| one.index);
            }
            Payload::CodeSectionEntry(body) => {
                let start = body.get_operators_reader().unwrap().original_position();
                bodies.push(start..body.range().end);
            }
            Payload::End(_) => {
                if let Some(index) = wanted {
                    return bodies.swap_remove(usize::try_from(index - imported).unwrap());
                }
            }
            _ => {}
        }
    }
    panic!("no {export}");
}

/// Makes one function of a component trap as soon as it is called.
fn trap_in(component: &mut [u8], function: &str) {
    const UNREACHABLE: u8 = 0;
    const NOP: u8 = 1;
    let export = format!("throughway:addrmap/address-map@0.1.0#{function}");
    let code = code_of(component, &export);
    // All but the last byte, which ends the function.
    component[code.start..code.end - 1].fill(NOP);
    component[code.start] = UNREACHABLE;
}

#[test]
fn a_map_that_traps_at_start_is_refused() {
    let folder = TemporaryFolder::new("throughway-maps-").unwrap();
    for function in ["describe", "configure"] {
        let mut component = fs::read(shifting_guest()).unwrap();
        trap_in(&mut component, function);
        let path = folder.path().join(format!("traps-in-{function}.wasm"));
        fs::write(&path, component).unwrap();
        let path = path.display().to_string();
        let said = Vain::new()
            .with(&[("GATEWAY_ADDRESS_MAP", &path)])
            .refusal();
        assert_names(&said, &["address map", function, "unreachable"]);
    }
}

/// The binary under test with other bytes in the place of its built-in map.
fn with_built_in(map: &[u8], folder: &TemporaryFolder) -> PathBuf {
    let shipped = built_in();
    assert_eq!(shipped.len(), map.len());
    let mut program = fs::read(binary().unwrap()).unwrap();
    let mut windows = program.windows(shipped.len());
    let at = windows.position(|window| window == shipped).unwrap();
    program[at..at + map.len()].copy_from_slice(map);
    let path = folder.path().join("throughway");
    fs::write(&path, program).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn nothing_takes_the_place_of_a_built_in_map_that_traps() {
    let folder = TemporaryFolder::new("throughway-maps-").unwrap();
    for function in ["describe", "configure"] {
        let mut map = built_in();
        trap_in(&mut map, function);
        let mut vain = Vain::new();
        let program = with_built_in(&map, &folder);
        // In place of the binary that the harness names behind it.
        let instead = [
            "sh".into(),
            "-c".into(),
            r#"exec "$0" serve"#.into(),
            program.into(),
        ];
        vain.settings.launched_by(instead);
        assert_names(
            &vain.refusal(),
            &["built-in address map", function, "unreachable"],
        );
    }
}

#[test]
fn a_map_that_is_none_is_refused() {
    let folder = TemporaryFolder::new("throughway-maps-").unwrap();
    let path = folder.path().join("map.wasm");
    let name = path.display().to_string();
    let set = [("GATEWAY_ADDRESS_MAP", name.as_str())];
    assert_names(&Vain::new().with(&set).refusal(), &[&name]);
    for (bytes, expected) in [
        (&b"\0asm\x01\0\0\0"[..], "core module"),
        (b"\x7fELF\x02\x01\x01\0\0\0\0\0", "ELF"),
        (b"(component)", "text"),
        (b"\0asm\x0d\0\x01\0", "throughway:addrmap/address-map@0.1.0"),
    ] {
        fs::write(&path, bytes).unwrap();
        let said = Vain::new().with(&set).refusal();
        assert_names(&said, &["address map", expected]);
    }
}
