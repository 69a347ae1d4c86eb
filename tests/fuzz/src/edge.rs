//! The first bytes of a connection: PROXY header, ClientHello, first request.

use std::task::{Context, Poll, Waker};

use throughway::proxy_protocol::{MAX_HEADER_BYTES, Parsed, parse};
use throughway::session::first_packet::{Judgement, judge, judge_before_tls};
use throughway::tls::Hello;

use crate::route::Route;
use crate::{Choices, cuts};

/// A byte of choice, and what a client sends first.
pub fn edge(input: &[u8]) {
    let mut choices = Choices(input);
    let what = choices.byte();
    match what % 3 {
        0 => proxy_header(choices.rest()),
        1 => first_packet(choices.rest()),
        _ => hello(usize::from(what / 3), choices.rest()),
    }
}

/// A verdict on fewer bytes stands when there are more.
fn proxy_header(bytes: &[u8]) {
    let whole = parse(bytes);
    if let Ok(Parsed::Complete { header_len, .. }) = whole {
        assert!(header_len <= bytes.len() && header_len <= MAX_HEADER_BYTES);
    }
    if bytes.len() >= MAX_HEADER_BYTES {
        assert_ne!(whole, Ok(Parsed::Incomplete));
    }
    for cut in cuts(bytes.len()) {
        let part = parse(&bytes[..cut]);
        assert!(part == whole || part == Ok(Parsed::Incomplete), "{cut}");
    }
}

fn first_packet(bytes: &[u8]) {
    const MOST: usize = 524_288;
    let whole = judge(bytes, MOST);
    for cut in cuts(bytes.len()) {
        let part = judge(&bytes[..cut], MOST);
        // More bytes may tell better what is wrong, but not whether.
        match part {
            Judgement::NeedMore => {}
            Judgement::Kafka => assert_eq!(whole, part, "{cut}"),
            Judgement::Wrong(_) => assert!(matches!(whole, Judgement::Wrong(_)), "{cut}"),
        }
        _ = judge_before_tls(&bytes[..cut]);
    }
}

/// The name in a ClientHello does not depend on how it is cut into reads.
fn hello(piece: usize, bytes: &[u8]) {
    let name = |piece: usize| {
        let route = Route::default();
        route.0.borrow_mut().room = usize::MAX;
        let mut read = Box::pin(Hello::read(route.clone()));
        let mut pieces = bytes.chunks(piece);
        loop {
            let polled = read.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            if let Poll::Ready(hello) = polled {
                return hello.ok().map(|hello| hello.server_name());
            }
            let mut wire = route.0.borrow_mut();
            assert!(!wire.ended, "waits with all bytes there");
            match pieces.next() {
                Some(piece) => wire.to_us.extend(piece),
                None => wire.ended = true,
            }
        }
    };
    let whole = name(usize::MAX);
    assert_eq!(name(1 + piece), whole);
    if let Some(Some(name)) = whole {
        assert!(!name.ends_with('.') && name == name.to_ascii_lowercase());
    }
}
