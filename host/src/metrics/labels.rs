//! The closed sets of label values, and one pre-resolved counter for each value.
//!
//! Owns every label value that is not a listener's name or a close reason. It must not know what
//! the values are counted for, nor the registry.

use prometheus_client::metrics::counter::Counter;

use crate::kafka::in_flight::ResponseKind;
use crate::kafka::request::{LocalAnswer, Refusal};

/// An enum whose every value is one label value, and a struct with one counter for each: a call
/// site costs one atomic add, and a value that is not listed here cannot become a label.
macro_rules! closed_set {
    ($(#[$meta:meta])* $set:ident, $counters:ident {
        $($(#[$value_meta:meta])* $value:ident => $label:ident,)+
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub enum $set {
            $($(#[$value_meta])* $value,)+
        }

        impl $set {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$value,)+];

            /// The label value.
            #[must_use]
            pub fn label(self) -> &'static str {
                match self {
                    $(Self::$value => stringify!($label),)+
                }
            }
        }

        /// One counter for each value.
        #[derive(Clone, Debug)]
        pub(super) struct $counters {
            $($label: Counter,)+
        }

        impl $counters {
            /// Asks `resolve` for the counter of each label value.
            pub(super) fn new(mut resolve: impl FnMut(&'static str) -> Counter) -> Self {
                Self { $($label: resolve(stringify!($label)),)+ }
            }

            pub(super) fn of(&self, value: $set) -> &Counter {
                match value {
                    $($set::$value => &self.$label,)+
                }
            }
        }
    };
}

closed_set! {
    /// What a peer spoke instead of Kafka as the listener expects it.
    WrongProtocol, WrongProtocolCounters {
        /// A TLS ClientHello on a plaintext listener.
        Tls => tls,
        /// An HTTP request.
        Http => http,
        /// Nothing but zero bytes.
        Zeros => zeros,
        /// A PROXY header from a source that may not send one, or none where one is due.
        ProxyHeader => proxy_header,
        /// A first frame size no client would send.
        BadSize => bad_size,
        /// Plain Kafka on a TLS listener.
        KafkaOnTls => kafka_on_tls,
        /// Anything else.
        NotKafka => not_kafka,
        /// The broker answered with a TLS alert: the upstream leg's protocol is set wrong.
        TlsAlertUpstream => tls_alert_upstream,
    }
}

closed_set! {
    /// An API whose answers are touched.
    Api, ApiCounters {
        /// Metadata.
        Metadata => metadata,
        /// DescribeCluster.
        DescribeCluster => describe_cluster,
        /// FindCoordinator.
        FindCoordinator => find_coordinator,
        /// Produce.
        Produce => produce,
        /// Fetch.
        Fetch => fetch,
        /// ShareFetch.
        ShareFetch => share_fetch,
        /// ShareAcknowledge.
        ShareAcknowledge => share_acknowledge,
        /// ApiVersions.
        ApiVersions => api_versions,
    }
}

impl Api {
    /// The API of a response kind; `None` for answers that are never touched.
    #[must_use]
    pub fn of(kind: ResponseKind) -> Option<Self> {
        Some(match kind {
            ResponseKind::Metadata => Self::Metadata,
            ResponseKind::DescribeCluster => Self::DescribeCluster,
            ResponseKind::FindCoordinator => Self::FindCoordinator,
            ResponseKind::ApiVersions => Self::ApiVersions,
            ResponseKind::Produce => Self::Produce,
            ResponseKind::Fetch => Self::Fetch,
            ResponseKind::ShareFetch => Self::ShareFetch,
            ResponseKind::ShareAcknowledge => Self::ShareAcknowledge,
            ResponseKind::Opaque | ResponseKind::SaslAuthenticate => return None,
        })
    }
}

/// What became of such an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fate {
    /// Written anew with advertised addresses, or with clamped version ranges.
    Rewritten,
    /// Its node endpoints were made harmless, its length kept.
    Neutralised,
    /// It carried nothing to change.
    Passed,
}

closed_set! {
    /// Why a broker was taken out of an answer.
    RemovedBroker, RemovedBrokerCounters {
        /// The address map has no address for it.
        NotMapped => not_mapped,
        /// Its address is outside the upstream allow-list.
        NotAllowed => not_allowed,
        /// Its address is no address.
        Invalid => invalid,
    }
}

closed_set! {
    /// Why a request closed its session.
    RefusedRequest, RefusedRequestCounters {
        /// Sent before authentication.
        BeforeAuthentication => before_authentication,
        /// An API between brokers or controllers.
        InterBroker => inter_broker,
        /// A version of an address-carrying API above the known ones.
        VersionTooNew => version_too_new,
        /// Key or version outside the reviewed table while these are clamped.
        Unreviewed => unreviewed,
        /// Negative key or version.
        NotKafka => not_kafka,
        /// SaslHandshake v0, whose raw tokens have no frames of their own.
        SaslHandshakeV0 => sasl_handshake_v0,
        /// Larger than the limit.
        FrameSize => frame_size,
    }
}

impl From<Refusal> for RefusedRequest {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::BeforeAuthentication => Self::BeforeAuthentication,
            Refusal::InterBroker => Self::InterBroker,
            Refusal::VersionTooNew => Self::VersionTooNew,
            Refusal::Unreviewed => Self::Unreviewed,
            Refusal::NotKafka => Self::NotKafka,
        }
    }
}

impl RefusedRequest {
    /// The refusal a local answer stands for; `None` for an answer the session lives on after.
    #[must_use]
    pub fn of(answer: LocalAnswer) -> Option<Self> {
        match answer {
            LocalAnswer::SaslHandshakeV0Refused => Some(Self::SaslHandshakeV0),
            LocalAnswer::ApiVersionsUnsupported => None,
        }
    }
}

closed_set! {
    /// How a dial towards a broker ended.
    DialOutcome, DialOutcomeCounters {
        /// Connected, TLS included.
        Connected => connected,
        /// The name or the resolved address is outside the allow-list.
        NotAllowed => not_allowed,
        /// The name does not resolve.
        NotResolved => not_resolved,
        /// No address of it accepted the connection.
        Refused => refused,
        /// The deadline passed.
        TimedOut => timed_out,
        /// The TLS handshake failed.
        TlsFailed => tls_failed,
    }
}

closed_set! {
    /// What a login came to.
    LoginOutcome, LoginOutcomeCounters {
        /// The broker answers what it answers to authenticated clients only.
        Completed => completed,
        /// The broker refused it.
        Failed => failed,
    }
}

closed_set! {
    /// How a TLS handshake with a client ended.
    HandshakeOutcome, HandshakeOutcomeCounters {
        /// Completed.
        Completed => completed,
        /// Broken off by either side.
        Failed => failed,
        /// The deadline passed.
        TimedOut => timed_out,
        /// The server name leads nowhere.
        UnknownName => unknown_name,
    }
}

closed_set! {
    /// Why a connection could not be accepted.
    AcceptError, AcceptErrorCounters {
        /// The process or the system has no file descriptor left (EMFILE, ENFILE).
        OutOfFiles => out_of_files,
        /// The kernel has no memory left for it (ENOBUFS, ENOMEM).
        OutOfMemory => out_of_memory,
        /// The peer left before it was accepted (ECONNABORTED).
        Aborted => aborted,
        /// One of throughway's own connection limits.
        Limit => limit,
        /// Silent for so long that a newer connection took its place.
        Silent => silent,
        /// The licence allows no new session.
        Licence => licence,
        /// Anything else.
        Other => other,
    }
}
