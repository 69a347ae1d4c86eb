//! Which build this is. Pure constants, from the manifest and the build script.

/// The product's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Commit it was built from, abbreviated; `unknown` outside a git checkout.
pub const COMMIT: &str = env!("THROUGHWAY_COMMIT");

/// When the source was made, in seconds since 1970: the commit's time or `SOURCE_DATE_EPOCH`; 0 when
/// neither is known. No correct clock is behind it.
pub const SOURCE_TIME: i64 = match i64::from_str_radix(env!("THROUGHWAY_SOURCE_TIME"), 10) {
    Ok(seconds) => seconds,
    Err(_) => 0,
};

/// Target triple.
pub const TARGET: &str = env!("THROUGHWAY_TARGET");

/// Versions of `throughway:addrmap` that a component may be written for.
pub const WIT_VERSIONS: &[&str] = &["0.1.0"];

/// The one TLS library and the cryptography under it.
pub const TLS_LIBRARY: &str = "rustls with aws-lc-rs";
