//! The vendor's word that it has a report. Pure.

use serde::Deserialize;
use serde_json::Value;

use crate::licence::jws::{self, JwsError};
use crate::licence::{Anchor, UnixTime};

/// The `typ` of a receipt.
pub const TYPE: &str = "throughway-receipt+jwt";

/// Why something is no receipt for a report.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// Not signed by a receipt key of this build.
    #[error(transparent)]
    Jws(#[from] JwsError),
    /// A member is missing or of the wrong kind.
    #[error("the receipt is not complete")]
    Members(#[source] serde_json::Error),
    /// It is for something else.
    #[error("the receipt is for report {0}, which is not there with these very bytes")]
    OtherReport(String),
}

/// A receipt whose signature holds.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct Receipt {
    /// The report's `report_id`.
    pub report_id: String,
    /// Of the report's signed form, in hexadecimal.
    pub sha256: String,
    /// By the vendor's clock.
    pub received_at: UnixTime,
}

/// Verifies a receipt against the given keys. Members that this version does not know are ignored.
///
/// # Errors
/// `ReceiptError`; then nothing is delivered.
pub fn open(token: &str, anchors: &[Anchor]) -> Result<Receipt, ReceiptError> {
    let opened = jws::open(token, TYPE, anchors)?;
    serde_json::from_value(Value::Object(opened.payload)).map_err(ReceiptError::Members)
}
