//! A relay that does wrong on purpose, so that each check of ours is seen to fail once.
//!
//! Owns two faults: ports that lead elsewhere, and connections that end too early. It must not know
//! what it forwards.

use std::net::Ipv4Addr;

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A port on 127.0.0.1 and the one it leads to.
pub type Route = (u16, u16);

/// A running relay; ends when dropped.
#[derive(Debug)]
pub struct FaultyRelay {
    tasks: JoinSet<()>,
}

impl FaultyRelay {
    /// Forwards as the routes say, which is where the fault is, if any.
    ///
    /// # Errors
    ///
    /// When a port is taken.
    pub async fn leading(routes: &[Route]) -> Result<Self> {
        Self::closing_after(usize::MAX, routes).await
    }

    /// Closes every connection once its client has received so many bytes, wherever in a frame
    /// that is.
    ///
    /// # Errors
    ///
    /// When a port is taken.
    pub async fn closing_after(bytes: usize, routes: &[Route]) -> Result<Self> {
        let mut tasks = JoinSet::new();
        for &(from, to) in routes {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, from)).await?;
            tasks.spawn(accept(listener, to, bytes));
        }
        Ok(Self { tasks })
    }

    /// Ends it; its ports are free again.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

async fn accept(listener: TcpListener, to: u16, most: usize) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        connections.spawn(async move {
            // Whatever goes wrong is the test's business, which sees it from the client's side.
            let _ = forward(client, to, most).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn forward(client: TcpStream, to: u16, most: usize) -> Result<()> {
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, to)).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let up = async {
        copy(&mut from_client, &mut to_server).await?;
        to_server.shutdown().await?;
        // What the server still has to say, it may say.
        std::future::pending().await
    };
    let down = async {
        let mut left = most;
        let mut buffer = vec![0; 64 * 1024];
        while left > 0 {
            let read = from_server.read(&mut buffer).await?.min(left);
            if read == 0 {
                break;
            }
            to_client.write_all(&buffer[..read]).await?;
            left -= read;
        }
        Ok(())
    };
    tokio::select! {
        ended = up => ended,
        ended = down => ended,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn closes_where_it_is_told() {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let to = server.local_addr().unwrap().port();
        let answering = tokio::spawn(async move {
            while let Ok((mut client, _)) = server.accept().await {
                client.write_all(b"twelve bytes").await.unwrap();
            }
        });
        let from = crate::ports::reserve(1);
        let relay = FaultyRelay::closing_after(6, &[(from, to)]).await.unwrap();
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, from))
            .await
            .unwrap();
        let mut received = Vec::new();
        // A reset is a close as well: bytes were left unread behind it.
        let _reset = client.read_to_end(&mut received).await;
        assert_eq!(received, b"twelve");
        relay.stop().await;
        answering.abort();
    }
}
