//! One ApiVersions exchange of our own: what a broker offers before anybody has logged in.
//!
//! Version 0, which every broker answers. Pure.

use super::versions::table::{API_VERSIONS, SASL_HANDSHAKE};

/// The longest answer that is one: a hundred APIs have 600 bytes.
pub const MOST_BYTES: usize = 64 * 1024;

/// Ours alone on its connection.
const CORRELATION_ID: i32 = 1;

/// Bytes before the list: correlation id, error code, count.
const HEAD: usize = 10;

/// Bytes for one API: key, lowest and highest version.
const API: usize = 6;

/// What a broker offers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Greeting {
    /// How many APIs.
    pub apis: usize,
    /// Clients can log in.
    pub sasl: bool,
}

/// The answer is none.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the answer is not one to ApiVersions")]
pub struct NoGreeting;

/// The request's frame, length included.
#[must_use]
pub fn request() -> Vec<u8> {
    let version = 0_i16;
    // No client id.
    let client_id = -1_i16;
    let mut frame = 10_i32.to_be_bytes().to_vec();
    frame.extend(API_VERSIONS.0.to_be_bytes());
    frame.extend(version.to_be_bytes());
    frame.extend(CORRELATION_ID.to_be_bytes());
    frame.extend(client_id.to_be_bytes());
    frame
}

/// Reads the answer's frame, without its length.
///
/// # Errors
/// When it is not one to `request`.
pub fn read(frame: &[u8]) -> Result<Greeting, NoGreeting> {
    let (head, list) = frame.split_at_checked(HEAD).ok_or(NoGreeting)?;
    let apis = list.len() / API;
    let count = i32::try_from(apis).map_err(|_too_many| NoGreeting)?;
    let expected = [
        &CORRELATION_ID.to_be_bytes()[..],
        &[0, 0],
        &count.to_be_bytes(),
    ]
    .concat();
    if head != expected || list.len() % API != 0 {
        return Err(NoGreeting);
    }
    let sasl = SASL_HANDSHAKE.0.to_be_bytes();
    Ok(Greeting {
        apis,
        sasl: list.chunks_exact(API).any(|api| api.starts_with(&sasl)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(keys: &[i16]) -> Vec<u8> {
        let count = i32::try_from(keys.len()).unwrap();
        let mut frame = [&1_i32.to_be_bytes()[..], &[0, 0], &count.to_be_bytes()].concat();
        for key in keys {
            frame.extend([key.to_be_bytes(), [0, 0], [0, 9]].concat());
        }
        frame
    }

    #[test]
    fn tells_how_many_apis_there_are_and_whether_one_can_log_in() {
        let greeting = read(&answer(&[0, 17, 18, 36]));
        assert_eq!(
            greeting,
            Ok(Greeting {
                apis: 4,
                sasl: true
            })
        );
        assert_eq!(
            read(&answer(&[18])),
            Ok(Greeting {
                apis: 1,
                sasl: false
            })
        );
    }

    #[test]
    fn takes_nothing_else_for_an_answer() {
        let whole = answer(&[0, 17]);
        for end in 0..whole.len() {
            assert_eq!(read(&whole[..end]), Err(NoGreeting), "{end}");
        }
        for wrong in [0, 3, 5, 6, 9] {
            let mut damaged = whole.clone();
            damaged[wrong] ^= 0x40;
            assert_eq!(read(&damaged), Err(NoGreeting), "{wrong}");
        }
        assert_eq!(read(b"HTTP/1.1 400 Bad Request"), Err(NoGreeting));
    }

    #[test]
    fn asks_in_one_frame() {
        let frame = request();
        assert_eq!(
            frame[..4],
            u32::try_from(frame.len() - 4).unwrap().to_be_bytes()
        );
        assert_eq!(frame[4..8], [0, 18, 0, 0]);
    }
}
