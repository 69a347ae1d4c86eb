//! Values that nobody is to see: passwords, keys, tokens.

use zeroize::Zeroize as _;

/// A value that never prints, and is gone from memory when dropped.
#[derive(Clone, Eq, PartialEq)]
pub struct Secret(pub String);

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}
