//! One HTTP/1.1 request and its answer, over a stream that is connected already.
//!
//! Owns the client side of hyper. The answer's size is bounded here, the time is the caller's to bound.
//! It must not know what is asked, nor how the stream came about.

use std::error::Error;
use std::pin::pin;

use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper::http::response::Parts;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

/// Whatever goes wrong in an exchange.
pub(crate) type Broken = Box<dyn Error + Send + Sync>;

/// Head and body of the answer; a body over `most` bytes is an error.
pub(crate) async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    request: Request<Full<Bytes>>,
    most: usize,
) -> Result<(Parts, Bytes), Broken> {
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    let mut connection = pin!(connection);
    let ask = async {
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = Limited::new(body, most).collect().await?;
        Ok((head, body.to_bytes()))
    };
    let mut answer = pin!(ask);
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        // The server closed: what it said before is still to be read.
        _closed = &mut connection => answer.await,
    }
}
