//! Cases against the built-in map, and against maps of text.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::wasm::BUILT_IN;
use crate::wasm::test_guests::Parts;

const CONFIG: &str = r#"{"version":1,"listeners":[{"name":"MAIN","routing":"port","advertised_host":"kafka.example.com","ports":[{"advertised":7000,"local":6969},{"advertised":7001,"local":6970}],"min_broker_id":0}]}"#;

/// A component and a file of cases, in a folder of their own.
struct Files {
    folder: TempDir,
}

impl Files {
    fn new(component: &[u8], cases: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("map.wasm"), component).unwrap();
        fs::write(folder.path().join("cases.json"), cases.to_string()).unwrap();
        Self { folder }
    }

    fn run(&self) -> Result<Report, CasesError> {
        let at = |name: &str| self.folder.path().join(name);
        run(&at("map.wasm"), &at("cases.json"), LimitsProfile::Small)
    }
}

fn group(config: &str, cases: &Value) -> Value {
    json!({ "version": 1, "groups": [{ "name": "ports", "config": config, "cases": cases }] })
}

/// What is said of the built-in map when it is asked this.
fn of_the_built_in(cases: &Value) -> Report {
    Files::new(BUILT_IN, &group(CONFIG, cases)).run().unwrap()
}

#[test]
fn answers_as_expected_are_counted() {
    let report = of_the_built_in(&json!([
        { "advertise": { "node_id": 1, "listener": "MAIN" },
          "expect": { "public": "kafka.example.com:7001", "local_port": 6970 } },
        { "advertise": { "node_id": 2, "listener": "MAIN" }, "expect": { "not_mapped": null } },
        { "route": { "listener": "MAIN", "local_port": 6970 }, "expect": { "node_id": 1 } },
        { "route": { "listener": "MAIN", "local_port": 1 }, "expect": { "not_routable": null } },
    ]));
    let expected = "built-in 0.1.0\nok        ports, 4 cases\n4 cases, all as expected\n";
    assert_eq!((report.text.as_str(), report.differences), (expected, 0));
}

#[test]
fn a_difference_is_shown_member_by_member() {
    let report = of_the_built_in(&json!([
        { "advertise": { "node_id": 1, "listener": "MAIN" },
          "expect": { "public": "kafka.example.com:7002", "local_port": 6970 } },
        { "route": { "listener": "MAIN", "local_port": 6969 }, "expect": "bootstrap" },
    ]));
    let expected = "\
built-in 0.1.0

ports, case 1 (advertise node 1)
  - public: \"kafka.example.com:7002\"
  + public: \"kafka.example.com:7001\"

ports, case 2 (route \"MAIN\", local port 6969)
  - \"bootstrap\"
  + node_id: 0
DIFFERENT ports, 2 cases
2 cases, 2 not as expected
";
    assert_eq!((report.text.as_str(), report.differences), (expected, 2));
}

#[test]
fn the_plan_is_a_case_too() {
    let plan = json!({
        "depends_on": ["listener"],
        "listeners": [{
            "name": "MAIN",
            "needs_server_name": false,
            "bootstrap": [],
            "local_ports": [[6969, 6970]],
            "server_names": ["kafka.example.com"],
        }],
    });
    let refused = json!({ "refused": { "at": null, "message": null } });
    let cases = json!({ "version": 1, "groups": [
        { "name": "good", "config": CONFIG, "plan": plan },
        { "name": "bad", "config": "{}", "plan": refused },
    ] });
    let report = Files::new(BUILT_IN, &cases).run().unwrap();
    assert_eq!(report.differences, 0, "{}", report.text);
    assert!(report.text.contains("2 cases, all"), "{}", report.text);
}

#[test]
fn a_configuration_may_stand_in_a_file_beside() {
    let cases = json!([
        { "route": { "listener": "MAIN", "local_port": 6969 }, "expect": { "node_id": 0 } },
    ]);
    let files = Files::new(BUILT_IN, &group("@map.conf", &cases));
    let missing = files.run().unwrap_err().to_string();
    assert!(missing.contains("map.conf"), "{missing}");
    fs::write(files.folder.path().join("map.conf"), CONFIG).unwrap();
    assert_eq!(files.run().unwrap().differences, 0);
}

#[test]
fn a_failed_call_is_a_difference_and_the_next_case_has_its_own_instance() {
    let parts = Parts {
        route: "(if (result i32) (i32.eq (local.get $port) (i32.const 1))
            (then unreachable) (else (call $bootstrap)))"
            .into(),
        ..Parts::default()
    };
    let cases = json!([
        { "route": { "listener": "SAMPLE", "local_port": 1 }, "expect": "bootstrap" },
        { "route": { "listener": "SAMPLE", "local_port": 2 }, "expect": "bootstrap" },
    ]);
    let report = Files::new(&parts.component(), &group("", &cases))
        .run()
        .unwrap();
    assert_eq!(report.differences, 1, "{}", report.text);
    assert!(
        report
            .text
            .contains("+ failed: \"address map failed in route"),
        "{}",
        report.text
    );
}

#[test]
fn a_field_the_map_does_not_depend_on_arrives_empty() {
    // Answers with a refusal if there is a zone, which its plan does not name.
    let by_zone = |depends_on| Parts {
        depends_on,
        advertise: "(if (result i32) (local.get 13)
            (then (call $refuse (i32.const 0))) (else (call $told (i32.const 7000))))"
            .into(),
        ..Parts::default()
    };
    let told = json!({ "public": "kafka.example.com:7000", "local_port": 7000 });
    let refused = json!({ "not_mapped": "test" });
    for (depends_on, expected) in [(1, told), (8, refused)] {
        let asked = json!([{ "advertise": { "node_id": 0, "zone": "z" }, "expect": expected }]);
        let component = by_zone(depends_on).component();
        let report = Files::new(&component, &group("", &asked)).run().unwrap();
        assert_eq!(report.differences, 0, "{}", report.text);
    }
}

#[test]
fn what_is_no_file_of_cases_is_refused_with_its_place() {
    let said = |cases: &Value| {
        format!(
            "{:#}",
            anyhow::Error::from(Files::new(BUILT_IN, cases).run().unwrap_err())
        )
    };
    assert!(said(&json!({ "version": 2, "groups": [] })).contains("accepted is 1"));
    assert!(said(&json!({ "version": 1 })).contains("groups"));
    let asked = json!([{ "advise": {}, "expect": null }]);
    assert!(
        said(&group("", &asked)).contains("line 1"),
        "{}",
        said(&group("", &asked))
    );
    let asked = json!([{ "route": { "listner": "MAIN" }, "expect": null }]);
    assert!(
        said(&group("", &asked)).contains("listner"),
        "{}",
        said(&group("", &asked))
    );
}

#[test]
fn a_component_that_is_refused_is_no_case() {
    let error = Files::new(b"(component)", &group("", &json!([])))
        .run()
        .unwrap_err();
    assert!(
        error.to_string().contains("text, not a component"),
        "{error}"
    );
}
