//! The rows of the table that language features, limits and deadlines deal with.

use super::text::Text;
use super::*;

#[test]
fn row_12_an_async_function() {
    let text = Text::with(|text| {
        text.inside = "(type $later (func async)) (export \"later\" (type $later))".into();
    });
    refused(&text.bytes(), "it is not valid");
    assert!(!an_ordinary_host_takes(&text.bytes()));
}

#[test]
fn row_13_annotations_of_the_name() {
    for annotation in [
        "(implements \"throughway:interceptor/hooks@0.1.0\")",
        "(external-id \"hooks\")",
        "(versionsuffix \".0\")",
    ] {
        let text = Text::with(|text| {
            text.export = format!("(export \"{NAME}\" {annotation} (instance $i))");
        });
        refused(&text.bytes(), "it ");
        assert!(!an_ordinary_host_takes(&text.bytes()), "{annotation}");
    }
}

#[test]
fn row_21_an_endless_start_is_stopped() {
    let text = Text::with(|text| {
        text.core = "(func $run (loop $l (br $l))) (start $run)".into();
    });
    assert_eq!(judged(&text.bytes()), Ok(Admitted::default()));
    assert_eq!(
        fails_at_its_start(&text.bytes()),
        "address map did not answer its start in time"
    );
}

#[test]
fn row_22_shared_memory() {
    let text = Text::with(|text| {
        text.memory = "(memory (export \"memory\") 1 1 shared)".into();
    });
    refused(&text.bytes(), "it is not valid");
    assert!(!an_ordinary_host_takes(&text.bytes()));
}

#[test]
fn row_28_a_type_bomb() {
    let mut types = String::from("(type $b0 (tuple string string))");
    for level in 1..40 {
        let below = level - 1;
        types.push_str(&format!("(type $b{level} (tuple $b{below} $b{below}))"));
    }
    let text = Text::with(|text| {
        text.inside = format!("{types} (export \"bomb\" (type $b39))");
    });
    let began = tokio::time::Instant::now();
    refused(&text.bytes(), "effective type size");
    assert!(began.elapsed() < std::time::Duration::from_secs(5));
    assert!(!an_ordinary_host_takes(&text.bytes()));
}

#[test]
fn row_29_two_hundred_memories_are_stopped() {
    let text = Text::with(|text| {
        text.before = "(core module $one (memory 1))".into();
        text.after = "(core instance (instantiate $one))".repeat(200);
    });
    assert_eq!(judged(&text.bytes()), Ok(Admitted::default()));
    let why = fails_at_its_start(&text.bytes());
    assert!(why.contains("resource limit exceeded"), "{why}");
}

#[test]
fn row_33_a_memory_that_begins_too_large_is_stopped() {
    let text = Text::with(|text| {
        text.memory = "(memory (export \"memory\") 30000)".into();
    });
    assert_eq!(judged(&text.bytes()), Ok(Admitted::default()));
    let why = fails_at_its_start(&text.bytes());
    assert!(
        why.contains("memory minimum size of 30000 pages exceeds memory limits"),
        "{why}"
    );
}

#[test]
fn rows_34_and_35_proposals_that_are_off() {
    for core in ["(memory i64 1)", "(tag) (func (throw 0))"] {
        let text = Text::with(|text| text.after = format!("(core module {core})"));
        refused(&text.bytes(), "it is not valid");
        assert!(!an_ordinary_host_takes(&text.bytes()), "{core}");
    }
}
