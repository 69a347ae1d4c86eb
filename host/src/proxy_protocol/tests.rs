//! Headers of load balancers, whole and in pieces, and what only looks like one.

use super::*;

const V4: &[u8] = &[192, 0, 2, 7, 10, 0, 0, 1, 0x30, 0x39, 0x23, 0x84];

/// A version 2 header.
fn header(command: u8, family: u8, addresses: &[u8]) -> Vec<u8> {
    let length = u16::try_from(addresses.len()).unwrap().to_be_bytes();
    [V2_START, &[command, family], &length, addresses].concat()
}

fn v6(source: &str) -> Vec<u8> {
    let [source, destination] = [source, "2001:db8::1"].map(|ip| ip.parse::<Ipv6Addr>().unwrap());
    [
        &source.octets(),
        &destination.octets(),
        [0x30, 0x39, 0x23, 0x84].as_slice(),
    ]
    .concat()
}

/// Feeds a header byte by byte, with bytes of the connection behind it.
fn assert_source(header: &[u8], expected: Option<&str>) {
    for end in 0..header.len() {
        assert_eq!(
            parse(&header[..end]),
            Ok(Parsed::Incomplete),
            "{end} of {header:?}"
        );
    }
    let source = expected.map(|text| text.parse().unwrap());
    let complete = Ok(Parsed::Complete {
        source,
        header_len: header.len(),
    });
    assert_eq!(parse(header), complete);
    assert_eq!(parse(&[header, &[22, 3, 1, 2, 0]].concat()), complete);
}

#[test]
fn reads_version_1() {
    for (line, source) in [
        (
            "TCP4 192.0.2.7 10.0.0.1 12345 9092",
            Some("192.0.2.7:12345"),
        ),
        (
            "TCP6 2001:db8::7 2001:db8::1 12345 9092",
            Some("[2001:db8::7]:12345"),
        ),
        ("TCP6 ::ffff:192.0.2.7 ::1 1 2", Some("192.0.2.7:1")),
        (
            "TCP4 255.255.255.255 255.255.255.255 65535 65535",
            Some("255.255.255.255:65535"),
        ),
        ("UNKNOWN", None),
        ("UNKNOWN ffff:f...f:ffff what ever 65535 65535", None),
    ] {
        assert_source(format!("PROXY {line}\r\n").as_bytes(), source);
    }
}

#[test]
fn refuses_malformed_version_1() {
    for line in [
        "",
        "TCP4",
        "TCP4 ",
        "UNKNOWNS",
        "UDP4 192.0.2.7 10.0.0.1 12345 9092",
        "tcp4 192.0.2.7 10.0.0.1 12345 9092",
        "TCP4 192.0.2.7 10.0.0.1 12345",
        "TCP4 192.0.2.7 10.0.0.1 12345 9092 1",
        "TCP4 192.0.2.7 10.0.0.1 12345 9092 ",
        "TCP4  192.0.2.7 10.0.0.1 12345 9092",
        "TCP4 192.0.2.7 10.0.0.1 +12345 9092",
        "TCP4 192.0.2.7 10.0.0.1 12345 65536",
        "TCP4 192.0.2.7 10.0.0.1  9092",
        "TCP4 2001:db8::7 2001:db8::1 12345 9092",
        "TCP6 192.0.2.7 10.0.0.1 12345 9092",
        "TCP4 192.0.2.256 10.0.0.1 12345 9092",
    ] {
        let bytes = format!("PROXY {line}\r\n");
        assert_eq!(
            parse(bytes.as_bytes()),
            Err(ProxyHeaderError::Malformed),
            "{line}"
        );
    }
    assert_eq!(parse(b"PROXY \xff\r\n"), Err(ProxyHeaderError::Malformed));
}

#[test]
fn version_1_ends_within_107_bytes() {
    let longest = format!("PROXY UNKNOWN {}\r\n", "x".repeat(91));
    assert_eq!(longest.len(), MAX_V1_BYTES);
    assert_source(longest.as_bytes(), None);
    let longer = longest.replace("\r\n", "x\r\n");
    assert_eq!(parse(&longer.as_bytes()[..106]), Ok(Parsed::Incomplete));
    assert_eq!(parse(longer.as_bytes()), Err(ProxyHeaderError::TooLong));
    assert_eq!(
        parse(&[b"PROXY ", [b'x'; 9000].as_slice()].concat()),
        Err(ProxyHeaderError::TooLong)
    );
}

#[test]
fn reads_version_2() {
    assert_source(&header(0x21, 0x11, V4), Some("192.0.2.7:12345"));
    assert_source(
        &header(0x21, 0x21, &v6("2001:db8::7")),
        Some("[2001:db8::7]:12345"),
    );
    assert_source(
        &header(0x21, 0x21, &v6("::ffff:192.0.2.7")),
        Some("192.0.2.7:12345"),
    );
}

#[test]
fn passes_over_extensions() {
    // PP2_TYPE_AWS with a VPC endpoint id, as a network load balancer sends it.
    let aws = [&[0xea, 0, 23, 1], b"vpce-08d2bf15fac5001c9".as_slice()].concat();
    assert_source(
        &header(0x21, 0x11, &[V4, &aws].concat()),
        Some("192.0.2.7:12345"),
    );
}

#[test]
fn a_load_balancer_speaking_for_itself_has_no_source() {
    assert_source(&header(0x20, 0x00, &[]), None);
    assert_source(&header(0x20, 0x11, V4), None);
    assert_source(&header(0x20, 0x11, &[]), None);
}

#[test]
fn accepts_families_it_does_not_know_as_no_source() {
    for family in [0x00, 0x10, 0x12, 0x22, 0x31, 0x32, 0x41, 0xff] {
        assert_source(&header(0x21, family, &[7; 40]), None);
    }
}

#[test]
fn refuses_malformed_version_2() {
    for command in [0x00, 0x11, 0x22, 0x2f, 0x31] {
        let bytes = header(command, 0x11, V4);
        assert_eq!(parse(&bytes), Err(ProxyHeaderError::Malformed), "{command}");
    }
    assert_eq!(
        parse(&header(0x21, 0x11, &V4[..11])),
        Err(ProxyHeaderError::Malformed)
    );
    assert_eq!(
        parse(&header(0x21, 0x21, V4)),
        Err(ProxyHeaderError::Malformed)
    );
}

#[test]
fn version_2_has_at_most_536_bytes() {
    assert_source(
        &header(0x20, 0, &[0; MAX_HEADER_BYTES - V2_FIXED_BYTES]),
        None,
    );
    let longer = header(0x20, 0, &[0; MAX_HEADER_BYTES - V2_FIXED_BYTES + 1]);
    // Known from the length alone.
    assert_eq!(
        parse(&longer[..V2_FIXED_BYTES]),
        Err(ProxyHeaderError::TooLong)
    );
    assert_eq!(parse(&longer), Err(ProxyHeaderError::TooLong));
}

#[test]
fn knows_a_connection_without_header_by_its_first_wrong_byte() {
    for bytes in [
        [22, 3, 1, 2, 0].as_slice(),
        &[0, 0, 0, 40],
        b"GET ",
        b"PUT ",
        b"PROXYTCP4",
        b"proxy ",
        b"\r\n\r\n\0\r\nQUIT\r",
        b"\n",
    ] {
        assert_eq!(parse(bytes), Err(ProxyHeaderError::Missing), "{bytes:?}");
    }
}
