//! The public keys this build believes, and the vendor's other built-in files.
//!
//! Pure constants, made by the build script from `host/anchors/`. Where debug assertions are on
//! (profiles `dev` and `local`) the development keys are there too. Nothing adds one at run time.

use super::time::UnixTime;
use crate::build_info;

include!(concat!(env!("OUT_DIR"), "/anchors.rs"));

#[cfg(all(not(debug_assertions), throughway_no_anchor))]
compile_error!(
    "a release build needs the vendor's licence anchor: make a pair with `throughway license keygen` \
     (of a build with `--profile local`), put license-<kid>.pem into host/anchors/, or name another \
     folder in THROUGHWAY_ANCHORS_DIR; see host/anchors/README.md"
);

/// A public key and its name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Anchor {
    /// The `kid` of what it verifies.
    pub kid: String,
    /// Ed25519.
    pub key: [u8; 32],
}

/// Everything a licence is judged by that was built in.
#[derive(Clone, Debug)]
pub(super) struct Trust {
    pub(super) anchors: Vec<Anchor>,
    /// Ids of licences that no longer count.
    pub(super) revoked: Vec<String>,
    /// No correct clock is behind it.
    pub(super) source_time: UnixTime,
}

impl Trust {
    pub(super) fn built_in() -> Self {
        Self {
            anchors: license(),
            revoked: REVOKED.iter().map(|&jti| jti.to_owned()).collect(),
            source_time: UnixTime(build_info::SOURCE_TIME),
        }
    }
}

/// Public halves of `tests/keys/`. The words in their names are what a release is searched for.
#[cfg(debug_assertions)]
mod dev {
    pub(super) const LICENSE: &[(&str, [u8; 32])] = &[(
        "tw-lic-DEV-KEY-DO-NOT-SHIP",
        [
            0x27, 0x6f, 0x9f, 0xed, 0x49, 0xd6, 0x8c, 0x5b, 0x0e, 0x2d, 0xcf, 0x78, 0x92, 0x0d,
            0xe8, 0xb6, 0x87, 0x2e, 0x56, 0xfc, 0xc2, 0x81, 0xc0, 0x5f, 0xe4, 0x10, 0xa0, 0x0b,
            0xae, 0x81, 0x9c, 0x32,
        ],
    )];
    pub(super) const RECEIPT: &[(&str, [u8; 32])] = &[(
        "tw-rcp-DEV-KEY-DO-NOT-SHIP",
        [
            0x0b, 0x76, 0x83, 0x1d, 0x35, 0x6a, 0xa7, 0x3a, 0x18, 0x6b, 0x68, 0xa0, 0xb4, 0x30,
            0x1d, 0xf1, 0xda, 0x2a, 0xed, 0x22, 0xfe, 0xc1, 0x90, 0xd0, 0xe1, 0x20, 0x81, 0x0f,
            0x71, 0xed, 0xb7, 0x45,
        ],
    )];
}

#[cfg(not(debug_assertions))]
mod dev {
    pub(super) const LICENSE: &[(&str, [u8; 32])] = &[];
    pub(super) const RECEIPT: &[(&str, [u8; 32])] = &[];
}

/// Keys that licences may be signed with.
#[must_use]
pub fn license() -> Vec<Anchor> {
    both(LICENSE, dev::LICENSE)
}

/// Keys that receipts for usage reports may be signed with.
#[must_use]
pub fn receipt() -> Vec<Anchor> {
    both(RECEIPT, dev::RECEIPT)
}

/// Where usage reports go, when the vendor has said so.
#[must_use]
pub fn usage_endpoint() -> Option<&'static str> {
    USAGE_ENDPOINT
}

/// `dev` for a build that believes the development keys, else `production`.
#[must_use]
pub fn kind() -> &'static str {
    if dev::LICENSE.is_empty() {
        "production"
    } else {
        "dev"
    }
}

fn both(vendor: &[(&str, [u8; 32])], dev: &[(&str, [u8; 32])]) -> Vec<Anchor> {
    let anchor = |&(kid, key): &(&str, [u8; 32])| Anchor {
        kid: kid.to_owned(),
        key,
    };
    vendor.iter().chain(dev).map(anchor).collect()
}

#[cfg(test)]
mod tests;
