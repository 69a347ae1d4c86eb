//! Random answers by Kafka's generated classes, which also judge what became of them.

use std::io::{BufReader, BufWriter, Read, Write};

use throughway::kafka::ApiVersion;

use crate::java;
use crate::ours::{self, Made, Pieces};

/// Answers of each version; in `make soak` a million in all, of 41 versions.
fn each() -> usize {
    match std::env::var_os("THROUGHWAY_SOAK") {
        Some(_) => 24_400,
        None => 200,
    }
}

fn i16(from: &mut impl Read) -> i16 {
    let mut bytes = [0; 2];
    from.read_exact(&mut bytes).unwrap();
    i16::from_be_bytes(bytes)
}

/// `None` when the program has ended.
fn len(from: &mut impl Read) -> Option<usize> {
    let mut bytes = [0; 4];
    from.read_exact(&mut bytes).ok()?;
    Some(i32::from_be_bytes(bytes).try_into().unwrap())
}

fn put(to: &mut impl Write, bytes: Option<&[u8]>) -> std::io::Result<()> {
    let len = bytes.map_or(-1, |bytes| i32::try_from(bytes.len()).unwrap());
    to.write_all(&len.to_be_bytes())?;
    to.write_all(bytes.unwrap_or_default())
}

/// Answers batch after batch until the program has no more; how many.
fn converse(mut from: impl Read, mut to: impl Write) -> usize {
    let (endpoints, mut pieces) = (ours::advertised(), Pieces::new());
    let mut total = 0;
    while let Some(count @ 1..) = len(&mut from) {
        let mut made = Vec::new();
        for _ in 0..count {
            let api_key = i16(&mut from);
            let version = ApiVersion(i16(&mut from));
            let mut payload = vec![0; len(&mut from).unwrap()];
            from.read_exact(&mut payload).unwrap();
            made.push(ours::make(
                (api_key, version),
                &payload,
                &endpoints,
                &mut pieces,
            ));
        }
        for Made {
            rewritten,
            neutralised,
        } in &made
        {
            // A program that has found a fault reads no further; what it found is on its stderr.
            _ = put(&mut to, Some(rewritten));
            _ = put(&mut to, neutralised.as_deref());
        }
        _ = to.flush();
        total += count;
    }
    total
}

#[test]
fn generated_classes_read_what_they_would_have_written_themselves() {
    let mut command = java("Oracle.java");
    let mut child = command.arg(each().to_string()).spawn().unwrap();
    let from = BufReader::new(child.stdout.take().unwrap());
    let to = BufWriter::new(child.stdin.take().unwrap());
    let total = converse(from, to);
    let ended = child.wait_with_output().unwrap();
    let words = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "after {total}: {words}");
    assert_eq!(total, 41 * each());
}
