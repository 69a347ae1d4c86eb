//! tmp
#[derive(Debug, thiserror::Error)]
pub enum ProxyHeaderError {
    #[error("x")]
    X,
}
pub enum Parsed {
    Incomplete,
    Complete {
        source: Option<std::net::SocketAddr>,
        header_len: usize,
    },
}
pub fn parse(_bytes: &[u8]) -> Result<Parsed, ProxyHeaderError> {
    Ok(Parsed::Incomplete)
}
