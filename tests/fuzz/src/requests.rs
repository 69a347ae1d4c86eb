//! Requests: prefix, fate, and `acks` of a Produce, which must not depend on where the bytes are cut.

use throughway::kafka::acks::AcksScanner;
use throughway::kafka::request::{
    PREFIX_LEN, Permissions, RequestFate, RequestPrefix, classify, first_request_is_plausible,
    unreviewed,
};
use throughway::kafka::{ApiVersion, FrameError};

use crate::{Choices, cuts};

/// One frame, size included, behind a byte of permissions.
pub fn requests(input: &[u8]) {
    let mut choices = Choices(input);
    let bits = choices.byte();
    let frame = choices.rest();
    let Some(bytes) = frame.first_chunk::<PREFIX_LEN>() else {
        return;
    };
    let most = if bits & 8 == 0 { 524_288 } else { 104_857_600 };
    let Ok(prefix) = RequestPrefix::read(bytes, most) else {
        return;
    };
    assert!((8..=most).contains(&prefix.payload_len));
    let permissions = Permissions {
        authenticated: bits & 1 != 0,
        provisional: bits & 2 != 0,
        clamp_unreviewed: bits & 4 != 0,
    };
    let fate = classify(&prefix, permissions);
    judge(&prefix, permissions, fate);
    if let RequestFate::ForwardProduce(_) = fate {
        produce(&prefix, &frame[PREFIX_LEN..]);
    }
}

/// The rules that matter most, said once more.
fn judge(prefix: &RequestPrefix, permissions: Permissions, fate: RequestFate) {
    let forwarded = matches!(
        fate,
        RequestFate::Forward(_) | RequestFate::ForwardProduce(_)
    );
    let (key, version) = (prefix.api_key.0, prefix.api_version.0);
    assert!(!forwarded || permissions.authenticated || first_request_is_plausible(prefix));
    assert!(!forwarded || version >= 0);
    // SaslHandshake v0: what follows it are bare tokens.
    assert!(!(forwarded && key == 17 && version == 0));
    assert!(!(forwarded && key == 18 && version > 5));
    assert!(!(forwarded && permissions.clamp_unreviewed && unreviewed(prefix)));
    let brokers_only = matches!(key, 4..=7 | 52..=54 | 56 | 58 | 59 | 62 | 63 | 67 | 70 | 73 | 82);
    assert!(!(forwarded && brokers_only));
}

type Scanned = Result<Option<i16>, FrameError>;

fn produce(prefix: &RequestPrefix, body: &[u8]) {
    // Fed from the client id on; never more than the frame.
    let body = &body[..body.len().min(prefix.payload_len - 8)];
    let whole = scan(prefix.api_version, prefix.payload_len, &[body]);
    for cut in cuts(body.len()) {
        let (first, second) = body.split_at(cut);
        let pieces = scan(prefix.api_version, prefix.payload_len, &[first, second]);
        assert_eq!(pieces, whole, "cut at {cut}");
    }
    let bytes: Vec<&[u8]> = body.chunks(1).take(4096).collect();
    if bytes.len() == body.len() {
        let single = scan(prefix.api_version, prefix.payload_len, &bytes);
        assert_eq!(single, whole, "byte by byte");
    }
}

fn scan(version: ApiVersion, payload_len: usize, pieces: &[&[u8]]) -> Scanned {
    let mut scanner = AcksScanner::new(version, payload_len);
    // As the relay begins: a frame may end with its prefix.
    for piece in [&[][..]].iter().chain(pieces) {
        if let Some(acks) = scanner.feed(piece)? {
            return Ok(Some(acks));
        }
    }
    Ok(None)
}
