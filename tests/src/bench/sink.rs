//! A stand-in for a broker that is as cheap as can be: it lets anybody in, throws away what is
//! produced and answers fetches with as many zeros as the request's last four bytes ask for.
//!
//! Owns the bytes of answers. It must not know who is before it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use anyhow::{Context, Result};
use bytes::{BufMut, BytesMut};
use kafka_protocol::messages::metadata_response::MetadataResponseBroker;
use kafka_protocol::messages::{
    BrokerId, MetadataResponse, SaslAuthenticateResponse, SaslHandshakeResponse,
};
use kafka_protocol::protocol::{Encodable, StrBytes};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, BufWriter};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::certificates::Identity;
use crate::wire::{self, Stream};

/// Key and version of requests whose answers name no broker, so that a proxy may pass them unread.
pub const PRODUCE: (i16, i16) = (0, 9);
/// The same for answers that are large.
pub const FETCH: (i16, i16) = (1, 11);
/// Payload of an answer to Produce.
pub const PRODUCE_ANSWER: usize = 60;
/// Size and correlation id.
pub const HEADER_BYTES: usize = 8;

const BUFFER: usize = 256 << 10;
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// Protocol versions and cipher suites of connections so far.
pub type Seen = Rc<RefCell<BTreeSet<String>>>;

/// Serves connections on this port of 127.0.0.1 for as long as the runtime lives, as a cluster of so
/// many brokers. Call within a `LocalSet`.
///
/// # Errors
///
/// When the port or the identity cannot be used.
pub async fn start(port: u16, brokers: u16, identity: Option<&Identity>) -> Result<Seen> {
    let seen = Seen::default();
    let told = Rc::clone(&seen);
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let acceptor = identity.map(acceptor).transpose()?;
    tokio::task::spawn_local(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let (acceptor, seen) = (acceptor.clone(), Rc::clone(&seen));
            tokio::task::spawn_local(async move {
                let _ = tcp.set_nodelay(true);
                // A client that goes away ends its connection, that is all.
                let _ended: Result<()> = match acceptor {
                    None => serve(tcp, brokers).await,
                    Some(acceptor) => match acceptor.accept(tcp).await {
                        Ok(tls) => {
                            seen.borrow_mut().insert(wire::tls_of(tls.get_ref().1));
                            serve(tls, brokers).await
                        }
                        Err(error) => Err(error.into()),
                    },
                };
            });
        }
    });
    Ok(told)
}

fn acceptor(identity: &Identity) -> Result<TlsAcceptor> {
    let chain = chain(&identity.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&identity.key)?;
    // Nothing else, so that no proxy gets away with a cheaper one.
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    let costly = rustls::CipherSuite::TLS13_AES_256_GCM_SHA384;
    provider
        .cipher_suites
        .retain(|suite| suite.suite() == costly);
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn chain(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    Ok(CertificateDer::pem_file_iter(file)?.collect::<Result<_, _>>()?)
}

async fn serve(stream: impl Stream + 'static, brokers: u16) -> Result<()> {
    let (reader, writer) = tokio::io::split(stream);
    let mut reader = BufReader::with_capacity(BUFFER, reader);
    let mut writer = BufWriter::with_capacity(BUFFER, writer);
    loop {
        if reader.buffer().is_empty() {
            writer.flush().await?;
        }
        let size = usize::try_from(reader.read_u32().await?)?;
        let (key, _version) = (reader.read_i16().await?, reader.read_i16().await?);
        let id = reader.read_i32().await?;
        let rest = size.checked_sub(8).context("too small for a request")?;
        match key {
            3 | 17 | 36 => {
                skip(&mut reader, rest).await?;
                writer.write_all(&small(key, id, brokers)?).await?;
            }
            _ => {
                skip(&mut reader, rest - 4).await?;
                let wanted = usize::try_from(reader.read_u32().await?)?;
                answer(&mut writer, id, wanted).await?;
            }
        }
    }
}

/// Node ids from 2 on, the last one somewhere else by each turn.
fn metadata(brokers: u16, turn: i32) -> MetadataResponse {
    let broker = |id: u16| {
        let turn = if id == brokers { turn } else { 0 };
        MetadataResponseBroker::default()
            .with_node_id(BrokerId(id.into()))
            .with_host(StrBytes::from_string(format!("broker{id}.bench.test")))
            .with_port(9_000 + turn)
    };
    MetadataResponse::default()
        .with_cluster_id(Some(StrBytes::from_static_str("bench")))
        .with_brokers((2..=brokers).map(broker).collect())
}

async fn skip(reader: &mut (impl AsyncBufReadExt + Unpin), mut rest: usize) -> Result<()> {
    while rest > 0 {
        let here = reader.fill_buf().await?.len().min(rest);
        anyhow::ensure!(here > 0, "closed inside a frame");
        reader.consume(here);
        rest -= here;
    }
    Ok(())
}

async fn answer(writer: &mut (impl AsyncWrite + Unpin), id: i32, size: usize) -> Result<()> {
    writer.write_u32(u32::try_from(size)?).await?;
    writer.write_i32(id).await?;
    let mut rest = size - 4;
    while rest > 0 {
        let here = rest.min(ZEROS.len());
        writer.write_all(&ZEROS[..here]).await?;
        rest -= here;
    }
    Ok(())
}

/// SaslHandshake v1 and SaslAuthenticate v2, answered yes; Metadata v12, with a last broker that is
/// somewhere else each time.
fn small(key: i16, id: i32, brokers: u16) -> Result<BytesMut> {
    let mut frame = BytesMut::new();
    frame.put_u32(0);
    frame.put_i32(id);
    if key != 17 {
        // No tags in the header.
        frame.put_u8(0);
    }
    match key {
        3 => metadata(brokers, id % 2).encode(&mut frame, 12)?,
        17 => SaslHandshakeResponse::default()
            .with_mechanisms(vec!["PLAIN".into()])
            .encode(&mut frame, 1)?,
        _ => SaslAuthenticateResponse::default().encode(&mut frame, 2)?,
    }
    let size = u32::try_from(frame.len() - 4)?;
    frame[..4].copy_from_slice(&size.to_be_bytes());
    Ok(frame)
}
