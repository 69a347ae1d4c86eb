//! Answers with addresses: found, rewritten and neutralised alike wherever they are cut, and nothing of
//! theirs is left.

use throughway::kafka::answer::{Found, NamedBroker, find, replace};
use throughway::kafka::in_flight::ResponseKind;
use throughway::kafka::tail::{Scanned, TailScanner, neutralise};
use throughway::kafka::versions::{ClampPolicy, clamp_api_versions, sasl_authenticate_error};
use throughway::kafka::{ApiVersion, Endpoint, FrameError, NodeId};

use crate::{Choices, cuts};

const KINDS: [ResponseKind; 9] = [
    ResponseKind::Metadata,
    ResponseKind::DescribeCluster,
    ResponseKind::FindCoordinator,
    ResponseKind::Produce,
    ResponseKind::Fetch,
    ResponseKind::ShareFetch,
    ResponseKind::ShareAcknowledge,
    ResponseKind::ApiVersions,
    ResponseKind::SaslAuthenticate,
];

/// A payload behind a byte of kind and one of version.
pub fn answers(input: &[u8]) {
    let mut choices = Choices(input);
    let kind = KINDS[choices.below(KINDS.len())];
    let version = ApiVersion(i16::from(choices.byte() % 24));
    let payload = choices.rest();
    match kind {
        ResponseKind::Metadata | ResponseKind::DescribeCluster => head(kind, version, payload),
        ResponseKind::FindCoordinator => rewrite(kind, version, payload),
        ResponseKind::ApiVersions => ranges(version, payload),
        ResponseKind::SaslAuthenticate => drop(sasl_authenticate_error(version, payload)),
        _ => tail(kind, version, payload),
    }
}

/// Once enough has arrived, the same is found as in the whole; before, nothing, and no fault in what
/// is none.
fn head(kind: ResponseKind, version: ApiVersion, payload: &[u8]) {
    let whole = find(kind, version, payload, payload.len());
    for cut in cuts(payload.len()) {
        match (find(kind, version, &payload[..cut], payload.len()), &whole) {
            (Ok(Some(part)), Ok(Some(whole))) => assert_same(&part, whole),
            (Ok(None), _) => {}
            (Err(part), Err(whole)) => assert_eq!(part, *whole, "cut at {cut}"),
            (part, whole) => panic!("cut at {cut}: {part:?} but {whole:?}"),
        }
    }
    rewrite(kind, version, payload);
}

fn assert_same(part: &Found, whole: &Found) {
    assert_eq!(part.brokers, whole.brokers);
    assert_eq!(part.cluster_id, whole.cluster_id);
    assert_eq!(part.section, whole.section);
}

/// Where even ids are; the others are mapped nowhere.
fn advertised() -> [Endpoint; 2] {
    [
        "b.edge.example",
        "a-much-longer-name-of-a-broker.edge.example",
    ]
    .map(|host| Endpoint {
        host: host.to_owned(),
        port: 19_092,
    })
}

fn place(endpoints: &[Endpoint; 2], id: NodeId) -> Option<&Endpoint> {
    match id.0 % 4 {
        0 => Some(&endpoints[0]),
        2 => Some(&endpoints[1]),
        _ => None,
    }
}

/// What has been rewritten is readable, and names what it should and nobody else.
fn rewrite(kind: ResponseKind, version: ApiVersion, part: &[u8]) {
    let Ok(Some(found)) = find(kind, version, part, part.len()) else {
        return;
    };
    let endpoints = advertised();
    let replaced = replace(&found, part, &mut |id| place(&endpoints, id)).unwrap();
    let mut out = part.to_vec();
    drop(out.splice(found.section.clone(), replaced.bytes));
    let again = find(kind, version, &out, out.len()).unwrap().unwrap();
    assert_eq!(again.cluster_id, found.cluster_id);
    for NamedBroker {
        node_id, address, ..
    } in &again.brokers
    {
        assert_eq!(address.as_ref(), place(&endpoints, *node_id), "{node_id}");
    }
    // Once more changes nothing.
    let twice = replace(&again, &out, &mut |id| place(&endpoints, id)).unwrap();
    assert_eq!(twice.removed, []);
    assert_eq!(twice.bytes, out[again.section]);
}

type Place = Result<Option<usize>, FrameError>;

fn tail_at(kind: ResponseKind, version: ApiVersion, payload: &[u8], pieces: &[usize]) -> Place {
    let mut scanner = TailScanner::new(kind, version, payload.len());
    let (mut before, mut rest) = (0, payload);
    for len in pieces.iter().chain([&usize::MAX]) {
        let (piece, after) = rest.split_at((*len).min(rest.len()));
        match scanner.feed(piece)? {
            Scanned::TailAt(at) => return Ok(Some(before + at)),
            Scanned::Before => before += piece.len(),
        }
        rest = after;
    }
    Ok(None)
}

fn tail(kind: ResponseKind, version: ApiVersion, payload: &[u8]) {
    let whole = tail_at(kind, version, payload, &[]);
    for cut in cuts(payload.len()) {
        // The very fault may be another one when less is known of it, its presence not.
        let pieces = tail_at(kind, version, payload, &[cut]);
        assert_eq!(pieces.is_ok(), whole.is_ok(), "cut at {cut}");
        assert_eq!(pieces.ok(), whole.ok(), "cut at {cut}");
    }
    let Ok(Some(at)) = whole else { return };
    let part = &payload[at..];
    rewrite(kind, version, part);
    let mut hidden = part.to_vec();
    let Ok(changed) = neutralise(kind, version, &mut hidden) else {
        assert_eq!(hidden, part);
        return;
    };
    assert_eq!(hidden.len(), part.len());
    assert_eq!(hidden != part, changed);
    let found = find(kind, version, &hidden, hidden.len()).unwrap().unwrap();
    assert_eq!(found.brokers, []);
    let mut again = hidden.clone();
    assert_eq!(neutralise(kind, version, &mut again), Ok(false));
    assert_eq!(again, hidden);
}

fn ranges(version: ApiVersion, payload: &[u8]) {
    let policy = ClampPolicy {
        fetch_leader_hints: payload.len().is_multiple_of(2),
        clamp_unreviewed: payload.len().is_multiple_of(3),
    };
    let mut clamped = payload.to_vec();
    if clamp_api_versions(version, &mut clamped, policy).is_ok() {
        assert!(clamped.len() <= payload.len());
        let mut again = clamped.clone();
        clamp_api_versions(version, &mut again, policy).unwrap();
        assert_eq!(again, clamped);
    }
}
