//! The subcommand on real files.

use clap::Parser;

use super::*;

#[derive(Debug, Parser)]
struct Asked {
    #[command(subcommand)]
    license: License,
}

const DEV_KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/keys/dev-license.pem");

fn run(arguments: &[&str]) -> Outcome {
    run_with(arguments, None)
}

fn run_with(arguments: &[&str], file: Option<&str>) -> Outcome {
    let asked = Asked::try_parse_from([&["license"], arguments].concat()).unwrap();
    asked
        .license
        .run(|name| (name == "GATEWAY_LICENSE_FILE").then_some(file).flatten())
}

#[test]
fn what_it_issues_it_verifies_and_shows() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("license.jwt");
    let issued = run(&[
        "issue",
        "--key",
        DEV_KEY,
        "--customer",
        "c-1",
        "--days",
        "40",
    ]);
    assert!(issued.refusal.is_none());
    assert_eq!(issued.text.lines().count(), 1, "the token and nothing else");
    fs::write(&file, &issued.text).unwrap();
    let file = file.to_str().unwrap();
    for (arguments, configured) in [
        (&["verify", file][..], None),
        (&["show", file], None),
        (&["show"], Some(file)),
    ] {
        let outcome = run_with(arguments, configured);
        assert!(outcome.refusal.is_none(), "{outcome:?}");
        assert!(
            outcome.text.contains("customer     c-1\n"),
            "{}",
            outcome.text
        );
    }
    fs::write(file, issued.text.replacen("ey", "ez", 1)).unwrap();
    let (why, code) = run(&["verify", file]).refusal.unwrap();
    assert!(
        why.starts_with("the file holds no valid licence: "),
        "{why}"
    );
    assert_eq!(code, REFUSED);
}

#[test]
fn show_without_a_source_names_the_variables() {
    let (why, code) = run(&["show"]).refusal.unwrap();
    assert!(why.contains("GATEWAY_LICENSE_KEY"), "{why}");
    assert_eq!(code, REFUSED);
}

#[test]
fn verify_names_a_file_that_is_not_there() {
    let (why, code) = run(&["verify", "/does/not/exist"]).refusal.unwrap();
    assert_eq!(
        why,
        "the file: read \"/does/not/exist\": No such file or directory (os error 2)"
    );
    assert_eq!(code, REFUSED);
}

#[test]
fn keygen_never_overwrites_a_key() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().to_str().unwrap();
    let made = run(&["keygen", "--kid", "tw-rcp-2026a", "--out", out, "--receipt"]);
    assert!(made.text.contains("receipt-tw-rcp-2026a.pem"), "{made:?}");
    let again = run(&["keygen", "--kid", "tw-rcp-2026a", "--out", out, "--receipt"]);
    let (why, code) = again.refusal.unwrap();
    assert!(why.contains("File exists"), "{why}");
    assert_eq!(code, FAILED);
    let key = directory.path().join("tw-rcp-2026a.private.pem");
    let issued = [
        "issue",
        "--customer",
        "c",
        "--days",
        "1",
        "--key",
        key.to_str().unwrap(),
    ];
    let issued = run(&issued);
    assert!(issued.refusal.is_none(), "{issued:?}");
}

#[test]
fn says_why_a_licence_cannot_be_issued() {
    let (why, code) = run(&["issue", "--key", DEV_KEY, "--customer", "c", "--days", "0"])
        .refusal
        .unwrap();
    assert_eq!(
        why,
        "this licence would not be valid: the licence's exp is before the licence begins"
    );
    assert_eq!(code, FAILED);
    let limit = [
        "issue",
        "--key",
        "k",
        "--customer",
        "c",
        "--days",
        "1",
        "--limit",
        "a",
    ];
    assert!(Asked::try_parse_from([&["license"], &limit[..]].concat()).is_err());
}
