//! The list in `tests/protocol.md` names tests that exist, and one at least for each of its cases.

use std::fs;
use std::path::Path;

use throughway_tests::crate_folder;

/// All of the source below a folder.
fn source(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            source(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn every_case_is_shown_by_tests_that_exist() {
    let list = fs::read_to_string(crate_folder().join("protocol.md")).unwrap();
    let mut all = String::new();
    for folder in ["../host/src", "e2e", "fuzz/src", "oracle"] {
        source(&crate_folder().join(folder), &mut all);
    }
    let rows: Vec<&str> = list.lines().filter(|line| line.starts_with("| ")).collect();
    let cases = rows.iter().filter(|row| !row.starts_with("| Case"));
    let mut number = 0;
    for row in cases {
        number += 1;
        assert!(row.starts_with(&format!("| {number}. ")), "{row}");
        let (_, shown_by) = row.get(2..).unwrap().split_once(" | ").unwrap();
        let names: Vec<&str> = shown_by.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "{row}");
        for name in names {
            // As a function, or as the name that a macro is given for one.
            let defined = [
                format!("fn {name}("),
                format!("    {name}:"),
                format!("    {name},"),
            ];
            assert!(
                defined.iter().any(|as_| all.contains(as_)),
                "no test {name}"
            );
        }
    }
    assert_eq!(number, 38);
}
