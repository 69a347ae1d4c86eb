//! TLS towards clients: a listener's own `SSL_*` variables, falling back to the global ones; and
//! towards callers of the Admin API: `GATEWAY_HTTPS_*`.
//!
//! Pure: it checks that everything is there, `tls` reads the files. It must not know sockets.

use std::path::PathBuf;

use super::reader::Reader;
use super::value;
use super::{ClientAuth, HttpsConfig, KeySource, ServerTlsConfig, TrustSource};

const IDENTITY: [&str; 3] = ["KEY_STORE_PATH", "CERTIFICATE_PATH", "PRIVATE_KEY_PATH"];

/// A store's type. A hint only: the content decides.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum StoreType {
    Jks,
    Pkcs12,
    Pem,
}

pub(super) const STORE_TYPES: &[(&str, StoreType)] = &[
    ("jks", StoreType::Jks),
    ("pkcs12", StoreType::Pkcs12),
    ("pem", StoreType::Pem),
];

/// Reads the TLS side of a listener that speaks SASL_SSL. `own` is the start of its own variables'
/// names, if it has any. `None` = something is missing, and on record.
pub(super) fn read(
    r: &mut Reader<'_>,
    listener: &str,
    own: Option<&str>,
) -> Option<ServerTlsConfig> {
    let own = own.map(|own| format!("{own}SSL_"));
    let names = Names {
        own: own.as_deref(),
        shared: "GATEWAY_SSL_",
        key_has_own_password: true,
    };
    let given = identity(r, &names);
    if given == Some(None) {
        r.reject_with(
            "GATEWAY_SSL_KEY_STORE_PATH",
            format!("is required: listener {listener} speaks SASL_SSL and has no certificate"),
            "a key store with its passwords, or GATEWAY_SSL_CERTIFICATE_PATH and \
             GATEWAY_SSL_PRIVATE_KEY_PATH; the same as GATEWAY_LISTENER_<N>_SSL_* for one listener",
        );
    }
    let choices = [
        ("NONE", ClientAuth::None),
        ("OPTIONAL", ClientAuth::Optional),
        ("REQUIRE", ClientAuth::Require),
    ];
    let (trust, client_auth) = clients(r, &names, &choices);
    Some(ServerTlsConfig {
        identity: given??,
        trust,
        client_auth: client_auth?,
    })
}

/// Reads the TLS side of the Admin API, where nothing is required. What is wrong is on record.
pub(super) fn read_https(r: &mut Reader<'_>) -> HttpsConfig {
    let names = Names {
        own: None,
        shared: "GATEWAY_HTTPS_",
        key_has_own_password: false,
    };
    let identity = identity(r, &names).flatten();
    let choices = [
        ("NONE", ClientAuth::None),
        ("REQUEST", ClientAuth::Optional),
        ("REQUIRED", ClientAuth::Require),
    ];
    let (trust, client_auth) = clients(r, &names, &choices);
    HttpsConfig {
        identity,
        trust,
        client_auth: client_auth.unwrap_or(ClientAuth::None),
    }
}

/// Whom to trust, and whether to ask.
fn clients(
    r: &mut Reader<'_>,
    names: &Names<'_>,
    choices: &[(&str, ClientAuth)],
) -> (Option<TrustSource>, Option<ClientAuth>) {
    let trust = trust(r, names);
    let auth = names.pick(r, "CLIENT_AUTH");
    let client_auth = r.value(&auth, |text| value::one_of(text, choices));
    if trust.is_none() && client_auth.is_some_and(|auth| auth != ClientAuth::None) {
        let accepted = format!("NONE, or {}TRUST_STORE_PATH beside it", names.shared);
        r.reject_with(&auth, "needs to know whom to trust", &accepted);
    }
    (trust, client_auth)
}

/// Which of two names counts.
struct Names<'a> {
    own: Option<&'a str>,
    shared: &'static str,
    /// The password of a JKS key is a variable of its own, and required.
    key_has_own_password: bool,
}

impl Names<'_> {
    /// The listener's own variable if it is set, else the shared one.
    fn pick(&self, r: &Reader<'_>, suffix: &str) -> String {
        let own = self.own.map(|own| format!("{own}{suffix}"));
        own.filter(|name| r.text(name).is_some())
            .unwrap_or_else(|| format!("{}{suffix}", self.shared))
    }

    /// All paths come from one side, so that a listener's PEM pair is not mixed with the global key
    /// store.
    fn identity(&self, r: &Reader<'_>) -> [String; 3] {
        let own = self.own.filter(|own| {
            IDENTITY
                .iter()
                .any(|suffix| r.text(&format!("{own}{suffix}")).is_some())
        });
        IDENTITY.map(|suffix| format!("{}{suffix}", own.unwrap_or(self.shared)))
    }
}

/// `Some(None)` = none is set; `None` = something is wrong with it, and on record.
fn identity(r: &mut Reader<'_>, names: &Names<'_>) -> Option<Option<KeySource>> {
    let [store, certificate, key] = names.identity(r);
    let set = [&store, &certificate, &key].map(|name| r.text(name).is_some());
    match set {
        [true, false, false] => store_identity(r, &store, names).map(Some),
        [false, true, true] => {
            let path = |r: &mut Reader<'_>, name| r.string(name).map(PathBuf::from);
            let certificate = path(r, &certificate)?;
            let key = path(r, &key)?;
            let key_password = r.secret(&names.pick(r, "KEY_PASSWORD"));
            Some(Some(KeySource::PemPair {
                certificate,
                key,
                key_password,
            }))
        }
        [false, false, false] => Some(None),
        [false, true, false] => {
            r.reject(&key, format!("is required beside {certificate}"));
            None
        }
        [false, false, true] => {
            r.reject(&certificate, format!("is required beside {key}"));
            None
        }
        [true, ..] => {
            let other = if r.text(&certificate).is_some() {
                certificate
            } else {
                key
            };
            r.reject_with(
                &store,
                format!("is set together with {other}"),
                "one of the two forms",
            );
            None
        }
    }
}

fn store_identity(r: &mut Reader<'_>, store: &str, names: &Names<'_>) -> Option<KeySource> {
    let path = PathBuf::from(r.string(store)?);
    let kind = names.pick(r, "KEY_TYPE");
    let kind = r.value(&kind, |text| value::one_of(text, STORE_TYPES))?;
    let password_name = names.pick(r, "KEY_STORE_PASSWORD");
    let key_name = names.pick(r, "KEY_PASSWORD");
    let password = r.secret(&password_name);
    let mut key_password = r.secret(&key_name);
    if password.is_none() && kind != StoreType::Pem {
        let problem = format!("is required: the key store of {store} must be fully configured");
        r.reject(&password_name, problem);
    }
    if !names.key_has_own_password {
        key_password = key_password.or_else(|| password.clone());
    } else if key_password.is_none() && kind == StoreType::Jks {
        r.reject(
            &key_name,
            format!(
                "is required: the key store of {store} must be fully configured; \
                 a JKS key's password does not follow from the store's"
            ),
        );
    }
    Some(KeySource::Store {
        path,
        password,
        key_password,
    })
}

fn trust(r: &mut Reader<'_>, names: &Names<'_>) -> Option<TrustSource> {
    let path = PathBuf::from(r.string(&names.pick(r, "TRUST_STORE_PATH"))?);
    let kind = names.pick(r, "TRUST_STORE_TYPE");
    r.value(&kind, |text| value::one_of(text, STORE_TYPES));
    let password = r.secret(&names.pick(r, "TRUST_STORE_PASSWORD"));
    Some(TrustSource::Store { path, password })
}
