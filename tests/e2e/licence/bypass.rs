//! Ways around the licence and around reporting, by variables, files and state: each is refused, or
//! changes nothing and is seen.

use std::process::Command;

use throughway_tests::proxy::binary;

use super::*;

/// A licence in due form, by a key pair that somebody made for himself and named like this.
fn forged(folder: &TemporaryFolder, kid: &str) -> String {
    let run = |arguments: &[&str]| {
        let output = Command::new(binary().unwrap())
            .arg("license")
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let out = folder.path().display().to_string();
    run(&["keygen", "--kid", kid, "--out", &out]);
    let key = format!("{out}/{kid}.private.pem");
    run(&["issue", "--key", &key, "--customer", "me", "--days", "3650"])
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_signs_his_own_licence() {
    let folder = TemporaryFolder::new("throughway-forged-").unwrap();
    let anchors = folder.path().display().to_string();
    // By the name of a key that is known, and by one's own, with the public half where a build takes it.
    let same_name = forged(&folder, "tw-lic-DEV-KEY-DO-NOT-SHIP");
    let said = refused(&[(KEY, &same_name)]).await;
    assert!(said.contains("signature does not match"), "{said}");
    let own_name = forged(&folder, "tw-lic-mine");
    for more in [
        "THROUGHWAY_ANCHORS_DIR",
        "GATEWAY_LICENSE_ANCHORS_DIR",
        "GATEWAY_LICENSE_PUBLIC_KEY",
    ] {
        let said = refused(&[(KEY, &own_name), (more, &anchors)]).await;
        assert!(said.contains("which this build does not know"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn state_that_was_planted_is_no_licence() {
    let folder = TemporaryFolder::new("throughway-planted-").unwrap();
    let token = forged(&folder, "tw-lic-mine");
    let state = folder.path().join("state");
    fs::create_dir_all(state.join("license")).unwrap();
    fs::write(state.join("license/last-good.jwt"), token).unwrap();
    let state = state.display().to_string();
    let said = refused(&[
        (FILE, "/nowhere/license.jwt"),
        ("GATEWAY_STATE_DIRECTORY", &state),
    ])
    .await;
    assert!(said.contains("/nowhere/license.jwt"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_variable_makes_a_licence_out_of_none() {
    for (name, value) in [
        ("GATEWAY_LICENSE_STATE", "valid"),
        ("GATEWAY_LICENSE_GRACE_DAYS", "36500"),
        ("GATEWAY_LICENSE_AGENT_FILE", "/nowhere/license.jwt"),
        ("GATEWAY_LICENSE_SKIP_VERIFICATION", "true"),
    ] {
        let said = refused(&[(name, value)]).await;
        assert!(said.contains("set exactly one of"), "{name}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_variable_turns_reporting_off() {
    let token = issue(0, 60, 30);
    for (name, value) in [
        ("GATEWAY_FEATURE_FLAGS_ANALYTICS", "false"),
        ("GATEWAY_ANALYTICS_ENABLED", "false"),
        ("GATEWAY_TELEMETRY", "off"),
        ("GATEWAY_USAGE_ENABLED", "false"),
        ("GATEWAY_USAGE_INTERVAL_HOURS", "100000"),
        ("GATEWAY_USAGE_ENDPOINT", "none"),
        ("GATEWAY_USAGE_ENDPOINT", "http://127.0.0.1:1/"),
        ("GATEWAY_USAGE_CA_PATH", "/nowhere/ca.pem"),
    ] {
        let said = refused(&[(KEY, &token), (name, value)]).await;
        assert!(said.contains(name), "{name}={value}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_usage_cannot_be_kept_nothing_starts() {
    let folder = TemporaryFolder::new("throughway-kept-").unwrap();
    fs::write(folder.path().join("usage"), "in the way").unwrap();
    let state = folder.path().display().to_string();
    let token = issue(0, 60, 30);
    let said = refused(&[(KEY, &token), ("GATEWAY_STATE_DIRECTORY", &state)]).await;
    assert!(
        said.contains("GATEWAY_STATE_DIRECTORY") && said.contains("usage"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_was_changed_is_set_aside_and_seen() {
    let folder = TemporaryFolder::new("throughway-ledger-").unwrap();
    let broker = quiet_broker().await;
    let (mut settings, port) = settings(&broker);
    settings.set(
        "GATEWAY_STATE_DIRECTORY",
        folder.path().display().to_string(),
    );
    let mut edge = Edge::start(&settings, port);
    edge.log_in(1).await;
    assert_eq!(edge.stop().unwrap(), Some(0));
    let ledger = folder.path().join("usage/ledger.json");
    let text = fs::read_to_string(&ledger).unwrap();
    let changed = text.replacen("\"next_seq\":0", "\"next_seq\":7", 1);
    assert_ne!(changed, text);
    fs::write(&ledger, changed).unwrap();
    settings.tolerate("what is kept is not as it was left");
    let edge = Edge::start(&settings, port);
    wait_until(&edge, |edge| {
        edge.metric("throughway_usage_state_faults", &[]) == 1
    });
    assert!(ledger.with_extension("json.corrupt").exists());
}
