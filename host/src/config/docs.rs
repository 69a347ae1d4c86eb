//! The table of variables as `docs/configuration.md` has it, and the tests that keep the pages in
//! `docs/` equal to what the program does.
//!
//! Pure. It must not know parsing, but for the tests.

use std::fmt::Write as _;

use super::variables::{self, Kind, Preset, Section, Variable};

/// All known variables as Markdown tables, one for each section.
#[must_use]
pub fn reference() -> String {
    let mut out = String::new();
    for section in variables::SECTIONS {
        // Writing to a String cannot fail.
        let _infallible = write_section(&mut out, section);
    }
    out
}

fn write_section(out: &mut String, section: &Section) -> std::fmt::Result {
    writeln!(out, "\n### {}\n", section.title)?;
    match section.rows.first().map(|row| row.kind) {
        Some(Kind::Refused { .. }) => {
            writeln!(out, "| variable | asks for | accepted |\n|---|---|---|")?;
            for row in section.rows {
                writeln!(
                    out,
                    "| `{}` | {} | {} |",
                    row.name, row.meaning, row.accepts
                )?;
            }
        }
        Some(Kind::Ignored) => {
            writeln!(out, "| variable | because |\n|---|---|")?;
            for row in section.rows {
                writeln!(out, "| `{}` | {} |", row.name, row.meaning)?;
            }
        }
        _ => {
            writeln!(
                out,
                "| variable | default | accepted | meaning |\n|---|---|---|---|"
            )?;
            for row in section.rows {
                let (name, default) = (row.name, default(row));
                let (accepts, meaning) = (row.accepts, row.meaning);
                writeln!(out, "| `{name}` | {default} | {accepts} | {meaning} |")?;
            }
        }
    }
    Ok(())
}

fn default(row: &Variable) -> String {
    match row.preset {
        Preset::Is(text) => format!("`{text}`"),
        Preset::Follows(words) => words.to_owned(),
        Preset::Unset => "–".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::super::tests::given_file;
    use super::super::{parse, render};
    use super::*;
    use crate::excluded::Feature;

    const BEGIN: &str = "<!-- variables: begin -->\n";
    const END: &str = "<!-- variables: end -->\n";
    /// Where the examples of the troubleshooting page are said to stand.
    const ENV_FILE: &str = "/etc/throughway/throughway.env";

    fn page(name: &str) -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("../docs")
            .join(name)
    }

    fn with_reference(text: &str) -> String {
        let (before, rest) = text.split_once(BEGIN).unwrap();
        let (_, after) = rest.split_once(END).unwrap();
        format!("{before}{BEGIN}{}\n{END}{after}", reference())
    }

    /// Each `env` block is a file; the `text` block behind it is what the program prints.
    fn with_output(text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("```env\n") {
            let (env, after) = after.split_once("```\n").unwrap();
            let (between, after) = after.split_once("```text\n").unwrap();
            let (_, after) = after.split_once("```\n").unwrap();
            let said = match parse(&given_file(ENV_FILE, env)) {
                Ok(parsed) => render(&parsed, false),
                Err(refused) => format!("{refused}\n"),
            };
            out.push_str(&format!(
                "{before}```env\n{env}```\n{between}```text\n{said}```\n"
            ));
            rest = after;
        }
        out + rest
    }

    #[test]
    fn the_configuration_page_has_the_table_of_the_code() {
        let text = fs::read_to_string(page("configuration.md")).unwrap();
        assert!(
            text == with_reference(&text),
            "run regenerate_configuration_docs"
        );
    }

    #[test]
    fn the_examples_for_a_start_are_accepted() {
        for name in ["configuration.md", "getting-started.md"] {
            let text = fs::read_to_string(page(name)).unwrap();
            let examples: Vec<_> = text.split("```env\n").skip(1).collect();
            assert!(examples.len() >= 2, "{name}");
            for example in examples {
                let (env, _) = example.split_once("```").unwrap();
                let parsed = parse(&given_file(ENV_FILE, env)).unwrap();
                let warned = parsed.notices.iter().any(|notice| notice.warning);
                assert!(!warned, "{name}: {:?}", parsed.notices);
            }
        }
    }

    #[test]
    fn the_troubleshooting_page_prints_what_the_program_prints() {
        let text = fs::read_to_string(page("troubleshooting.md")).unwrap();
        assert_eq!(text.matches("```env\n").count(), 6);
        assert!(
            text == with_output(&text),
            "run regenerate_configuration_docs"
        );
        for (_, said) in text
            .match_indices("```text\n")
            .map(|(at, _)| text.split_at(at))
        {
            assert!(said.contains(" errors:"), "an example with several errors");
        }
    }

    #[test]
    fn the_page_of_excluded_features_shows_each_refused_by_name() {
        let text = fs::read_to_string(page("excluded-features.md")).unwrap();
        assert!(
            text == with_output(&text),
            "run regenerate_configuration_docs"
        );
        let refused = text
            .lines()
            .filter(|line| line.contains(": excluded by the licence"));
        let refused: Vec<_> = refused.collect();
        for feature in Feature::ALL {
            let told = format!("): {}: excluded", feature.name());
            let lines = refused.iter().filter(|line| line.contains(&told)).count();
            assert!(lines > 0, "no variable of {}", feature.name());
            assert!(text.contains(&format!("| {} |", feature.name())));
        }
    }

    #[test]
    #[ignore = "writes the pages"]
    fn regenerate_configuration_docs() {
        for (name, make) in [
            ("configuration.md", with_reference as fn(&str) -> String),
            ("troubleshooting.md", with_output),
            ("excluded-features.md", with_output),
        ] {
            let text = fs::read_to_string(page(name)).unwrap();
            fs::write(page(name), make(&text)).unwrap();
        }
    }
}
