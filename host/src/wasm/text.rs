//! Texts that a guest or a component file chose, made fit for messages and logs.

/// Longest text of a guest that is repeated, in characters.
const MOST: usize = 256;

/// Quoted, with control and invisible characters escaped, and cut at 256 characters.
pub(crate) fn shown(text: &str) -> String {
    let mut out = String::from("\"");
    let mut length = 0_usize;
    for character in text.chars() {
        let escaped = character.escape_debug();
        length = length.saturating_add(escaped.len());
        if length > MOST {
            out.push('…');
            break;
        }
        out.extend(escaped);
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_cannot_write_lines_of_its_own_into_a_log() {
        assert_eq!(
            shown("a\nb\u{1b}[2J\"\u{202e}"),
            "\"a\\nb\\u{1b}[2J\\\"\\u{202e}\""
        );
    }

    #[test]
    fn a_guest_cannot_flood_a_log() {
        assert_eq!(shown(&"\0".repeat(10_000)).chars().count(), 259);
        assert_eq!(shown(&"x".repeat(256)).chars().count(), 258);
    }
}
