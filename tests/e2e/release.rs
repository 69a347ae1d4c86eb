//! The way a binary is let out: `make release`, as far as it goes without minutes of building.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use throughway_tests::crate_folder;
use throughway_tests::files::TemporaryFolder;
use throughway_tests::proxy::binary;

fn script(name: &str) -> Command {
    Command::new(crate_folder().join("../packer").join(name))
}

fn gate(binary: &Path) -> Output {
    script("release-gate.sh").arg(binary).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A program that answers as a release would, but for what the test changes.
fn pretended(folder: &TemporaryFolder, anchors: &str, verified: &str, more: &str) -> PathBuf {
    let path = folder.path().join("throughway");
    let text = format!(
        "#!/bin/sh\n{more}\ncase \"$*\" in\n\
         version*) echo '{{\"licence_anchors\":\"{anchors}\"}}' ;;\n\
         license?verify*) {verified} ;;\nesac\n"
    );
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// As in a binary that lists its parts.
const LISTS: &str = "# .dep-v0";

const REFUSES: &str = "echo 'signed by key x, which this build does not know' >&2; exit 78";

#[test]
fn without_an_anchor_of_the_vendors_nothing_is_built() {
    let folder = TemporaryFolder::new("throughway-anchors-").unwrap();
    let mut release = script("release.sh");
    release.env("THROUGHWAY_ANCHORS_DIR", folder.path());
    // Whatever it would build with is out of reach, so that a mistake ends at once.
    let output = release
        .env("CARGO_NET_OFFLINE", "true")
        .env("RUSTC", "false")
        .output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = said(&output);
    assert!(
        said.contains("no license-<kid>.pem") && said.contains("keygen"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn the_gate_is_closed_to_a_development_build_for_each_reason() {
    let output = gate(&binary().unwrap());
    if std::env::var_os("THROUGHWAY_KEYS").is_some() {
        // `make soak` of a release build with keys of its own.
        assert!(output.status.success(), "{output:?}");
        return;
    }
    assert_eq!(output.status.code(), Some(1));
    let said = said(&output);
    for why in [
        "has a development key in it",
        "shows dev licence anchors",
        "does not refuse a licence that the development key signed (exit 0)",
    ] {
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn the_gate_opens_only_where_every_lock_holds() {
    let folder = TemporaryFolder::new("throughway-gate-").unwrap();
    let open = gate(&pretended(&folder, "production", REFUSES, LISTS));
    assert!(open.status.success(), "{open:?}");
    for (anchors, verified, more, why) in [
        ("dev", REFUSES, LISTS, "shows dev licence anchors"),
        ("production", "exit 0", LISTS, "does not refuse"),
        // Refused for another reason: nothing is proven by that.
        ("production", "exit 78", LISTS, "does not refuse"),
        ("production", REFUSES, "", "has no list of its parts"),
        (
            "production",
            REFUSES,
            "# .dep-v0 tw-lic-DEV-KEY-DO-NOT-SHIP",
            "has a development key",
        ),
    ] {
        let output = gate(&pretended(&folder, anchors, verified, more));
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains(why), "{said}");
    }
}
