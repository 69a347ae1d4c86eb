//! Usage on disk: identity, ledger and spool, opened together under a lock and always consistent.
//!
//! The ledger on disk is the truth; whoever counts holds only what is not in it yet. So the proxy and
//! the command line can work on the same folder. Reads no clock.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::chain::{self, Sealed};
use super::error::UsageError;
use super::facts::Facts;
use super::files::{Folder, Lock};
use super::identity::{self, Identity};
use super::ledger::{Bytes, Counted, Ledger};
use super::payload::Report;
use super::receipt::{self, Receipt, ReceiptError};
use super::spool::{self, Found, Item};
use crate::licence::{Anchor, UnixTime, anchors};

const FILE: &str = "ledger.json";

/// The schema this version writes and reads.
const SCHEMA: u32 = 1;

#[derive(Deserialize, Serialize)]
struct Document {
    schema: u32,
    ledger: Ledger,
    /// SHA-256 of the ledger: against damage, not against people.
    checksum: String,
}

/// Where usage is kept.
#[derive(Clone, Debug)]
pub struct Store {
    folder: Folder,
}

/// Usage, open and locked; unlocked when dropped.
#[derive(Debug)]
pub struct Books {
    folder: Folder,
    identity: Identity,
    ledger: Ledger,
    faults: Vec<String>,
    _lock: Lock,
}

/// What sealing came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// There is one more report to deliver.
    Sealed(u64),
    /// The spool has no room: the open interval goes on.
    Full,
    /// The proxy has not run yet.
    Nothing,
}

impl Store {
    /// In this state directory.
    #[must_use]
    pub fn new(state_directory: &Path) -> Self {
        Self {
            folder: Folder::new(state_directory.join("usage")),
        }
    }

    /// Opens what is there and makes what is missing. Blocking, for a moment also on others who work here.
    ///
    /// # Errors
    /// `UsageError`.
    pub fn open(&self, now: UnixTime) -> Result<Books, UsageError> {
        let mut faults = Vec::new();
        if self.folder.exists() && Identity::read(&self.folder)?.is_none() && self.is_in_use()? {
            let kept = self.folder.set_aside("orphaned")?;
            faults.push(format!(
                "the installation's key is missing or damaged: a new chain begins, the old one is kept as {}",
                kept.display()
            ));
        }
        self.folder.make(spool::SENT)?;
        let lock = self.folder.lock_soon()?;
        let identity = match Identity::read(&self.folder)? {
            Some(identity) => identity,
            None => Identity::make(&self.folder)?,
        };
        self.with(identity, lock, faults, now)
    }

    /// Opens what is there, for the command line. Waits until the proxy is done. Blocking.
    ///
    /// # Errors
    /// `UsageError`.
    pub fn open_existing(&self, now: UnixTime) -> Result<Books, UsageError> {
        let nothing = || UsageError::Nothing(self.folder.path(""));
        if !self.folder.exists() {
            return Err(nothing());
        }
        let lock = self.folder.lock()?;
        let identity = Identity::read(&self.folder)?.ok_or_else(nothing)?;
        self.with(identity, lock, Vec::new(), now)
    }

    fn is_in_use(&self) -> Result<bool, UsageError> {
        Ok(self.folder.read(FILE)?.is_some() || spool::last(&self.folder)?.is_some())
    }

    fn with(
        &self,
        identity: Identity,
        lock: Lock,
        mut faults: Vec<String>,
        now: UnixTime,
    ) -> Result<Books, UsageError> {
        let ledger = match self.read_ledger(&mut faults)? {
            Some(ledger) => ledger,
            None => self.new_ledger(&identity.anchor, &mut faults, now)?,
        };
        let mut books = Books {
            folder: self.folder.clone(),
            identity,
            ledger,
            faults,
            _lock: lock,
        };
        books.recover()?;
        Ok(books)
    }

    /// The kept one. What cannot be used is set aside, never overwritten.
    fn read_ledger(&self, faults: &mut Vec<String>) -> Result<Option<Ledger>, UsageError> {
        let Some(text) = self.folder.read(FILE)? else {
            return Ok(None);
        };
        let (suffix, why) = match judge(&text) {
            Ok(ledger) => return Ok(Some(ledger)),
            Err(why) => why,
        };
        let kept = format!("{FILE}.{suffix}");
        self.folder.rename(FILE, &kept)?;
        faults.push(format!("the ledger {why}: it is kept as {kept}"));
        Ok(None)
    }

    /// Continues the chain, if there is one: what the lost ledger had and no report said is lost.
    fn new_ledger(
        &self,
        install: &Anchor,
        faults: &mut Vec<String>,
        now: UnixTime,
    ) -> Result<Ledger, UsageError> {
        let Some(last) = spool::last(&self.folder)? else {
            return Ok(Ledger::new(now));
        };
        faults.push(format!(
            "there is no ledger: the chain goes on after report {last}"
        ));
        Ok(match spool::find(&self.folder, last, install)? {
            Found::Sealed(sealed) => Ledger::after(&sealed.report, sealed.sha256, now),
            Found::Nothing | Found::Damaged { .. } => Ledger {
                next_seq: last.saturating_add(1),
                ..Ledger::new(now)
            },
        })
    }
}

/// The ledger of a file, or the suffix to set it aside with and why.
fn judge(text: &str) -> Result<Ledger, (&'static str, String)> {
    let corrupt = |error: serde_json::Error| ("corrupt", format!("is damaged ({error})"));
    let value: serde_json::Value = serde_json::from_str(text).map_err(corrupt)?;
    let schema = value.get("schema").and_then(serde_json::Value::as_u64);
    if schema.is_some_and(|schema| schema > u64::from(SCHEMA)) {
        return Err(("newer", "is of a newer version".to_owned()));
    }
    let document: Document = serde_json::from_value(value).map_err(corrupt)?;
    if checksum(&document.ledger).map_err(corrupt)? != document.checksum {
        return Err((
            "corrupt",
            "is damaged (its checksum does not match)".to_owned(),
        ));
    }
    Ok(document.ledger)
}

fn checksum(ledger: &Ledger) -> serde_json::Result<String> {
    Ok(chain::sha256(&serde_json::to_string(ledger)?))
}

impl Books {
    /// Adds what was relayed and counted since the last time. Not kept before `save`.
    pub fn add(&mut self, bytes: Bytes, counted: &Counted, facts: &Facts) {
        self.ledger.add(bytes, counted, facts);
    }

    /// Keeps the ledger.
    ///
    /// # Errors
    /// When it cannot be written; the file is as it was.
    pub fn save(&self) -> Result<(), UsageError> {
        let document = Document {
            schema: SCHEMA,
            checksum: checksum(&self.ledger)?,
            ledger: self.ledger.clone(),
        };
        self.folder.replace(FILE, &serde_json::to_vec(&document)?)
    }

    /// Seals everything that `save` has kept into one more report.
    ///
    /// A crash between the two writes is mended by the next `open`: a report that the ledger does not
    /// know of is taken note of before anything else happens.
    ///
    /// # Errors
    /// When the report cannot be written, or the ledger after it.
    pub fn seal(&mut self, now: UnixTime) -> Result<Outcome, UsageError> {
        if spool::is_full(&self.folder)? {
            return Ok(Outcome::Full);
        }
        let Some(report) = self.next_report(now)? else {
            return Ok(Outcome::Nothing);
        };
        let token = chain::seal(&report, &self.identity.key)?;
        spool::put(&self.folder, report.seq, &token)?;
        self.ledger.apply(&report, chain::sha256(&token));
        self.save()?;
        Ok(Outcome::Sealed(report.seq))
    }

    /// The report that would be sealed now; none before the proxy has run.
    ///
    /// # Errors
    /// When there are no random bytes for its id.
    pub fn next_report(&self, now: UnixTime) -> Result<Option<Report>, UsageError> {
        let Identity {
            install_id,
            install_key,
            ..
        } = &self.identity;
        let report_id = identity::report_id(now)?;
        Ok(self
            .ledger
            .report((install_id, install_key), &report_id, now))
    }

    /// Takes note of reports that are sealed and not in the ledger.
    fn recover(&mut self) -> Result<(), UsageError> {
        loop {
            let seq = self.ledger.next_seq;
            match spool::find(&self.folder, seq, &self.identity.anchor)? {
                Found::Nothing => return Ok(()),
                Found::Sealed(sealed) => {
                    if sealed.report.prev_sha256 != self.ledger.prev_sha256 {
                        self.faults.push(format!(
                            "report {seq} does not follow the one before it: the ledger or a report was replaced"
                        ));
                    }
                    self.ledger.apply(&sealed.report, sealed.sha256);
                }
                Found::Damaged { delivered } => {
                    spool::set_aside(&self.folder, seq, delivered)?;
                    self.faults
                        .push(format!("report {seq} was damaged and is set aside"));
                }
            }
        }
    }

    /// Numbers of the reports without a receipt, in order.
    ///
    /// # Errors
    /// When the spool cannot be read.
    pub fn pending(&self) -> Result<Vec<u64>, UsageError> {
        spool::pending(&self.folder)
    }

    /// One of them.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn pending_item(&self, seq: u64) -> Result<Option<Item>, UsageError> {
        spool::read(&self.folder, seq)
    }

    /// Everything that is kept, delivered or not, in order.
    ///
    /// # Errors
    /// When the spool cannot be read.
    pub fn items(&self) -> Result<Vec<Item>, UsageError> {
        spool::all(&self.folder)
    }

    /// Opens a report of this installation.
    ///
    /// # Errors
    /// `ChainError`.
    pub fn open_item(&self, item: &Item) -> Result<Sealed, chain::ChainError> {
        chain::open(&item.token, &self.identity.anchor)
    }

    /// Takes a receipt: the report it is for counts as delivered. Returns the report's number.
    ///
    /// # Errors
    /// When it is no receipt of the vendor's for a report that waits for one here.
    pub fn deliver(&mut self, token: &str) -> Result<u64, UsageError> {
        self.deliver_with(token, &anchors::receipt())
    }

    pub(super) fn deliver_with(
        &mut self,
        token: &str,
        anchors: &[Anchor],
    ) -> Result<u64, UsageError> {
        let receipt = receipt::open(token, anchors)?;
        for item in self.items()? {
            if self.is_for(&receipt, &item) {
                if !item.delivered {
                    spool::deliver(&self.folder, item.seq, token)?;
                    self.ledger.delivered(receipt.received_at);
                    self.save()?;
                }
                return Ok(item.seq);
            }
        }
        Err(ReceiptError::OtherReport(receipt.report_id.escape_debug().to_string()).into())
    }

    fn is_for(&self, receipt: &Receipt, item: &Item) -> bool {
        chain::sha256(&item.token) == receipt.sha256
            && self
                .open_item(item)
                .is_ok_and(|sealed| sealed.report.report_id == receipt.report_id)
    }

    /// What this `open` found wrong; each is told once.
    pub fn take_faults(&mut self) -> Vec<String> {
        std::mem::take(&mut self.faults)
    }

    /// Relayed since the installation began, exactly.
    #[must_use]
    pub fn relayed(&self) -> Bytes {
        self.ledger.relayed
    }

    /// The part of that which reports have said.
    #[must_use]
    pub fn reported(&self) -> Bytes {
        self.ledger.reported
    }

    /// The part that no report has said yet.
    #[must_use]
    pub fn remainder(&self) -> Bytes {
        self.ledger.remainder()
    }

    /// Where the next report's window begins.
    #[must_use]
    pub fn since(&self) -> UnixTime {
        self.ledger.since
    }

    /// The next report's number.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        self.ledger.next_seq
    }

    /// When the vendor last had a report, by the vendor's clock.
    #[must_use]
    pub fn last_receipt(&self) -> Option<UnixTime> {
        self.ledger.last_receipt
    }

    /// Whether the vendor has had nothing for so many days.
    #[must_use]
    pub fn is_overdue(&self, max_silence_days: u32, now: UnixTime) -> bool {
        self.ledger.is_overdue(max_silence_days, now)
    }

    /// Random, made at the first start.
    #[must_use]
    pub fn install_id(&self) -> &str {
        &self.identity.install_id
    }
}

#[cfg(test)]
mod tests;
