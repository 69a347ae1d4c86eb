//! Tests of what is kept: crashes between any two writes, full disks, lost and damaged files.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use super::*;
use crate::usage::report;
use crate::usage::testing::{facts, receipt_for};

const NOW: UnixTime = UnixTime(1_798_761_600);

struct Place {
    directory: tempfile::TempDir,
    store: Store,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::new(directory.path());
        Self { directory, store }
    }

    fn open(&self) -> Books {
        self.store.open(NOW).unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join("usage").join(name)
    }

    fn relay(&self, incoming: u64, outgoing: u64) {
        let mut books = self.open();
        books.add(Bytes { incoming, outgoing }, &Counted::default(), &facts());
        books.save().unwrap();
    }

    fn seal(&self) -> Sealed {
        let mut books = self.open();
        let Outcome::Sealed(seq) = books.seal(NOW).unwrap() else {
            panic!("not sealed");
        };
        let item = books.pending_item(seq).unwrap().unwrap();
        books.open_item(&item).unwrap()
    }

    fn receipt(&self, seq: u64) -> String {
        let books = self.open();
        let item = books.pending_item(seq).unwrap().unwrap();
        let report = books.open_item(&item).unwrap().report;
        receipt_for(&report.report_id, &item.token, NOW.0 + 5)
    }

    fn sums(&self) -> (Bytes, Bytes) {
        let books = self.open();
        (books.relayed(), books.reported())
    }

    fn is_whole(&self) -> bool {
        report::verify(&self.open()).unwrap().whole
    }
}

fn bytes(incoming: u64, outgoing: u64) -> Bytes {
    Bytes { incoming, outgoing }
}

#[test]
fn reports_are_a_chain_and_their_sum_and_the_remainder_the_ledger() {
    let place = Place::new();
    place.relay(12_345, 99);
    let first = place.seal();
    assert_eq!(first.report.bytes, bytes(12_000, 99));
    assert_eq!((first.report.seq, first.report.prev_sha256), (0, None));
    place.relay(655, 1);
    let second = place.seal();
    assert_eq!(second.report.bytes, bytes(1_000, 1));
    assert_eq!(second.report.prev_sha256, Some(first.sha256));
    assert_ne!(second.report.report_id, first.report.report_id);
    assert_eq!(place.sums(), (bytes(13_000, 100), bytes(13_000, 100)));
    assert!(place.is_whole());
    let id = &second.report.report_id;
    assert_eq!((id.len(), id.chars().nth(14)), (36, Some('7')), "{id}");
}

#[test]
fn only_the_owner_can_read_it() {
    let place = Place::new();
    place.relay(1, 1);
    place.seal();
    let mode = |name| fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(""), mode("sent")), (0o700, 0o700));
    for file in ["identity.json", "ledger.json", "00000000.jws", "lock"] {
        assert_eq!(mode(file), 0o600, "{file}");
    }
}

#[test]
fn a_crash_between_report_and_ledger_reports_nothing_twice() {
    let place = Place::new();
    place.relay(5_000, 0);
    let before = fs::read(place.path("ledger.json")).unwrap();
    place.seal();
    // As if the process had been killed before the second write.
    fs::write(place.path("ledger.json"), before).unwrap();
    assert_eq!(place.sums(), (bytes(5_000, 0), bytes(5_000, 0)));
    place.relay(50, 0);
    let second = place.seal();
    assert_eq!((second.report.seq, second.report.bytes), (1, bytes(50, 0)));
    assert!(place.is_whole());
}

#[test]
fn with_a_full_disk_nothing_changes_and_nothing_is_lost() {
    let place = Place::new();
    place.relay(100, 100);
    symlink("/dev/full", place.path("ledger.new")).unwrap();
    let mut books = place.open();
    books.add(bytes(5, 5), &Counted::default(), &facts());
    let error = books.save().unwrap_err();
    assert!(error.is_full_disk(), "{error}");
    drop(books);
    assert_eq!(place.sums().0, bytes(100, 100));
    // The report is written, its note in the ledger is not.
    let error = place.open().seal(NOW).unwrap_err();
    assert!(error.is_full_disk(), "{error}");
    assert_eq!(place.sums().1, bytes(100, 100));
    fs::remove_file(place.path("ledger.new")).unwrap();
    place.relay(5, 5);
    assert_eq!(place.seal().report.bytes, bytes(5, 5));
    assert!(place.is_whole());
}

#[test]
fn a_receipt_delivers_exactly_its_report() {
    let place = Place::new();
    for _ in 0..2 {
        place.relay(10, 10);
        place.seal();
    }
    let receipt = place.receipt(1);
    let mut books = place.open();
    assert_eq!(books.deliver(&receipt).unwrap(), 1);
    assert_eq!(books.pending().unwrap(), [0]);
    assert_eq!(books.last_receipt(), Some(NOW.plus(5)));
    // Once more is as good as once.
    assert_eq!(books.deliver(&receipt).unwrap(), 1);
    drop(books);
    assert!(place.path("sent/00000001.jws").exists());
    assert!(place.path("sent/00000001.receipt").exists());
    assert!(place.is_whole());
}

#[test]
fn what_is_no_receipt_for_it_delivers_nothing() {
    let place = Place::new();
    place.relay(10, 10);
    let report = place.seal().report;
    let token = place.open().pending_item(0).unwrap().unwrap().token;
    let of_others = receipt_for("another", &token, 0);
    let of_other_bytes = receipt_for(&report.report_id, "other", 0);
    let good = receipt_for(&report.report_id, &token, 0);
    let cut = good.strip_suffix(|_: char| true).unwrap();
    let mut books = place.open();
    for wrong in ["", "ok", cut, &of_others, &of_other_bytes, &token] {
        assert!(books.deliver(wrong).is_err(), "{wrong}");
        // Nor does a key that this build does not know.
        assert!(books.deliver_with(&good, &[]).is_err());
    }
    assert_eq!(books.pending().unwrap(), [0]);
    assert_eq!(books.last_receipt(), None);
}

#[test]
fn a_full_spool_seals_nothing_more_and_the_open_interval_grows() {
    let place = Place::new();
    place.relay(10, 10);
    place.seal();
    for seq in 1..400 {
        fs::write(place.path(&format!("{:08}.jws", seq + 1000)), "x").unwrap();
    }
    place.relay(7, 7);
    assert_eq!(place.open().seal(NOW).unwrap(), Outcome::Full);
    assert_eq!(place.open().remainder(), bytes(7, 7));
    fs::remove_file(place.path("00001001.jws")).unwrap();
    assert_eq!(place.seal().report.bytes, bytes(7, 7));
}

#[test]
fn keeps_the_last_thirty_delivered() {
    let place = Place::new();
    for seq in 0..33 {
        place.relay(1, 1);
        place.seal();
        let receipt = place.receipt(seq);
        place.open().deliver(&receipt).unwrap();
    }
    let items = place.open().items().unwrap();
    assert_eq!((items.len(), items[0].seq), (30, 3));
    assert!(place.is_whole());
    assert_eq!(fs::read_dir(place.path("sent")).unwrap().count(), 60);
}

#[test]
fn a_lost_ledger_goes_on_with_the_chain() {
    for content in [None, Some("{"), Some(r#"{"schema":2}"#)] {
        let place = Place::new();
        place.relay(1_234, 0);
        let first = place.seal();
        match content {
            None => fs::remove_file(place.path("ledger.json")).unwrap(),
            Some(text) => fs::write(place.path("ledger.json"), text).unwrap(),
        }
        let faults = place.open().take_faults();
        assert!(!faults.is_empty(), "{content:?}");
        place.relay(77, 0);
        let second = place.seal();
        assert_eq!((second.report.seq, second.report.bytes), (1, bytes(77, 0)));
        assert_eq!(second.report.prev_sha256, Some(first.sha256));
        assert!(place.is_whole());
    }
}

#[test]
fn a_changed_ledger_is_seen_and_set_aside() {
    let place = Place::new();
    place.relay(1_234, 0);
    let text = fs::read_to_string(place.path("ledger.json")).unwrap();
    fs::write(place.path("ledger.json"), text.replace("1234", "0")).unwrap();
    assert_eq!(place.open().take_faults().len(), 1);
    assert!(place.path("ledger.json.corrupt").exists());
}

#[test]
fn without_its_key_a_new_chain_begins_and_the_old_one_is_kept() {
    let place = Place::new();
    place.relay(10, 10);
    let old = place.seal().report.install_id;
    fs::remove_file(place.path("identity.json")).unwrap();
    let mut books = place.open();
    assert_eq!(books.take_faults().len(), 1);
    assert_ne!(books.install_id(), old);
    assert_eq!(books.next_seq(), 0);
    let kept = place.directory.path().join("usage.orphaned/00000000.jws");
    assert!(kept.exists());
}

#[test]
fn a_changed_report_breaks_the_chain_visibly() {
    let place = Place::new();
    for _ in 0..3 {
        place.relay(10, 10);
        place.seal();
    }
    assert!(place.is_whole());
    let text = fs::read_to_string(place.path("00000001.jws")).unwrap();
    fs::remove_file(place.path("00000001.jws")).unwrap();
    let verdict = report::verify(&place.open()).unwrap();
    assert!(
        !verdict.whole && verdict.text.contains("report 1 is missing"),
        "{}",
        verdict.text
    );
    fs::write(place.path("00000001.jws"), text.replacen('a', "b", 1)).unwrap();
    assert!(!place.is_whole());
}

#[test]
fn a_bundle_goes_out_and_its_receipts_come_in() {
    let place = Place::new();
    place.relay(10, 10);
    place.seal();
    place.relay(20, 20);
    let mut books = place.open();
    let (bundle, outcome) = report::export(&mut books, NOW).unwrap();
    assert_eq!(outcome, Outcome::Sealed(1));
    assert_eq!(bundle.lines().count(), 2);
    let receipt = |token: &str| {
        let report = chain::open(token, &books.identity.anchor).unwrap().report;
        receipt_for(&report.report_id, token, NOW.0)
    };
    let receipts: Vec<_> = bundle.lines().map(receipt).collect();
    let text = format!("{}\n\n nonsense \n{}\n", receipts[0], receipts[1]);
    let (taken, wrong) = report::import(&mut books, &text);
    assert_eq!((taken, wrong.len()), (2, 1));
    assert!(wrong[0].starts_with("line 3: "), "{wrong:?}");
    assert_eq!(books.pending().unwrap(), [0_u64; 0]);
}

#[test]
fn the_command_line_makes_nothing_where_nothing_is() {
    let place = Place::new();
    let error = place.store.open_existing(NOW).unwrap_err();
    assert!(matches!(error, UsageError::Nothing(_)), "{error}");
    assert!(!place.path("").exists());
}
