//! What the Admin API needs and nobody gave: a user and a certificate, made once and kept under the
//! state directory, for the owner's eyes only.
//!
//! Owns the folder `admin/` there. It must not know HTTP.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::rand;
use base64ct::{Base64UrlUnpadded, Encoding as _};

use super::gate::Access;
use super::server::Front;
use super::users::Users;
use crate::config::{AdminConfig, AdminUser, KeySource, Secret, ServerTlsConfig};
use crate::replace;
use crate::tls::{ServerTls, TlsError, self_signed};

/// The user that is made.
const NAME: &str = "admin";

/// Bytes of its password: 192 bits, 32 letters.
const PASSWORD_BYTES: usize = 24;

/// Why the Admin API cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// A file of ours cannot be read or written.
    #[error("GATEWAY_STATE_DIRECTORY: cannot use {path}", path = .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The certificate.
    #[error("Admin API")]
    Tls(#[from] TlsError),
    /// The system has no random numbers.
    #[error("the system gives no random numbers")]
    Random,
}

impl Front {
    /// Loads or makes what is needed. Blocking; binds nothing.
    ///
    /// # Errors
    /// `AdminError`.
    pub fn open(config: &AdminConfig, state_directory: &Path) -> Result<Self, AdminError> {
        let folder = state_directory.join("admin");
        let users = match config.users.as_slice() {
            [] => vec![generated_user(&folder)?],
            users => users.to_vec(),
        };
        Ok(Self {
            tls: Arc::new(tls(config, &folder)?),
            access: Access {
                users: Users::new(&users).ok_or(AdminError::Random)?,
                secured_metrics: config.secured_metrics,
            },
            trusted: config.proxy_protocol.clone(),
        })
    }
}

fn tls(config: &AdminConfig, folder: &Path) -> Result<ServerTls, AdminError> {
    let https = &config.https;
    let with = |identity| ServerTlsConfig {
        identity,
        trust: https.trust.clone(),
        client_auth: https.client_auth,
    };
    if let Some(identity) = &https.identity {
        return Ok(ServerTls::load(&with(identity.clone()))?);
    }
    let (certificate, key) = (folder.join("https.crt"), folder.join("https.key"));
    let own = with(KeySource::PemPair {
        certificate: certificate.clone(),
        key: key.clone(),
        key_password: None,
    });
    if let (true, Ok(kept)) = (certificate.exists(), ServerTls::load(&own)) {
        return Ok(kept);
    }
    let (chain, private) = self_signed(&names(config))?;
    // The key first: whoever finds the certificate finds its key.
    keep(&key, private.0.as_bytes())?;
    keep(&certificate, chain.as_bytes())?;
    tracing::info!(file = %certificate.display(), "self-signed certificate made for the Admin API");
    Ok(ServerTls::load(&own)?)
}

/// What callers on this machine and in its network will have dialled.
fn names(config: &AdminConfig) -> Vec<String> {
    let mut names = ["localhost", "127.0.0.1", "::1"]
        .map(str::to_owned)
        .to_vec();
    let host = config.host_name.to_ascii_lowercase();
    let letters = |host: &str| {
        let sound = |b: u8| b.is_ascii_alphanumeric() || b"-.".contains(&b);
        !host.is_empty() && host.bytes().all(sound)
    };
    if letters(&host) && host != "localhost" {
        names.push(host);
    }
    let bound = config.bind.ip();
    if !bound.is_unspecified() && !bound.is_loopback() {
        names.push(bound.to_string());
    }
    names
}

/// The user of an earlier run, else a new one.
fn generated_user(folder: &Path) -> Result<AdminUser, AdminError> {
    let file = folder.join("credentials");
    let path = file.display();
    if let Some(kept) = kept_user(&file)? {
        tracing::info!(file = %path, "the Admin API's user is the generated one");
        return Ok(kept);
    }
    let mut secret = [0; PASSWORD_BYTES];
    rand::fill(&mut secret).map_err(|_unspecified| AdminError::Random)?;
    let password = Base64UrlUnpadded::encode_string(&secret);
    keep(&file, format!("{NAME}:{password}\n").as_bytes())?;
    tracing::info!(file = %path, "GATEWAY_ADMIN_API_USERS is not set: a user was generated");
    Ok(user(password))
}

fn user(password: String) -> AdminUser {
    AdminUser {
        name: NAME.to_owned(),
        password: Secret(password),
        admin: true,
    }
}

/// What else may stand in the file is replaced: it never was of our making.
fn kept_user(file: &Path) -> Result<Option<AdminUser>, AdminError> {
    match fs::read_to_string(file) {
        Ok(text) => {
            let password = text.trim_end().strip_prefix("admin:");
            let password = password.filter(|password| password.len() >= PASSWORD_BYTES);
            Ok(password.map(|password| user(password.to_owned())))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(AdminError::File {
            path: file.to_owned(),
            source,
        }),
    }
}

fn keep(path: &Path, content: &[u8]) -> Result<(), AdminError> {
    replace::private(path, &[content]).map_err(|source| AdminError::File {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::admin::tests::config;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_generated_user_stays_and_is_nobody_elses_business() {
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().join("admin");
        let first = generated_user(&folder).unwrap();
        assert!(first.admin && first.password.0.len() == 32);
        assert_eq!(generated_user(&folder).unwrap(), first);
        let file = folder.join("credentials");
        assert_eq!((mode(&file), mode(&folder)), (0o600, 0o700));
        let written = fs::read_to_string(&file).unwrap();
        assert_eq!(written, format!("admin:{}\n", first.password.0));
        fs::write(&file, "admin:\n").unwrap();
        assert_ne!(generated_user(&folder).unwrap(), first);
    }

    #[test]
    fn a_made_certificate_stays_until_it_is_damaged() {
        let state = tempfile::tempdir().unwrap();
        let config = config(&[]).admin;
        let open = || Front::open(&config, state.path()).unwrap().tls.describe();
        let first = open();
        assert!(first.names.contains(&"localhost".to_owned()), "{first}");
        assert!(first.names.contains(&"127.0.0.1".to_owned()), "{first}");
        let certificate = state.path().join("admin/https.crt");
        let pem = fs::read(&certificate).unwrap();
        open();
        assert_eq!(fs::read(&certificate).unwrap(), pem);
        assert_eq!(mode(&state.path().join("admin/https.key")), 0o600);
        fs::write(&certificate, "damaged").unwrap();
        open();
        assert_ne!(fs::read(&certificate).unwrap(), pem);
    }
}
