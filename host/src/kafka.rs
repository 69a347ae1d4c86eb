//! The Kafka wire format, as far as a passthrough proxy must know it: bounded cursors over frames.
//!
//! A frame is an int32 size and that many payload bytes. Everything here is pure: no I/O, no clock,
//! no logs; bytes of peers never panic, and nothing is allocated by a count read from the wire.
//! It must not know sockets, the address map or the configuration.
//!
//! - `cursor`       bounded reading of ints, varints, strings, tagged sections
//! - `request`      a request's prefix, and what is to become of the request
//! - `acks`         finds `acks` in a Produce request while its bytes pass
//! - `in_flight`    the FIFO of requests whose response is due
//! - `versions`     the table of keys and versions; clamping of ApiVersions answers
//! - `head`         Metadata and DescribeCluster: addresses at the head
//! - `coordinator`  FindCoordinator
//! - `tail`         Produce, Fetch, ShareFetch, ShareAcknowledge: addresses at the tail
//! - `answer`       one door to the three above for the relay
//! - `section`      the broker entries inside an answer: reading them, writing them anew
//! - `walk`         walks a layout while its bytes pass
//! - `introduction` what a client says of itself while it logs in
//! - `names`        what the APIs are called
//! - `write`        the few fields a section written anew needs

pub mod acks;
pub mod answer;
mod coordinator;
mod cursor;
pub mod greeting;
mod head;
pub mod in_flight;
pub mod introduction;
pub mod names;
pub mod request;
mod section;
pub mod tail;
#[cfg(test)]
mod testing;
pub mod versions;
mod walk;
mod write;

use std::fmt;

/// A broker's id in the cluster; -1 where the protocol says "none".
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct NodeId(pub i32);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which API a request is for.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ApiKey(pub i16);

impl fmt::Display for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The version of an API a request is written in.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ApiVersion(pub i16);

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Chosen by the client, repeated by the broker. Only ever a check, never a key.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct CorrelationId(pub i32);

/// A host name or IP literal (no brackets) and a port that is never 0.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Endpoint {
    /// DNS name or IP literal.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// A frame that is not what the protocol allows.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FrameError {
    /// The announced size is negative, too small or beyond the limit.
    #[error("frame size {size} is outside {least}..={most}")]
    Size {
        /// As announced.
        size: i32,
        /// Smallest size allowed here.
        least: u32,
        /// Largest size allowed here.
        most: u32,
    },
    /// A count, length or field reaches beyond the end of its frame.
    #[error("{what} reaches beyond the end of the frame")]
    Beyond {
        /// Which field.
        what: &'static str,
    },
    /// A varint of more than five bytes.
    #[error("varint longer than five bytes")]
    Varint,
    /// The layout ended before the frame did.
    #[error("{left} bytes left over after the last field")]
    LeftOver {
        /// How many.
        left: usize,
    },
    /// A part that must be collected or counted grows beyond its bound.
    #[error("{what} exceeds {most}")]
    TooLarge {
        /// Which part, and what is counted of it.
        what: &'static str,
        /// The bound.
        most: usize,
    },
    /// A value that the protocol does not allow.
    #[error("{what} is not valid")]
    Invalid {
        /// Which field.
        what: &'static str,
    },
}

#[cfg(test)]
mod tests;
