//! Sealed reports on disk: those without a receipt, and the last ones with.
//!
//! A sealed report is never changed. It must not know the ledger.

use super::chain::{self, Sealed};
use super::error::UsageError;
use super::files::Folder;
use crate::licence::Anchor;

/// Delivered reports and their receipts.
pub(super) const SENT: &str = "sent";

/// Reports without a receipt: more are not sealed, the open interval grows instead.
const MOST_REPORTS: usize = 400;
const MOST_BYTES: u64 = 4 << 20;
/// Delivered ones that are kept.
const MOST_SENT: usize = 30;

/// A sealed report as it lies in the spool.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Item {
    /// Its position in the chain.
    pub seq: u64,
    /// Its signed form.
    pub token: String,
    /// Whether the vendor has it.
    pub delivered: bool,
}

fn name(seq: u64) -> String {
    format!("{seq:08}.jws")
}

fn sent(seq: u64) -> String {
    format!("{SENT}/{}", name(seq))
}

/// The numbers of what lies in this folder, in order, and its size in bytes.
fn numbers(folder: &Folder, inner: &str) -> Result<(Vec<u64>, u64), UsageError> {
    let number = |(name, size): (String, u64)| {
        let digits = name.strip_suffix(".jws")?;
        Some((digits.parse::<u64>().ok()?, size))
    };
    let mut found: Vec<_> = folder.list(inner)?.into_iter().filter_map(number).collect();
    found.sort_unstable();
    let size = found.iter().map(|(_, size)| size).sum();
    Ok((found.into_iter().map(|(seq, _)| seq).collect(), size))
}

/// Numbers of the reports without a receipt, in order.
pub(super) fn pending(folder: &Folder) -> Result<Vec<u64>, UsageError> {
    numbers(folder, "").map(|(numbers, _)| numbers)
}

/// Whether one more has no place.
pub(super) fn is_full(folder: &Folder) -> Result<bool, UsageError> {
    let (numbers, size) = numbers(folder, "")?;
    Ok(numbers.len() >= MOST_REPORTS || size >= MOST_BYTES)
}

/// One without a receipt.
pub(super) fn read(folder: &Folder, seq: u64) -> Result<Option<Item>, UsageError> {
    item(folder, seq, false)
}

fn item(folder: &Folder, seq: u64, delivered: bool) -> Result<Option<Item>, UsageError> {
    let name = if delivered { sent(seq) } else { name(seq) };
    let text = folder.read(&name)?;
    Ok(text.map(|text| Item {
        seq,
        token: text.trim().to_owned(),
        delivered,
    }))
}

/// Everything there is, in order.
pub(super) fn all(folder: &Folder) -> Result<Vec<Item>, UsageError> {
    let mut items = Vec::new();
    for (inner, delivered) in [("", false), (SENT, true)] {
        for seq in numbers(folder, inner)?.0 {
            items.extend(item(folder, seq, delivered)?);
        }
    }
    items.sort_by_key(|item| (item.seq, item.delivered));
    items.dedup_by_key(|item| item.seq);
    Ok(items)
}

/// The number of the last one there is.
pub(super) fn last(folder: &Folder) -> Result<Option<u64>, UsageError> {
    let last = |inner| Ok::<_, UsageError>(numbers(folder, inner)?.0.last().copied());
    Ok(last("")?.max(last(SENT)?))
}

/// This one, delivered or not, if it is there and of this installation.
pub(super) fn find(folder: &Folder, seq: u64, install: &Anchor) -> Result<Found, UsageError> {
    for delivered in [false, true] {
        if let Some(item) = item(folder, seq, delivered)? {
            return Ok(match chain::open(&item.token, install) {
                Ok(sealed) if sealed.report.seq == seq => Found::Sealed(Box::new(sealed)),
                _ => Found::Damaged { delivered },
            });
        }
    }
    Ok(Found::Nothing)
}

/// What lies at a place in the chain.
#[derive(Debug)]
pub(super) enum Found {
    Nothing,
    Sealed(Box<Sealed>),
    Damaged { delivered: bool },
}

/// Puts a sealed report there. The caller knows that nothing is.
pub(super) fn put(folder: &Folder, seq: u64, token: &str) -> Result<(), UsageError> {
    folder.replace(&name(seq), format!("{token}\n").as_bytes())
}

/// Moves what is damaged out of the chain, keeping it.
pub(super) fn set_aside(folder: &Folder, seq: u64, delivered: bool) -> Result<(), UsageError> {
    let name = if delivered { sent(seq) } else { name(seq) };
    folder.rename(&name, &format!("{name}.damaged"))
}

/// Files a report under the delivered ones, and forgets the oldest of these.
pub(super) fn deliver(folder: &Folder, seq: u64, receipt: &str) -> Result<(), UsageError> {
    folder.replace(
        &format!("{SENT}/{seq:08}.receipt"),
        format!("{receipt}\n").as_bytes(),
    )?;
    folder.rename(&name(seq), &sent(seq))?;
    let (numbers, _) = numbers(folder, SENT)?;
    let surplus = numbers.len().saturating_sub(MOST_SENT);
    for &seq in numbers.iter().take(surplus) {
        folder.remove(&sent(seq))?;
        folder.remove(&format!("{SENT}/{seq:08}.receipt"))?;
    }
    Ok(())
}
