//! Real requests as an independent encoder writes them, and whatever else a client might send.

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{
    ApiVersionsRequest, RequestHeader, SaslAuthenticateRequest, SaslHandshakeRequest,
};
use kafka_protocol::protocol::{Encodable, Request, StrBytes};

use super::*;
use crate::kafka::request::PREFIX_LEN;

/// A whole frame.
fn framed<R: Request>(request: &R, version: i16) -> Bytes {
    let mut payload = BytesMut::new();
    RequestHeader::default()
        .with_request_api_key(R::KEY)
        .with_request_api_version(version)
        .with_correlation_id(7)
        .with_client_id(Some(StrBytes::from_static_str("some-client")))
        .encode(&mut payload, R::header_version(version))
        .unwrap();
    request.encode(&mut payload, version).unwrap();
    let mut frame = BytesMut::new();
    frame.put_u32(payload.len().try_into().unwrap());
    frame.put(payload);
    frame.freeze()
}

/// What a frame says when it comes in pieces of this size.
fn heard(frame: &[u8], naming: Option<Naming>, pieces: usize) -> Option<Told> {
    let prefix = RequestPrefix::read(frame.first_chunk::<PREFIX_LEN>().unwrap(), 1 << 20).unwrap();
    let mut introduction = Introduction::begin(&prefix, || naming)?;
    for piece in frame[PREFIX_LEN..].chunks(pieces) {
        introduction.feed(piece);
    }
    assert!(introduction.held.len() <= MOST_HELD);
    introduction.told()
}

fn authenticate(version: i16, token: &[u8]) -> Bytes {
    let token = Bytes::copy_from_slice(token);
    framed(
        &SaslAuthenticateRequest::default().with_auth_bytes(token),
        version,
    )
}

fn user(naming: Naming, token: &[u8]) -> Option<Box<str>> {
    let told = heard(&authenticate(2, token), Some(naming), 4096)?;
    let Told::User(name) = told else {
        panic!("{told:?}");
    };
    Some(name)
}

#[test]
fn hears_the_software_since_version_3_whatever_the_pieces() {
    let request = ApiVersionsRequest::default()
        .with_client_software_name(StrBytes::from_static_str("apache-kafka-java"))
        .with_client_software_version(StrBytes::from_static_str("4.4.0"));
    for pieces in [1, 3, 4096] {
        for version in [3, 4] {
            let expected = Told::Software {
                name: "apache-kafka-java".into(),
                version: "4.4.0".into(),
            };
            let frame = framed(&request, version);
            assert_eq!(heard(&frame, None, pieces), Some(expected));
        }
    }
    assert_eq!(
        heard(&framed(&ApiVersionsRequest::default(), 2), None, 1),
        None
    );
}

#[test]
fn hears_mechanism_and_user_in_every_version() {
    for version in [0, 1] {
        let name = StrBytes::from_static_str("SCRAM-SHA-512");
        let frame = framed(
            &SaslHandshakeRequest::default().with_mechanism(name),
            version,
        );
        let expected = Told::Mechanism("SCRAM-SHA-512".into());
        assert_eq!(heard(&frame, None, 2), Some(expected));
    }
    for version in 0..=2 {
        let plain = authenticate(version, b"\0alice\0secret");
        let expected = Some(Told::User("alice".into()));
        assert_eq!(heard(&plain, Some(Naming::Plain), 1), expected);
        let scram = authenticate(version, b"n,,n=alice,r=abc");
        assert_eq!(heard(&scram, Some(Naming::Scram), 5), expected);
        assert_eq!(heard(&plain, None, 1), None);
    }
}

#[test]
fn names_a_plain_user_only_when_the_message_is_plain_beyond_doubt() {
    assert_eq!(user(Naming::Plain, b"bob\0bob\0x").as_deref(), Some("bob"));
    for other in [
        &b""[..],
        b"secret",
        b"\0secret",
        b"\0\0secret",
        b"\0alice\0",
        b"\0alice\0secret\0more",
        b"carol\0alice\0secret",
        b"\0al\nice\0secret",
        b"\0\xff\xfe\0secret",
        b"n,,\x01auth=Bearer abc\x01\x01",
    ] {
        assert_eq!(user(Naming::Plain, other), None, "{other:?}");
    }
    let long = |len: usize| [b"\0", &vec![b'u'; len][..], b"\0secret"].concat();
    assert!(user(Naming::Plain, &long(MOST_USER)).is_some());
    assert_eq!(user(Naming::Plain, &long(MOST_USER + 1)), None);
}

#[test]
fn names_a_scram_user_only_from_its_first_message() {
    let named = |token: &[u8]| user(Naming::Scram, token);
    assert_eq!(named(b"n,a=x,n=a=3Db=2Cc,r=1").as_deref(), Some("a=b,c"));
    assert_eq!(named(b"y,,n=bob,r=1,x=2").as_deref(), Some("bob"));
    for other in [
        &b"c=biws,r=abc,p=proof"[..],
        b"n,,n=,r=1",
        b"n,,n=bob",
        b"n,,n=bob,r=",
        b"n,,m=ext,n=bob,r=1",
        b"n,,n=a=41,r=1",
        b"n,,n=token-id,r=1,tokenauth=true",
        b"p=tls-unique,,n=bob,r=1",
        b"n,,\x01auth=Bearer abc\x01\x01",
    ] {
        assert_eq!(named(other), None, "{other:?}");
    }
}

#[test]
fn a_mechanism_or_software_that_is_none_is_not_repeated() {
    for word in ["plain", "PLAIN\r\nforged", "", "A23456789012345678901"] {
        let word = StrBytes::from_static_str(word);
        let frame = framed(&SaslHandshakeRequest::default().with_mechanism(word), 1);
        assert_eq!(heard(&frame, None, 1), None);
    }
    for word in ["with space", "", "n\u{e9}"] {
        let request = ApiVersionsRequest::default()
            .with_client_software_name(StrBytes::from_static_str(word))
            .with_client_software_version(StrBytes::from_static_str("1"));
        assert_eq!(heard(&framed(&request, 3), None, 1), None);
    }
}

#[test]
fn a_name_behind_more_than_is_held_is_not_known() {
    let token = [&b"\0alice\0"[..], &[b'x'; 4 * MOST_HELD]].concat();
    assert_eq!(
        heard(&authenticate(2, &token), Some(Naming::Plain), 100),
        None
    );
}

#[test]
fn lengths_beyond_the_frame_say_nothing() {
    let frame = authenticate(1, b"\0alice\0secret");
    for at in PREFIX_LEN..frame.len() {
        let mut broken = frame.to_vec();
        broken[at] = 0xff;
        let _whatever = heard(&broken, Some(Naming::Plain), 3);
        let _cut = heard(&frame[..at], Some(Naming::Plain), 3);
    }
}
