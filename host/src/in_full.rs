//! An error and what caused it, in one line: for a log or a person. Each link says only its own part.

use std::error::Error;

/// The error, then its causes, each behind a colon.
pub(crate) fn in_full(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
