//! The two ends of TLS under one name. It must not know sockets.

use rustls::CommonState;
use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::UnbufferedStatus;

/// An end of a connection: rustls's two types have these calls in common, and no trait.
pub trait Side {
    /// rustls's own.
    type Data;

    /// Takes the next step, over all bytes that have arrived.
    fn step<'c, 'i>(&'c mut self, arrived: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data>;

    /// What was negotiated.
    fn state(&self) -> &CommonState;
}

impl Side for UnbufferedClientConnection {
    type Data = ClientConnectionData;

    fn step<'c, 'i>(&'c mut self, arrived: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(arrived)
    }

    fn state(&self) -> &CommonState {
        self
    }
}

impl Side for UnbufferedServerConnection {
    type Data = ServerConnectionData;

    fn step<'c, 'i>(&'c mut self, arrived: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(arrived)
    }

    fn state(&self) -> &CommonState {
        self
    }
}
