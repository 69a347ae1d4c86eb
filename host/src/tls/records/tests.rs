//! Records as peers send them: whole, in pieces, with keys that change, and ended in either way.

use std::sync::Arc;

use rustls::client::UnbufferedClientConnection;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ServerConfig, SupportedProtocolVersion};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, DuplexStream, duplex};
use tokio_rustls::client::TlsStream;

use super::*;
use crate::tls::testing::Authority;
use crate::tls::{Hello, ServerStream};

const NAME: &str = "b1.kafka.example.com";
const ROUTE: usize = 16 * 1024;
/// Bytes of a full record.
const WHOLE: usize = 5 + 16 * 1024 + 1 + 16;

/// rustls's own client, and our side of its connection; both ready to relay.
async fn pair(
    versions: &[&'static SupportedProtocolVersion],
) -> (TlsStream<DuplexStream>, ServerStream<DuplexStream, Window>) {
    let authority = Authority::new("ca");
    let (client, server) = meet(authority.client_of(versions), &authority).await;
    (client, server.read_ahead(&Pool::default()))
}

async fn meet(
    client: Arc<ClientConfig>,
    authority: &Authority,
) -> (TlsStream<DuplexStream>, ServerStream<DuplexStream>) {
    let (near, far) = duplex(ROUTE);
    let connector = tokio_rustls::TlsConnector::from(client);
    let name = ServerName::try_from(NAME).unwrap();
    let config = authority.server(NAME).current();
    let (client, server) = tokio::join!(connector.connect(name, near), async {
        Hello::read(far).await.unwrap().accept(config).await
    });
    (client.unwrap(), server.unwrap())
}

fn pattern(len: usize) -> Vec<u8> {
    (0..=250).cycle().take(len).collect()
}

#[tokio::test]
async fn megabytes_pass_both_ways_in_both_versions() {
    for version in [&TLS12, &TLS13] {
        let (client, server) = pair(&[version]).await;
        let sent = pattern(3_000_000);
        let (mut from_client, mut to_client) = tokio::io::split(client);
        let (mut from_server, mut to_server) = tokio::io::split(server);
        let (mut there, mut back) = (vec![0; sent.len()], vec![0; sent.len()]);
        tokio::join!(
            async {
                to_client.write_all(&sent).await.unwrap();
                to_client.flush().await.unwrap();
            },
            async {
                to_server.write_all(&sent).await.unwrap();
                to_server.flush().await.unwrap();
            },
            async { from_server.read_exact(&mut there).await.map(drop).unwrap() },
            async { from_client.read_exact(&mut back).await.map(drop).unwrap() },
        );
        assert!(there == sent && back == sent, "{:?}", version.version);
    }
}

#[tokio::test]
async fn what_has_no_room_is_kept_in_order() {
    let (mut client, mut server) = pair(&[&TLS13]).await;
    for piece in [pattern(5000), pattern(70)] {
        client.write_all(&piece).await.unwrap();
    }
    client.flush().await.unwrap();
    let mut read = Vec::new();
    let mut piece = [0; 7];
    while read.len() < 5070 {
        let n = server.read(&mut piece).await.unwrap();
        read.extend_from_slice(&piece[..n]);
    }
    assert_eq!(read, [pattern(5000), pattern(70)].concat());
}

#[tokio::test]
async fn a_window_full_of_plaintext_leaves_in_one_piece_and_holds_no_buffer_after() {
    let (mut client, mut server) = pair(&[&TLS12]).await;
    let sent = pattern(BUFFER_LEN);
    let mut read = vec![0; sent.len()];
    let (written, _) = tokio::join!(
        async {
            let n = server.write(&sent).await.unwrap();
            server.flush().await.unwrap();
            n
        },
        async { client.read_exact(&mut read).await.map(drop).unwrap() }
    );
    assert_eq!(written, BUFFER_LEN);
    assert!(read == sent);
    assert!(server.leaving.bytes().is_empty() && server.arrived.bytes().is_empty());
}

#[tokio::test]
async fn a_peer_may_change_its_keys_and_ask_for_ours_at_any_time() {
    let (mut client, mut server) = pair(&[&TLS13]).await;
    for round in 0..20_u8 {
        client.get_mut().1.refresh_traffic_keys().unwrap();
        client.write_all(&[round; 40]).await.unwrap();
        client.flush().await.unwrap();
        let mut read = [0; 40];
        server.read_exact(&mut read).await.unwrap();
        assert_eq!(read, [round; 40]);
        server.write_all(&read).await.unwrap();
        server.flush().await.unwrap();
        client.read_exact(&mut read).await.unwrap();
        assert_eq!(read, [round; 40]);
    }
}

#[tokio::test]
async fn the_end_of_a_stream_is_told_from_one_cut_off() {
    for version in [&TLS12, &TLS13] {
        let (mut client, mut server) = pair(&[version]).await;
        client.write_all(b"last").await.unwrap();
        client.shutdown().await.unwrap();
        let mut read = Vec::new();
        server.read_to_end(&mut read).await.unwrap();
        assert_eq!(read, b"last");
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
        // The other way goes on until it is closed too.
        server.write_all(b"answer").await.unwrap();
        server.shutdown().await.unwrap();
        client.read_to_end(&mut read).await.unwrap();
        assert_eq!(read, b"lastanswer");

        let (mut client, mut server) = pair(&[version]).await;
        client.write_all(b"cut").await.unwrap();
        client.flush().await.unwrap();
        drop(client);
        let mut read = Vec::new();
        let error = server.read_to_end(&mut read).await.unwrap_err();
        assert_eq!(
            (read.as_slice(), error.kind()),
            (&b"cut"[..], io::ErrorKind::UnexpectedEof)
        );
    }
}

#[tokio::test]
async fn a_changed_byte_ends_it_with_an_alert_and_gives_nothing_behind_it() {
    let (client, mut server) = pair(&[&TLS13]).await;
    let (mut route, mut tls) = client.into_inner();
    let mut records = Vec::new();
    for plain in [b"whole.", b"broken", b"behind"] {
        io::Write::write_all(&mut tls.writer(), plain).unwrap();
        tls.write_tls(&mut records).unwrap();
    }
    let one = records.len() / 3;
    records[2 * one - 1] ^= 1;
    route.write_all(&records).await.unwrap();
    let mut read = [0; 64];
    assert_eq!(server.read(&mut read).await.unwrap(), 6);
    assert_eq!(&read[..6], b"whole.");
    let mut read = [0; 16];
    let error = server.read(&mut read).await.unwrap_err();
    let error = error.into_inner().unwrap().downcast::<Error>().unwrap();
    assert_eq!(*error, Error::DecryptError);
    assert_eq!(read, [0; 16]);
    // Again and again, and nothing is sent that a caller writes.
    assert!(server.read(&mut read).await.is_err());
    assert!(server.write(b"x").await.is_err());
    let mut answered = [0; 2048];
    let n = route.read(&mut answered).await.unwrap();
    tls.read_tls(&mut answered.get(..n).unwrap()).unwrap();
    let told = tls.process_new_packets().unwrap_err();
    assert_eq!(
        told,
        Error::AlertReceived(rustls::AlertDescription::BadRecordMac)
    );
}

/// A route that gives one piece at a time, and takes and counts what is written.
struct Fed {
    pieces: Vec<Vec<u8>>,
    writes: usize,
    turn: u8,
}

impl AsyncRead for Fed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Whoever reads until nothing is there asks once more for the rest of a message.
        self.turn = (self.turn + 1) % 3;
        match (self.turn == 1).then(|| self.pieces.pop()).flatten() {
            Some(piece) => {
                buf.put_slice(&piece);
                Poll::Ready(Ok(()))
            }
            None => Poll::Pending,
        }
    }
}

impl AsyncWrite for Fed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.writes += 1;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The same connection, with these bytes on their way to it in pieces of `size`.
fn fed<C>(
    begun: Records<DuplexStream, C, Window>,
    bytes: &[u8],
    size: usize,
) -> Records<Fed, C, Window> {
    let pieces = bytes.chunks(size).rev().map(<[u8]>::to_vec).collect();
    Records {
        socket: Fed {
            pieces,
            writes: 0,
            turn: 0,
        },
        side: begun.side,
        arrived: begun.arrived,
        plain: begun.plain,
        taken: begun.taken,
        leaving: begun.leaving,
        peer_closed: false,
        closed: false,
        failed: None,
    }
}

/// Reads `len` bytes a poll at a time and writes after each, whatever part of a message has arrived.
/// The second value says how often there was a part.
async fn read_writing<C>(records: &mut Records<Fed, C, Window>, len: usize) -> (Vec<u8>, usize)
where
    C: Side + Unpin,
{
    let (mut all, mut piece, mut parts) = (Vec::new(), [0; 300], 0);
    while all.len() < len {
        tokio::select! {
            biased;
            n = records.read(&mut piece) => all.extend_from_slice(&piece[..n.unwrap()]),
            () = std::future::ready(()) => {}
        }
        parts += usize::from(!records.arrived.bytes().is_empty());
        records.write_all(b"meanwhile").await.unwrap();
    }
    (all, parts)
}

#[tokio::test]
async fn records_may_arrive_in_pieces_of_any_size_while_others_are_written() {
    let sent = pattern(20_000);
    for size in [1, 4, 5, 6, 100, WHOLE - 1, WHOLE, WHOLE + 1, 30_000] {
        let (client, server) = pair(&[&TLS13]).await;
        let (_, mut tls) = client.into_inner();
        io::Write::write_all(&mut tls.writer(), &sent).unwrap();
        let mut records = Vec::new();
        while tls.wants_write() {
            tls.write_tls(&mut records).unwrap();
        }
        let mut server = fed(server, &records, size);
        let (read, parts) = read_writing(&mut server, sent.len()).await;
        assert!(read == sent && (parts > 0 || size >= WHOLE), "{size}");
    }
}

#[tokio::test]
async fn a_message_in_many_records_may_be_written_across() {
    let authority = Authority::new("ca");
    let mut config = ServerConfig::clone(&authority.server(NAME).current());
    // Session tickets, which follow the handshake, have several times that.
    config.max_fragment_size = Some(40);
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let (near, far) = duplex(ROUTE);
    let name = ServerName::try_from(NAME).unwrap();
    let side = UnbufferedClientConnection::new(authority.client(), name).unwrap();
    let (client, server) = tokio::join!(
        Records::handshake(near, side, Vec::new()),
        acceptor.accept(far)
    );
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    server.write_all(b"x").await.unwrap();
    server.flush().await.unwrap();
    drop(server);
    let mut bytes = Vec::new();
    client.socket.read_to_end(&mut bytes).await.unwrap();
    let mut client = fed(client.read_ahead(&Pool::default()), &bytes, 30);
    let (read, parts) = read_writing(&mut client, 1).await;
    assert_eq!(read, b"x");
    assert!(parts > 10, "{parts}");
}

#[tokio::test]
async fn four_full_records_are_one_write() {
    let mut server = fed(pair(&[&TLS13]).await.1, &[], 1);
    server.write_all(&pattern(BUFFER_LEN)).await.unwrap();
    assert_eq!(server.socket.writes, 1);
}
