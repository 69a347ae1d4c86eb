//! Certificates made in memory, for the tests of this crate's TLS.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};

use super::{ServerTls, VERSIONS, provider};
use crate::config::{ClientAuth, KeySource, Secret, ServerTlsConfig, TrustSource};

/// An issuer of certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate as PEM.
    pub(crate) pem: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// A certificate for one name or address, with its key.
    pub(crate) fn issue(&self, name: &str) -> KeySource {
        self.issue_with(CertificateParams::new([name.to_owned()]).unwrap())
    }

    pub(crate) fn issue_with(&self, params: CertificateParams) -> KeySource {
        let key = KeyPair::generate().unwrap();
        KeySource::InlinePem {
            chain: params.signed_by(&key, &self.issuer).unwrap().pem(),
            key: Secret(key.serialize_pem()),
            key_password: None,
        }
    }

    pub(crate) fn trust(&self) -> TrustSource {
        TrustSource::InlinePem(self.pem.clone())
    }

    /// The server side for a name; clients need no certificate.
    pub(crate) fn server(&self, name: &str) -> ServerTls {
        ServerTls::load(&server_config(self.issue(name))).unwrap()
    }

    /// rustls's own client, to look closer than `ClientTls` lets.
    pub(crate) fn client(&self) -> Arc<ClientConfig> {
        self.client_of(VERSIONS)
    }

    pub(crate) fn client_of(
        &self,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Arc<ClientConfig> {
        let mut anchors = RootCertStore::empty();
        anchors
            .add(CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap())
            .unwrap();
        let client = ClientConfig::builder_with_provider(Arc::new(provider().clone()))
            .with_protocol_versions(versions)
            .unwrap();
        Arc::new(client.with_root_certificates(anchors).with_no_client_auth())
    }
}

/// TLS that asks clients for nothing.
pub(crate) fn server_config(identity: KeySource) -> ServerTlsConfig {
    ServerTlsConfig {
        identity,
        trust: None,
        client_auth: ClientAuth::None,
    }
}

/// The bytes of a ClientHello record that names a host.
pub(crate) fn hello_for(config: Arc<ClientConfig>, name: &str) -> Vec<u8> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = rustls::ClientConnection::new(config, name).unwrap();
    let mut bytes = Vec::new();
    client.write_tls(&mut bytes).unwrap();
    bytes
}
