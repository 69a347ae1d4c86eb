//! What `throughway usage` prints: the next report, the chain, the bundle for closed networks.
//!
//! Text from books; whoever calls opens these and prints it.

use std::fmt::Write as _;

use serde_json::json;

use super::chain::{self, Sealed};
use super::error::UsageError;
use super::spool::Item;
use super::store::{Books, Outcome};
use crate::licence::UnixTime;

/// The next report as it would be sealed now, and what waits.
///
/// # Errors
/// When the spool cannot be read.
pub fn show(books: &Books, now: UnixTime, as_json: bool) -> Result<String, UsageError> {
    let next = books.next_report(now)?;
    let pending = books.pending()?;
    if as_json {
        let oldest = pending.first().map(|&seq| books.pending_item(seq));
        let oldest = oldest.transpose()?.flatten();
        let shown = json!({
            "next": next,
            "undelivered": pending,
            "oldest_undelivered": oldest.map(|item| item.token),
            "last_receipt": books.last_receipt(),
            "ledger": {
                "relayed": books.relayed(),
                "reported": books.reported(),
                "remainder": books.remainder(),
            },
        });
        return Ok(format!("{shown}\n"));
    }
    let mut text = String::new();
    let mut line = |words: std::fmt::Arguments<'_>| {
        let _infallible = text.write_fmt(format_args!("{words}\n"));
    };
    line(format_args!("installation    {}", books.install_id()));
    match books.last_receipt() {
        Some(at) => line(format_args!("last receipt    {at}")),
        None => line(format_args!("last receipt    none yet")),
    }
    line(format_args!("undelivered     {}", pending.len()));
    let (relayed, remainder) = (books.relayed(), books.remainder());
    line(format_args!(
        "relayed         {} bytes in, {} out since the installation began",
        relayed.incoming, relayed.outgoing
    ));
    line(format_args!(
        "in no report    {} bytes in, {} out",
        remainder.incoming, remainder.outgoing
    ));
    match next {
        Some(next) => {
            let next = serde_json::to_string_pretty(&next)?;
            line(format_args!(
                "next report, as it would be sealed now:\n{next}"
            ));
        }
        None => line(format_args!(
            "next report     none: the proxy has not run yet"
        )),
    }
    Ok(text)
}

/// The reports that are kept, delivered or not, in order, as JSON.
///
/// # Errors
/// When the spool cannot be read.
pub fn history(books: &Books) -> Result<String, UsageError> {
    let told = |item: &Item| {
        let opened = books.open_item(item);
        let (report, error) = match opened {
            Ok(sealed) => (Some(sealed.report), None),
            Err(error) => (None, Some(error.to_string())),
        };
        json!({ "seq": item.seq, "delivered": item.delivered, "report": report, "error": error })
    };
    let reports: Vec<_> = books.items()?.iter().map(told).collect();
    Ok(format!("{}\n", json!(reports)))
}

/// Whether everything that is kept is one chain of this installation.
#[derive(Debug)]
pub struct Verdict {
    /// One line for each report, and one for all.
    pub text: String,
    /// Whether it is.
    pub whole: bool,
}

/// Verifies what is kept.
///
/// # Errors
/// When the spool cannot be read.
pub fn verify(books: &Books) -> Result<Verdict, UsageError> {
    let items = books.items()?;
    let forgotten = items
        .iter()
        .find(|item| item.delivered)
        .map(|item| item.seq);
    let mut text = String::new();
    let mut before: Option<Sealed> = None;
    let mut wrong = 0_usize;
    for item in &items {
        let opened = books.open_item(item).and_then(|sealed| {
            // Delivered reports are forgotten after a while, so there may be a gap before the kept ones.
            let kept = before.as_ref().filter(|_| forgotten != Some(item.seq));
            chain::follows(&sealed, kept)?;
            Ok(sealed)
        });
        let delivered = if item.delivered {
            "delivered"
        } else {
            "waiting"
        };
        match opened {
            Ok(sealed) => {
                let (start, end) = (sealed.report.window.start, sealed.report.window.end);
                let id = &sealed.report.report_id;
                let _infallible = writeln!(
                    text,
                    "{:>8}  {delivered:<9}  {start} to {end}  {id}",
                    item.seq
                );
                before = Some(sealed);
            }
            Err(error) => {
                wrong = wrong.saturating_add(1);
                let _infallible = writeln!(text, "{:>8}  {delivered:<9}  {error}", item.seq);
                before = None;
            }
        }
    }
    let next = books.next_seq();
    if let Some(last) = before.filter(|last| last.report.seq.saturating_add(1) != next) {
        wrong = wrong.saturating_add(1);
        let _infallible = writeln!(
            text,
            "{:>8}  missing: the ledger goes on with report {next}",
            last.report.seq.saturating_add(1)
        );
    }
    let _infallible = match wrong {
        0 => writeln!(text, "{} reports, one chain", items.len()),
        _ => writeln!(text, "{} reports, {wrong} of them wrong", items.len()),
    };
    Ok(Verdict {
        text,
        whole: wrong == 0,
    })
}

/// Seals what is open, and gives every report without a receipt, one a line.
///
/// # Errors
/// When the spool cannot be read or written.
pub fn export(books: &mut Books, now: UnixTime) -> Result<(String, Outcome), UsageError> {
    let outcome = books.seal(now)?;
    let mut bundle = String::new();
    for seq in books.pending()? {
        if let Some(item) = books.pending_item(seq)? {
            bundle.push_str(&item.token);
            bundle.push('\n');
        }
    }
    Ok((bundle, outcome))
}

/// Takes receipts, one a line: how many reports are delivered by them, and what is wrong with the rest.
pub fn import(books: &mut Books, receipts: &str) -> (usize, Vec<String>) {
    let mut taken = 0_usize;
    let mut wrong = Vec::new();
    let lines = receipts.lines().map(str::trim).enumerate();
    for (number, line) in lines.filter(|(_, line)| !line.is_empty()) {
        match books.deliver(line) {
            Ok(_seq) => taken = taken.saturating_add(1),
            Err(error) => wrong.push(format!(
                "line {}: {}",
                number.saturating_add(1),
                error.in_full()
            )),
        }
    }
    (taken, wrong)
}
