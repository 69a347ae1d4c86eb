//! Configurations of both sides of both legs, made once.

use std::sync::{Arc, LazyLock};

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use throughway::config::{ClientAuth, ClientTlsConfig, KeySource, ServerTlsConfig, TrustSource};
use throughway::tls::{ClientTls, ServerTls, self_signed};

/// The server's.
pub(super) const NAME: &str = "b1.kafka.example.com";

/// Both sides of both legs; the peer's by rustls's own buffered calls.
pub(super) struct Ground {
    pub(super) server: ServerTls,
    pub(super) client: ClientTls,
    pub(super) clients: [Arc<ClientConfig>; 2],
    pub(super) servers: [Arc<ServerConfig>; 2],
}

pub(super) static GROUND: LazyLock<Ground> = LazyLock::new(|| {
    let (chain, key) = self_signed(&[NAME.to_owned()]).unwrap();
    let mut anchors = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_slice(chain.as_bytes()).unwrap();
    anchors.add(certificate).unwrap();
    let client = ClientTls::load(&ClientTlsConfig {
        identity: None,
        trust: Some(TrustSource::InlinePem(chain.clone())),
        verify_host_name: true,
    });
    let identity = KeySource::InlinePem {
        chain,
        key,
        key_password: None,
    };
    let server = ServerTls::load(&ServerTlsConfig {
        identity,
        trust: None,
        client_auth: ClientAuth::None,
    });
    let server = server.unwrap();
    let clients = [&TLS13, &TLS12].map(|version| {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = builder.with_protocol_versions(&[version]).unwrap();
        let builder = builder.with_root_certificates(anchors.clone());
        let mut config = builder.with_no_client_auth();
        config.resumption = rustls::client::Resumption::disabled();
        Arc::new(config)
    });
    // Handshake messages in many records.
    let mut small = ServerConfig::clone(&server.current());
    small.max_fragment_size = Some(40);
    Ground {
        servers: [server.current(), Arc::new(small)],
        server,
        client: client.unwrap(),
        clients,
    }
});
