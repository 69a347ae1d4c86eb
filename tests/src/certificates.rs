//! Certificates for both legs, made anew for each run.
//!
//! Owns two authorities, one for brokers (upstream) and one for throughway's clients (downstream):
//! what one signed must never be trusted on the other leg. Files are PEM.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// One authority and the folder its files are in.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: PathBuf,
    name: String,
}

/// A certificate chain and its key as files.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Identity {
    /// The chain alone.
    pub certificate: PathBuf,
    /// The key alone, PKCS#8.
    pub key: PathBuf,
    /// Key, then chain, in one file: what Kafka calls a PEM key store.
    pub both: PathBuf,
}

impl Identity {
    /// What shakes hands as a server with this certificate and asks clients for none.
    ///
    /// # Errors
    ///
    /// When a file cannot be read.
    pub fn acceptor(&self) -> Result<TlsAcceptor> {
        let chain = CertificateDer::pem_file_iter(&self.certificate)?;
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(
                chain.collect::<Result<_, _>>()?,
                PrivateKeyDer::from_pem_file(&self.key)?,
            )?;
        Ok(Arc::new(config).into())
    }
}

impl Authority {
    /// Makes an authority `name` whose certificate is in `folder`/`name`-ca.crt.
    ///
    /// # Errors
    ///
    /// When the folder cannot be written.
    pub fn new(folder: &Path, name: &str) -> Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params
            .distinguished_name
            .push(DnType::CommonName, format!("{name} test authority"));
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let made = Self {
            issuer,
            folder: folder.to_owned(),
            name: name.to_owned(),
        };
        fs::write(made.certificate(), made.issuer.pem())?;
        Ok(made)
    }

    /// The authority's own certificate: the trust store of whoever talks to its servers.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.folder.join(format!("{}-ca.crt", self.name))
    }

    /// A certificate for a server or client that goes by `names`, in files that start with
    /// `file`; it serves both ways, for tests of client certificates.
    ///
    /// # Errors
    ///
    /// When a name is not a DNS name or address, or the folder cannot be written.
    pub fn issue(&self, file: &str, names: &[&str]) -> Result<Identity> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name.push(DnType::CommonName, file);
        params.use_authority_key_identifier_extension = true;
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let key = KeyPair::generate()?;
        let chain = params.signed_by(&key, &self.issuer)?.pem();
        let path = |suffix| self.folder.join(format!("{file}{suffix}"));
        let identity = Identity {
            certificate: path(".crt"),
            key: path(".key"),
            both: path(".pem"),
        };
        fs::write(&identity.certificate, &chain)?;
        fs::write(&identity.key, key.serialize_pem())?;
        fs::write(&identity.both, key.serialize_pem() + &chain)?;
        Ok(identity)
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
