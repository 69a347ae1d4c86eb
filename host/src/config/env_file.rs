//! The grammar of `GATEWAY_ENV_FILE`: `[export ]NAME=value` lines, quotes and comments.
//!
//! Pure. It reads what a shell would read the same way and refuses what a shell would expand, so
//! that one file means one thing whoever reads it. It must not know any variable by name.

use std::iter::Peekable;
use std::str::Chars;

/// One assignment of the file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Assignment {
    /// The variable.
    pub(super) name: String,
    /// Quotes taken off.
    pub(super) value: String,
    /// Where it begins, counted from 1.
    pub(super) line: usize,
}

/// A line that is no assignment, and why. Never holds the value: it may be a secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct BadLine {
    /// Counted from 1.
    pub(super) line: usize,
    /// What is wrong.
    pub(super) problem: String,
}

const EXPANSION: &str = "`$` and backtick are not expanded here: \
                         put the value in single quotes to mean them literally";

/// Reads the whole text; goes on after a bad line so that all of them are reported.
pub(super) fn parse(text: &str) -> (Vec<Assignment>, Vec<BadLine>) {
    let mut assignments = Vec::new();
    let mut bad = Vec::new();
    let mut scanner = Scanner {
        rest: text.trim_start_matches('\u{feff}').chars().peekable(),
        line: 1,
    };
    while let Some(first) = scanner.rest.peek().copied() {
        if first.is_whitespace() {
            scanner.next();
            continue;
        }
        let line = scanner.line;
        if first == '#' {
            scanner.skip_line();
            continue;
        }
        match scanner.assignment() {
            Ok((name, value)) => assignments.push(Assignment { name, value, line }),
            Err(problem) => {
                bad.push(BadLine { line, problem });
                scanner.skip_line();
            }
        }
    }
    (assignments, bad)
}

struct Scanner<'a> {
    rest: Peekable<Chars<'a>>,
    line: usize,
}

impl Scanner<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.next()?;
        if c == '\n' {
            self.line = self.line.saturating_add(1);
        }
        Some(c)
    }

    fn skip_line(&mut self) {
        while self.rest.peek().is_some_and(|c| *c != '\n') {
            self.next();
        }
    }

    fn assignment(&mut self) -> Result<(String, String), String> {
        let mut name = String::new();
        while let Some(c) = self.rest.next_if(|c| !matches!(c, '=' | '\n')) {
            name.push(c);
        }
        if self.rest.peek() != Some(&'=') {
            return Err("no assignment: expected `NAME=value` or `export NAME=value`".to_owned());
        }
        self.next();
        let name = name
            .strip_prefix("export")
            .filter(|after| after.starts_with([' ', '\t']))
            .map_or(name.as_str(), str::trim_start);
        if !is_name(name) {
            return Err(format!(
                "`{}` is not a variable's name: letters, digits and `_`, no space before `=`",
                name.escape_debug()
            ));
        }
        Ok((name.to_owned(), self.value()?))
    }

    /// Quoted and unquoted pieces may follow one another, as in a shell: `a'b'"c"` is `abc`.
    fn value(&mut self) -> Result<String, String> {
        let mut value = String::new();
        // Unquoted blanks count only when something follows them, and `#` opens a comment after one.
        let mut blanks = String::new();
        while let Some(c) = self.rest.peek().copied().filter(|c| *c != '\n') {
            match c {
                ' ' | '\t' | '\r' => blanks.push(c),
                '#' if !blanks.is_empty() || value.is_empty() => {
                    self.skip_line();
                    break;
                }
                '$' | '`' => return Err(EXPANSION.to_owned()),
                '\\' => return Err("a backslash needs quotes around the value".to_owned()),
                '\'' | '"' => {
                    value.push_str(&std::mem::take(&mut blanks));
                    self.next();
                    self.quoted(c, &mut value)?;
                    continue;
                }
                _ => {
                    value.push_str(&std::mem::take(&mut blanks));
                    value.push(c);
                }
            }
            self.next();
        }
        Ok(value)
    }

    /// Up to the closing quote; may span lines (PEM texts do).
    fn quoted(&mut self, quote: char, value: &mut String) -> Result<(), String> {
        while let Some(c) = self.next() {
            match c {
                _ if c == quote => return Ok(()),
                '$' | '`' if quote == '"' => return Err(EXPANSION.to_owned()),
                '\\' if quote == '"' => {
                    match self.rest.next_if(|c| matches!(c, '"' | '\\' | '$' | '`')) {
                        Some(escaped) => value.push(escaped),
                        None => value.push('\\'),
                    }
                }
                _ => value.push(c),
            }
        }
        Err(format!("the quote {quote} is not closed"))
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<(String, String, usize)> {
        let (assignments, bad) = parse(text);
        assert_eq!(bad, []);
        assignments
            .into_iter()
            .map(|a| (a.name, a.value, a.line))
            .collect()
    }

    fn value(text: &str) -> String {
        values(text).remove(0).1
    }

    fn problem(text: &str) -> (usize, String) {
        let (_, mut bad) = parse(text);
        let bad = bad.remove(0);
        (bad.line, bad.problem)
    }

    #[test]
    fn reads_plain_and_exported_assignments_with_their_lines() {
        let text = "# a comment\n\nexport A=1\r\n  B=two words # why\nC=\n";
        let expected = [("A", "1", 3), ("B", "two words", 4), ("C", "", 5)];
        let expected = expected.map(|(n, v, l)| (n.to_owned(), v.to_owned(), l));
        assert_eq!(values(text), expected);
    }

    #[test]
    fn quotes_keep_blanks_comments_and_line_breaks() {
        assert_eq!(value("A=' a # b '"), " a # b ");
        assert_eq!(
            value("A=\"x \\\"y\\\" \\\\ \\$z \\n\""),
            "x \"y\" \\ $z \\n"
        );
        assert_eq!(
            value("A='-----BEGIN\nkey\n-----END'\nB=1"),
            "-----BEGIN\nkey\n-----END"
        );
        assert_eq!(
            values("A='1\n2'\nB=3")[1],
            ("B".to_owned(), "3".to_owned(), 3)
        );
        assert_eq!(value("A=a'b'\"c\""), "abc");
        assert_eq!(value("A=a#b"), "a#b");
    }

    #[test]
    fn single_quotes_take_dollar_and_backtick_literally() {
        assert_eq!(value("A='pa$$w`rd\\'"), "pa$$w`rd\\");
    }

    #[test]
    fn refuses_what_a_shell_would_expand() {
        for text in ["A=$HOME", "A=\"$HOME\"", "A=`id`", "A=\"`id`\""] {
            assert_eq!(problem(text), (1, EXPANSION.to_owned()), "{text}");
        }
        assert!(problem("A=a\\ b").1.contains("backslash"));
    }

    #[test]
    fn refuses_lines_that_assign_nothing_and_reads_on() {
        let (assignments, bad) = parse("set -e\nA=1\nexport B\nC =2\n1D=3\nE=4\nF='open");
        let names: Vec<_> = assignments.iter().map(|a| a.name.as_str()).collect();
        assert_eq!(names, ["A", "E"]);
        let lines: Vec<_> = bad.iter().map(|b| b.line).collect();
        assert_eq!(lines, [1, 3, 4, 5, 7]);
        assert!(bad[4].problem.contains("not closed"));
    }
}
