//! Tests of what an answer means. The exchange itself is tested end to end.

use super::*;

fn answer(status: u16, body: &str) -> Answer {
    Answer {
        status,
        retry_after: Some(Duration::from_secs(7)),
        body: body.as_bytes().to_vec(),
    }
}

#[test]
fn only_a_200_can_hold_a_receipt() {
    let judged = |status| judge(&answer(status, " a.b.c\n"));
    assert!(matches!(judged(200), Ok(receipt) if receipt == "a.b.c"));
    for status in [201, 204, 301, 307, 500, 502, 504, 600] {
        let trouble = judged(status).unwrap_err();
        assert!(!trouble.refused && trouble.put_off.is_none(), "{status}");
    }
    for status in [429, 503] {
        let trouble = judged(status).unwrap_err();
        assert_eq!(trouble.put_off, Some(Duration::from_secs(7)));
        assert!(!trouble.refused, "{status}");
    }
    for status in [400, 401, 404, 413, 422] {
        assert!(judged(status).unwrap_err().refused, "{status}");
    }
}
