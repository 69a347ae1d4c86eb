//! `acks` is found in every layout, however it arrives.

use super::*;

#[derive(Clone, Copy, Debug)]
struct Request<'a> {
    version: i16,
    client_id: Option<&'a [u8]>,
    header_tags: usize,
    transactional_id: Option<usize>,
    acks: i16,
}

fn put_uvarint(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        out.push(u8::try_from(value % 0x80).expect("7 bits") | 0x80);
        value /= 0x80;
    }
    out.push(u8::try_from(value).expect("7 bits"));
}

fn put_str16(out: &mut Vec<u8>, text: Option<&[u8]>) {
    let len = text.map_or(-1, |text| i16::try_from(text.len()).expect("short"));
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(text.unwrap_or_default());
}

/// The payload from offset 8 on.
fn from_client_id(request: Request<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    put_str16(&mut out, request.client_id);
    let id = request.transactional_id.map(|len| vec![b't'; len]);
    if request.version >= 9 {
        put_uvarint(&mut out, request.header_tags);
        for tag in 0..request.header_tags {
            put_uvarint(&mut out, tag * 100);
            put_uvarint(&mut out, tag * 70);
            out.extend(std::iter::repeat_n(0xfe, tag * 70));
        }
        put_uvarint(&mut out, id.as_ref().map_or(0, |id| id.len() + 1));
        out.extend(id.unwrap_or_default());
    } else if request.version >= 3 {
        put_str16(&mut out, id.as_deref());
    }
    out.extend_from_slice(&request.acks.to_be_bytes());
    out.extend_from_slice(&[0, 0, 0x75, 0x30, 1, 0]);
    out
}

fn scan(version: i16, bytes: &[u8], pieces: usize) -> Result<Option<i16>, FrameError> {
    let mut scanner = AcksScanner::new(ApiVersion(version), bytes.len() + FED_FROM);
    for piece in bytes.chunks(pieces) {
        if let Some(acks) = scanner.feed(piece)? {
            return Ok(Some(acks));
        }
    }
    Ok(None)
}

#[test]
fn every_layout_gives_its_acks_in_any_pieces() {
    let long = vec![b'c'; 32_767];
    let clients: [Option<&[u8]>; 5] = [
        None,
        Some(b""),
        Some(b"c"),
        Some(&long),
        Some(&[0xff, 0xfe]),
    ];
    let ids = [
        None,
        Some(0),
        Some(126),
        Some(127),
        Some(128),
        Some(255),
        Some(300),
        Some(20_000),
    ];
    for version in 0..=13 {
        for client_id in clients {
            for header_tags in [0, 1, 3] {
                for transactional_id in ids {
                    for acks in [0, 1, -1] {
                        let request = Request {
                            version,
                            client_id,
                            header_tags,
                            transactional_id,
                            acks,
                        };
                        let bytes = from_client_id(request);
                        let large = bytes.len() > 5_000;
                        for pieces in [bytes.len(), if large { 4_093 } else { 1 }] {
                            let found = scan(version, &bytes, pieces);
                            assert_eq!(found, Ok(Some(acks)), "{version} {header_tags} {acks}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn large_fields_may_arrive_byte_by_byte() {
    let long = vec![b'c'; 32_767];
    for version in [2, 8, 9] {
        let request = Request {
            version,
            client_id: Some(&long),
            header_tags: 3,
            transactional_id: Some(20_000),
            acks: 0,
        };
        assert_eq!(scan(version, &from_client_id(request), 1), Ok(Some(0)));
    }
}

#[test]
fn agrees_with_the_oracle() {
    use kafka_protocol::messages::{ProduceRequest, RequestHeader};
    use kafka_protocol::protocol::{Encodable, HeaderVersion, StrBytes};

    for version in 3..=13 {
        for acks in [0, 1, -1] {
            let mut bytes = Vec::new();
            RequestHeader::default()
                .with_request_api_version(version)
                .with_client_id(Some(StrBytes::from_static_str("producer-1")))
                .encode(&mut bytes, ProduceRequest::header_version(version))
                .expect("header is encodable");
            ProduceRequest::default()
                .with_acks(acks)
                .encode(&mut bytes, version)
                .expect("request is encodable");
            assert_eq!(scan(version, &bytes[FED_FROM..], 1), Ok(Some(acks)));
        }
    }
}

#[test]
fn refuses_fields_that_reach_beyond_the_frame() {
    let request = Request {
        version: 9,
        client_id: Some(b"c"),
        header_tags: 1,
        transactional_id: Some(3),
        acks: 1,
    };
    for version in [0, 3, 9] {
        let whole = from_client_id(Request { version, ..request });
        let acks_end = whole.len() - 6;
        for len in 0..acks_end {
            let cut = whole.get(..len).expect("shorter");
            let mut scanner = AcksScanner::new(ApiVersion(version), len + FED_FROM);
            assert!(scanner.feed(cut).is_err(), "v{version} cut at {len}");
        }
    }
    for hostile in [
        &[0x7f, 0xff, 0, 0, 0, 0][..],
        &[0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0],
        &[0, 0, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0, 0],
        &[0, 0, 1, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0],
        &[0, 0, 0x41, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ] {
        assert!(scan(9, hostile, 1).is_err(), "{hostile:?}");
    }
}

#[test]
fn a_header_of_three_million_tags_is_refused_at_its_count() {
    let mut bytes = vec![0xff, 0xff];
    put_uvarint(&mut bytes, 3_000_000);
    let mut scanner = AcksScanner::new(ApiVersion(9), 12_900_000);
    assert!(matches!(
        scanner.feed(&bytes),
        Err(FrameError::TooLarge { .. })
    ));
}

#[test]
fn bytes_of_the_next_frame_are_not_looked_at() {
    let mut scanner = AcksScanner::new(ApiVersion(0), FED_FROM + 2);
    assert!(scanner.feed(&[0xff, 0xff, 0, 1]).is_err());
}
