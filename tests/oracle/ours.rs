//! What our codec makes of an answer, with its bytes in random pieces.
//!
//! As the relay calls it; must not know what is right.

use throughway::kafka::answer::{find, replace};
use throughway::kafka::in_flight::ResponseKind;
use throughway::kafka::tail::{Scanned, TailScanner, neutralise};
use throughway::kafka::versions::{ClampPolicy, clamp_api_versions};
use throughway::kafka::{ApiVersion, Endpoint, NodeId};

/// An answer rewritten and, where it has a tail, neutralised.
pub(crate) struct Made {
    pub(crate) rewritten: Vec<u8>,
    pub(crate) neutralised: Option<Vec<u8>>,
}

/// Where to cut; the same on every run.
pub(crate) struct Pieces(u64);

impl Pieces {
    pub(crate) fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    /// 1 to `most`, small ones more often.
    fn next(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let bits = 1 + self.0 % 12;
        let len = (self.0 >> 32) % (1 << bits);
        usize::try_from(len).unwrap().clamp(1, most.max(1))
    }
}

/// The kind of an answer.
pub(crate) fn kind(api_key: i16) -> ResponseKind {
    match api_key {
        0 => ResponseKind::Produce,
        1 => ResponseKind::Fetch,
        3 => ResponseKind::Metadata,
        10 => ResponseKind::FindCoordinator,
        18 => ResponseKind::ApiVersions,
        60 => ResponseKind::DescribeCluster,
        78 => ResponseKind::ShareFetch,
        79 => ResponseKind::ShareAcknowledge,
        other => panic!("key {other}"),
    }
}

/// Nodes 0 to 9 have addresses, of very different lengths.
pub(crate) fn advertised() -> Vec<Endpoint> {
    let one = |id: u16| Endpoint {
        host: format!("b{id}.{}", "x".repeat(usize::from(id) * 16)),
        port: 9000 + id,
    };
    (0..10).map(one).collect()
}

/// Does to a payload what the relay would do to it.
pub(crate) fn make(
    (api_key, version): (i16, ApiVersion),
    payload: &[u8],
    endpoints: &[Endpoint],
    pieces: &mut Pieces,
) -> Made {
    let kind = kind(api_key);
    let alone = |rewritten| Made {
        rewritten,
        neutralised: None,
    };
    match kind {
        ResponseKind::ApiVersions => {
            let mut clamped = payload.to_vec();
            let policy = ClampPolicy {
                fetch_leader_hints: false,
                clamp_unreviewed: false,
            };
            clamp_api_versions(version, &mut clamped, policy).unwrap();
            alone(clamped)
        }
        ResponseKind::Metadata | ResponseKind::DescribeCluster => {
            let mut arrived = 0;
            while arrived < payload.len() {
                arrived += pieces.next(payload.len() - arrived);
                let part = &payload[..arrived];
                if find(kind, version, part, payload.len()).unwrap().is_some() {
                    break;
                }
            }
            // What has not arrived yet is streamed behind it.
            let part = &payload[..arrived];
            let mut made = rewritten((kind, version), part, payload.len(), endpoints);
            made.extend_from_slice(&payload[arrived..]);
            alone(made)
        }
        ResponseKind::FindCoordinator => alone(rewritten(
            (kind, version),
            payload,
            payload.len(),
            endpoints,
        )),
        _ => {
            let at = tail_at(kind, version, payload, pieces);
            let (before, tail) = payload.split_at(at);
            let made = rewritten((kind, version), tail, tail.len(), endpoints);
            let mut hidden = payload.to_vec();
            neutralise(kind, version, &mut hidden[at..]).unwrap();
            Made {
                rewritten: [before, &made].concat(),
                neutralised: Some(hidden),
            }
        }
    }
}

fn rewritten(
    (kind, version): (ResponseKind, ApiVersion),
    part: &[u8],
    len: usize,
    endpoints: &[Endpoint],
) -> Vec<u8> {
    let found = find(kind, version, part, len).unwrap().unwrap();
    let mut place = |id: NodeId| endpoints.get(usize::try_from(id.0).ok()?);
    let replaced = replace(&found, part, &mut place).unwrap();
    let mut out = part.to_vec();
    drop(out.splice(found.section.clone(), replaced.bytes));
    out
}

fn tail_at(kind: ResponseKind, version: ApiVersion, payload: &[u8], pieces: &mut Pieces) -> usize {
    let mut scanner = TailScanner::new(kind, version, payload.len());
    let mut before = 0;
    while before < payload.len() {
        let len = pieces.next(payload.len() - before);
        match scanner.feed(&payload[before..before + len]).unwrap() {
            Scanned::Before => before += len,
            Scanned::TailAt(at) => return before + at,
        }
    }
    panic!("{kind:?} {version}: no tail");
}
