//! Which build this is. Pure constants, from the manifest and the build script.

/// The product's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Commit it was built from, abbreviated; `unknown` outside a git checkout.
pub const COMMIT: &str = env!("THROUGHWAY_COMMIT");

/// Target triple.
pub const TARGET: &str = env!("THROUGHWAY_TARGET");

/// Versions of `throughway:addrmap` that a component may be written for.
pub const WIT_VERSIONS: &[&str] = &["0.1.0"];

/// The one TLS library and the cryptography under it.
pub const TLS_LIBRARY: &str = "rustls with aws-lc-rs";
