//! The list of Admin API users: `[{username: a, password: b, admin: true}]` in YAML's flow form, or
//! the same as JSON.
//!
//! Pure. A parser of exactly that form: lists, maps and the three kinds of scalars that YAML has in
//! flow collections. No message repeats what was read: it may be a password.

use super::value::Outcome;
use super::{AdminUser, Secret};

/// What a colon, a comma or a bracket means depends on where it is; these never begin a plain scalar
/// (YAML 1.2.2 §7.3.3), nor does `-`, `?` or `:` with a blank behind it.
const INDICATORS: &str = ",[]{}#&*!|>'\"%@`";

/// Reads the list.
pub(super) fn parse(text: &str) -> Outcome<Vec<AdminUser>> {
    let mut text = Text {
        rest: text,
        whole: text.len(),
    };
    let mut users: Vec<AdminUser> = Vec::new();
    text.expect('[', "a list that begins with `[`")?;
    while !text.take(']') {
        let user = user(&mut text, users.len() + 1)?;
        if users.iter().any(|known| known.name == user.name) {
            return Err(format!("user {} has the name of another", users.len() + 1));
        }
        users.push(user);
        if !text.take(',') {
            text.expect(']', "`,` or `]`")?;
            break;
        }
    }
    text.blanks();
    match (text.rest.is_empty(), users.is_empty()) {
        (false, _) => Err(text.wrong("the end")),
        (true, true) => Err("the list is empty".to_owned()),
        (true, false) => Ok(users),
    }
}

/// One map, the `nth` of the list.
fn user(text: &mut Text<'_>, nth: usize) -> Outcome<AdminUser> {
    let (mut name, mut password, mut admin) = (None, None, None);
    text.expect('{', "a user that begins with `{`")?;
    while !text.take('}') {
        let key = text.scalar()?;
        text.colon(key.quoted)?;
        let value = text.scalar()?;
        let slot = match key.text.as_str() {
            "username" => &mut name,
            "password" => &mut password,
            "admin" => &mut admin,
            _ => {
                return Err(format!(
                    "user {nth} has a key other than username, password, admin"
                ));
            }
        };
        if slot.replace(value).is_some() {
            return Err(format!("user {nth} has `{}` twice", key.text));
        }
        if !text.take(',') {
            text.expect('}', "`,` or `}`")?;
            break;
        }
    }
    let filled = |slot: Option<Scalar>, what: &str| match slot {
        Some(scalar) if scalar.text.chars().any(char::is_control) => {
            Err(format!("user {nth} has a control character in its {what}"))
        }
        Some(scalar) if !scalar.is_null() => Ok(scalar.text),
        _ => Err(format!("user {nth} has no {what}")),
    };
    let name = filled(name, "username")?;
    if name.contains(':') {
        return Err(format!("user {nth} has a colon in its name"));
    }
    Ok(AdminUser {
        name,
        password: Secret(filled(password, "password")?),
        admin: admin.map_or(Ok(false), |scalar| truth(&scalar, nth))?,
    })
}

fn truth(scalar: &Scalar, nth: usize) -> Outcome<bool> {
    match scalar.text.as_str() {
        "true" | "True" | "TRUE" => Ok(true),
        "false" | "False" | "FALSE" => Ok(false),
        _ => Err(format!(
            "user {nth} has something else than true or false for admin"
        )),
    }
}

struct Scalar {
    text: String,
    quoted: bool,
}

impl Scalar {
    fn is_null(&self) -> bool {
        let null = ["", "~", "null", "Null", "NULL"].contains(&self.text.as_str());
        self.text.is_empty() || (null && !self.quoted)
    }
}

/// What is still to be read.
struct Text<'a> {
    rest: &'a str,
    whole: usize,
}

impl Text<'_> {
    fn blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn next(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let next = characters.next();
        self.rest = characters.as_str();
        next
    }

    /// Passes over this sign if it is next.
    fn take(&mut self, sign: char) -> bool {
        self.blanks();
        let rest = self.rest.strip_prefix(sign);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, sign: char, what: &str) -> Outcome<()> {
        match self.take(sign) {
            true => Ok(()),
            false => Err(self.wrong(what)),
        }
    }

    fn wrong(&self, expected: &str) -> String {
        let at = self.whole - self.rest.len() + 1;
        format!("at byte {at}, {expected} was expected")
    }

    /// Between a key and its value. Behind a plain key it needs a blank: `a:b` is one scalar.
    fn colon(&mut self, key_was_quoted: bool) -> Outcome<()> {
        self.expect(':', "`: `")?;
        match key_was_quoted || self.rest.starts_with(char::is_whitespace) {
            true => Ok(()),
            false => Err(self.wrong("a blank behind the colon")),
        }
    }

    fn scalar(&mut self) -> Outcome<Scalar> {
        self.blanks();
        let (text, quoted) = match self.rest.chars().next() {
            Some('"') => (self.double_quoted()?, true),
            Some('\'') => (self.single_quoted()?, true),
            _ => (self.plain()?, false),
        };
        Ok(Scalar { text, quoted })
    }

    /// As JSON has it, which is as YAML has it but for escapes that nobody types.
    fn double_quoted(&mut self) -> Outcome<String> {
        let mut values = serde_json::Deserializer::from_str(self.rest).into_iter::<String>();
        match values.next() {
            Some(Ok(text)) => {
                let read = values.byte_offset();
                self.rest = self.rest.get(read..).unwrap_or_default();
                Ok(text)
            }
            _ => Err(self.wrong("a text in double quotes, with JSON's escapes,")),
        }
    }

    /// Two quotes stand for one.
    fn single_quoted(&mut self) -> Outcome<String> {
        let unclosed = self.wrong("a text that ends with the quote it begins with");
        self.next();
        let mut text = String::new();
        loop {
            match self.next() {
                Some('\'') if self.rest.starts_with('\'') => {
                    self.next();
                    text.push('\'');
                }
                Some('\'') => return Ok(text),
                Some(other) => text.push(other),
                None => return Err(unclosed),
            }
        }
    }

    fn plain(&mut self) -> Outcome<String> {
        let mut signs = self.rest.chars();
        let first = signs.next();
        let dangling = matches!(first, Some('-' | '?' | ':'))
            && signs
                .next()
                .is_none_or(|c| c.is_whitespace() || ",[]{}".contains(c));
        if dangling || first.is_none_or(|first| INDICATORS.contains(first)) {
            return Err(self.wrong("a text, in quotes if it begins with a special character,"));
        }
        let mut before = ' ';
        let mut text = String::new();
        while let Some(sign) = self.rest.chars().next() {
            let mut after = self.rest.chars().skip(1);
            let ends_key = sign == ':'
                && after
                    .next()
                    .is_none_or(|c| c.is_whitespace() || ",[]{}".contains(c));
            let comment = sign == '#' && before.is_whitespace();
            if ends_key || comment || ",[]{}".contains(sign) {
                break;
            }
            text.push(sign);
            before = sign;
            self.next();
        }
        text.truncate(text.trim_end().len());
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(text: &str) -> Vec<(String, String, bool)> {
        let parsed = parse(text).unwrap_or_else(|problem| panic!("{text}: {problem}"));
        let shown = |user: AdminUser| (user.name, user.password.0.clone(), user.admin);
        parsed.into_iter().map(shown).collect()
    }

    fn one(name: &str, password: &str, admin: bool) -> Vec<(String, String, bool)> {
        vec![(name.to_owned(), password.to_owned(), admin)]
    }

    #[test]
    fn yaml_and_json_say_the_same() {
        let expected = [one("admin", "s3cret", true), one("bob", "b b", false)].concat();
        for text in [
            "[{username: admin, password: s3cret, admin: true}, {username: bob, password: b b}]",
            "[{username: 'admin', password: \"s3cret\", admin: TRUE},\n {username: bob, password: b b, admin: false,},]",
            r#"[{"username":"admin","password":"s3cret","admin":true},{"admin":false,"username":"bob","password":"b b"}]"#,
            r#"[ {"username" : "admin" , "password" : "s3cret" , "admin" : "true" } , { username: bob, password: 'b b' } ]"#,
        ] {
            assert_eq!(users(text), expected, "{text}");
        }
    }

    #[test]
    fn passwords_may_have_anything_that_the_form_can_say() {
        for (written, password) in [
            ("12345", "12345"),
            ("a:b", "a:b"),
            ("a#b", "a#b"),
            ("p@ss:w0rd!", "p@ss:w0rd!"),
            ("-x", "-x"),
            ("'it''s, {so}'", "it's, {so}"),
            (r#""a\"b\\cé ""#, "a\"b\\cé "),
            ("pässword  ", "pässword"),
            ("'null'", "null"),
        ] {
            let text = format!("[{{username: u, password: {written}}}]");
            assert_eq!(users(&text), one("u", password, false), "{text}");
        }
    }

    #[test]
    fn whatever_is_not_of_the_form_is_refused_without_repeating_it() {
        for (text, telling) in [
            ("", "a list that begins with `[`"),
            ("admin:hidden", "a list that begins with `[`"),
            ("[]", "the list is empty"),
            ("[{username: a, password: hidden}", "`,` or `]`"),
            ("[{username: a, password: hidden}] x", "the end"),
            ("[{username:a, password: hidden}]", "`: `"),
            ("[{username: a}]", "user 1 has no password"),
            ("[{username: a, password: }]", "a text"),
            ("[{username: a, password: ''}]", "user 1 has no password"),
            ("[{username: a, password: ~}]", "user 1 has no password"),
            ("[{username: a, password: null}]", "user 1 has no password"),
            ("[{password: hidden}]", "user 1 has no username"),
            (
                "[{username: 'a:b', password: hidden}]",
                "a colon in its name",
            ),
            (
                "[{username: \"a\\nb\", password: hidden}]",
                "control character",
            ),
            (
                "[{username: a, password: hidden, role: x}]",
                "a key other than",
            ),
            (
                "[{username: a, username: b, password: hidden}]",
                "`username` twice",
            ),
            (
                "[{username: a, password: hidden, admin: yes}]",
                "true or false",
            ),
            (
                "[{username: a, password: hidden},{username: a, password: x}]",
                "user 2 has the name",
            ),
            ("[{username: a, password: @hidden}]", "in quotes"),
            ("[{username: a, password: 'hidden}]", "ends with the quote"),
            ("[{username: a, password: \"hid\\qden\"}]", "JSON's escapes"),
            ("[{username: a, password: hidden # more}]", "`,` or `}`"),
            ("[[{username: a, password: hidden}]]", "begins with `{`"),
            ("{username: a, password: hidden}", "begins with `[`"),
        ] {
            let problem = parse(text).unwrap_err();
            assert!(problem.contains(telling), "{text}: {problem}");
            assert!(!problem.contains("hid"), "{problem}");
        }
    }
}
