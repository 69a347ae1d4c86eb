//! What the licence's tests share: the development key, a licence, and a moment to judge it at.

use std::collections::BTreeMap;

use super::anchors::{self, Trust};
use super::claims::{AUDIENCE, Claims, Environment, Reporting, VERSION};
use super::issue::SigningKey;
use super::time::{DAY, UnixTime};
use super::token;

/// 2027-01-01T00:00:00Z.
pub(super) const NOW: UnixTime = UnixTime(1_798_761_600);

/// The private half of this build's development anchor.
pub(super) const DEV_KEY: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../tests/keys/dev-license.pem"
));

pub(super) fn dev_key() -> SigningKey {
    SigningKey::from_pem(DEV_KEY, None).unwrap()
}

/// The built-in anchors; nothing is revoked, and any clock will do.
pub(super) fn trust() -> Trust {
    Trust {
        anchors: anchors::license(),
        revoked: Vec::new(),
        source_time: UnixTime(0),
    }
}

/// Issued at `NOW`, for 100 days and 30 of grace.
pub(super) fn claims() -> Claims {
    Claims {
        iss: "tests".to_owned(),
        aud: AUDIENCE.to_owned(),
        sub: "customer-1".to_owned(),
        jti: "licence-1".to_owned(),
        iat: NOW,
        nbf: NOW,
        exp: NOW.plus(100 * DAY),
        ver: VERSION,
        plan: "standard".to_owned(),
        env: Environment::Dev,
        grace_days: 30,
        limits: BTreeMap::new(),
        features: Vec::new(),
        reporting: Reporting::default(),
    }
}

pub(super) fn signed(claims: &Claims) -> String {
    dev_key().sign(claims, token::TYPE).unwrap()
}

/// Valid for 100 days from now on.
pub(crate) fn token_of_today() -> String {
    let now = UnixTime::from(std::time::SystemTime::now());
    signed(&Claims {
        iat: now,
        nbf: now,
        exp: now.plus(100 * DAY),
        ..claims()
    })
}
