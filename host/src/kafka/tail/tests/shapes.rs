//! Tails byte by byte: the exact patch, the order of tags, and what is no tail.

use super::*;

const PRODUCE: (ResponseKind, ApiVersion) = (ResponseKind::Produce, ApiVersion(10));
const SHARE: (ResponseKind, ApiVersion) = (ResponseKind::ShareFetch, ApiVersion(1));

/// One endpoint, node 3 at broker-03:9092, as an array.
fn array() -> Vec<u8> {
    let mut array = vec![2, 0, 0, 0, 3, 10];
    array.extend_from_slice(b"broker-03");
    array.extend_from_slice(&[0, 0, 0x23, 0x84, 0, 0]);
    array
}

fn field(tag: &[u8], data: &[u8]) -> Vec<u8> {
    let size = u8::try_from(data.len()).expect("short");
    [tag, &[size], data].concat()
}

fn neutral(
    (kind, version): (ResponseKind, ApiVersion),
    tail: &[u8],
) -> Result<Vec<u8>, FrameError> {
    let mut out = tail.to_vec();
    assert!(neutralise(kind, version, &mut out)?, "something to hide");
    Ok(out)
}

fn zeros(len: usize) -> Vec<u8> {
    vec![0; len]
}

#[test]
fn the_common_case_is_a_patch_of_the_tag() {
    let tail = [vec![1], field(&[0], &array())].concat();
    let expected = [vec![1], field(&[127], &zeros(21))].concat();
    assert_eq!(tail.len(), 24);
    assert_eq!(neutral(PRODUCE, &tail), Ok(expected));
}

#[test]
fn a_plain_array_becomes_an_empty_one_and_a_tag() {
    let tail = [array(), vec![0]].concat();
    let expected = [vec![1, 1], field(&[127], &zeros(18))].concat();
    assert_eq!(tail.len(), 22);
    assert_eq!(neutral(SHARE, &tail), Ok(expected));
}

#[test]
fn tags_stay_in_ascending_order() {
    let others = [field(&[1], b"one"), field(&[126], b"x")].concat();
    let above = field(&[0x80, 0x01], b"above");
    let tail = [
        vec![4],
        field(&[0], &array()),
        others.clone(),
        above.clone(),
    ]
    .concat();
    let pad = field(&[127], &zeros(21));
    let expected = [vec![4], others.clone(), pad, above.clone()].concat();
    assert_eq!(neutral(PRODUCE, &tail), Ok(expected));

    let tail = [array(), vec![3], others.clone(), above.clone()].concat();
    let pad = field(&[127], &zeros(18));
    let expected = [vec![1, 4], others, pad, above].concat();
    assert_eq!(neutral(SHARE, &tail), Ok(expected));
}

#[test]
fn a_tag_in_use_is_not_used_for_zeros() {
    let other = field(&[127], b"theirs");
    let tail = [vec![2], field(&[0], &array()), other.clone()].concat();
    let expected = [vec![2], field(&[126], &zeros(21)), other].concat();
    assert_eq!(neutral(PRODUCE, &tail), Ok(expected));
}

#[test]
fn repeated_endpoints_are_all_hidden() {
    let one = field(&[0], &array());
    let tail = [vec![3], one.clone(), field(&[1], b"x"), one].concat();
    let expected = [vec![2], field(&[1], b"x"), field(&[127], &zeros(44))].concat();
    let out = neutral(PRODUCE, &tail).expect("readable");
    assert_eq!(out, expected);
    assert_eq!(out.len(), tail.len());
}

#[test]
fn encodings_longer_than_needed_are_hidden_all_the_same() {
    let tag = field(&[0x80, 0x00], &array());
    let tail = [vec![0x81, 0x00], tag].concat();
    let out = neutral(PRODUCE, &tail).expect("readable");
    assert_eq!(out, [vec![1], field(&[127], &zeros(23))].concat());
}

#[test]
fn nothing_to_hide_leaves_the_tail_as_it_is() {
    let unknown = [vec![1], field(&[5], b"kept")].concat();
    let empty = [vec![1], field(&[0], &[1])].concat();
    let null = [vec![1], field(&[0], &[0])].concat();
    for tail in [vec![0], unknown.clone(), empty, null] {
        let mut out = tail.clone();
        assert_eq!(neutralise(PRODUCE.0, PRODUCE.1, &mut out), Ok(false));
        assert_eq!(out, tail);
    }
    for tail in [vec![1, 0], vec![0, 0], [vec![1], unknown].concat()] {
        let mut out = tail.clone();
        assert_eq!(neutralise(SHARE.0, SHARE.1, &mut out), Ok(false));
        assert_eq!(out, tail);
    }
}

#[test]
fn what_is_no_tail_is_refused_and_left_as_it_is() {
    let good = [vec![1], field(&[0], &array())].concat();
    let mut short_size = good.clone();
    short_size[2] -= 1;
    let mut long_size = good.clone();
    long_size[2] += 1;
    let left_over = [good.clone(), vec![0]].concat();
    let huge_count = [vec![1, 0, 5], vec![0xff, 0xff, 0xff, 0xff, 0x0f]].concat();
    let long_varint = vec![1, 0x80, 0x80, 0x80, 0x80, 0x80, 0];
    let many_tags = [vec![65], zeros(130)].concat();
    let mut hostile = vec![
        short_size,
        long_size,
        left_over,
        huge_count,
        long_varint,
        many_tags,
    ];
    hostile.extend((0..good.len()).map(|len| good[..len].to_vec()));
    for tail in hostile {
        let mut out = tail.clone();
        assert!(
            neutralise(PRODUCE.0, PRODUCE.1, &mut out).is_err(),
            "{tail:?}"
        );
        assert_eq!(out, tail);
    }
}

#[test]
fn a_payload_that_ends_before_its_tail_is_refused() {
    let payload = encode(&fetched(vec![7; 9]), 16, BTreeMap::new());
    let tail = tail_at(ResponseKind::Fetch, 16, &payload, 5);
    for len in 0..=tail {
        let mut scanner = TailScanner::new(ResponseKind::Fetch, ApiVersion(16), len);
        let cut = payload.get(..len).expect("shorter");
        assert!(scanner.feed(cut).is_err(), "cut at {len}");
    }
}
