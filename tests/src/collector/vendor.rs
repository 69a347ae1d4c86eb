//! What the vendor can do with a report: verify it by the key in it, follow the chain, sign a receipt.
//!
//! Written from the documentation, so that it disagrees when throughway does.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, ensure};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey};
use base64ct::{Base64UrlUnpadded, Encoding};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

use crate::keys_folder;

/// A verified report.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Its fields.
    pub fields: Value,
    /// Of its signed form.
    pub sha256: String,
}

/// Whoever signs receipts.
#[derive(Debug)]
pub struct Vendor {
    kid: String,
    key: Ed25519KeyPair,
}

impl Report {
    /// Verifies it by the key that it holds.
    ///
    /// # Errors
    ///
    /// When it is not what the documentation says.
    pub fn open(token: &str) -> Result<Self> {
        let parts: Vec<_> = token.split('.').collect();
        let [header, payload, signature] = parts[..] else {
            return Err(anyhow!("not three parts: {token}"));
        };
        let header: Value = serde_json::from_slice(&decode(header)?)?;
        let fields: Value = serde_json::from_slice(&decode(payload)?)?;
        let expected =
            json!({"alg": "EdDSA", "typ": "throughway-usage+jwt", "kid": fields["install_id"]});
        ensure!(header == expected, "header {header}");
        let key = decode(fields["install_key"].as_str().context("no key")?)?;
        let signed = token.rsplit_once('.').context("no signature")?.0;
        UnparsedPublicKey::new(&ED25519, key)
            .verify(signed.as_bytes(), &decode(signature)?)
            .map_err(|_says_nothing| anyhow!("the signature does not match"))?;
        Ok(Self {
            fields,
            sha256: sha256(token),
        })
    }

    /// A number by its path (`/bytes/in`).
    ///
    /// # Panics
    ///
    /// When there is none.
    #[must_use]
    pub fn number(&self, path: &str) -> u64 {
        let value = self.fields.pointer(path).and_then(Value::as_u64);
        value.unwrap_or_else(|| panic!("no number {path} in {}", self.fields))
    }
}

/// Checks that they follow each other from the first one on, their windows too.
///
/// # Errors
///
/// When one is missing or does not.
pub fn check_chain(reports: &[Report]) -> Result<()> {
    let mut before: Option<&Report> = None;
    for (seq, report) in reports.iter().enumerate() {
        ensure!(
            report.number("/seq") == u64::try_from(seq)?,
            "{}",
            report.fields
        );
        let prev = before.map(|before| before.sha256.as_str());
        ensure!(
            report.fields["prev_sha256"].as_str() == prev,
            "fork at {seq}"
        );
        let (start, end) = (report.number("/window/start"), report.number("/window/end"));
        ensure!(start <= end, "negative window: {}", report.fields);
        if let Some(before) = before {
            ensure!(before.number("/window/end") == start, "gap before {seq}");
            ensure!(
                before.fields["install_id"] == report.fields["install_id"],
                "another one"
            );
            ensure!(
                before.fields["report_id"] != report.fields["report_id"],
                "id twice"
            );
        }
        before = Some(report);
    }
    Ok(())
}

impl Vendor {
    /// The one whose receipts the build under test believes.
    ///
    /// # Errors
    ///
    /// When the key is not there.
    pub fn new() -> Result<Self> {
        let pem = std::fs::read_to_string(keys_folder().join("dev-receipt.pem"))?;
        let kid = pem.lines().find_map(|line| line.strip_prefix("kid: "));
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes())?;
        let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der());
        Ok(Self {
            kid: kid.context("no kid")?.to_owned(),
            key: key.map_err(|error| anyhow!("{error}"))?,
        })
    }

    /// One that goes by the same name and has another key.
    ///
    /// # Errors
    ///
    /// When there is no randomness.
    pub fn stranger() -> Result<Self> {
        let key = Ed25519KeyPair::generate().map_err(|error| anyhow!("{error}"))?;
        Ok(Self {
            key,
            ..Self::new()?
        })
    }

    /// That it has this report.
    ///
    /// # Errors
    ///
    /// When the report has no id.
    pub fn receipt(&self, report: &Report) -> Result<String> {
        let id = report.fields["report_id"].as_str().context("no id")?;
        self.receipt_for(id, &report.sha256)
    }

    /// That it has the report with this id and hash.
    ///
    /// # Errors
    ///
    /// When the clock is before 1970.
    pub fn receipt_for(&self, report_id: &str, sha256: &str) -> Result<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let header = json!({"alg": "EdDSA", "typ": "throughway-receipt+jwt", "kid": self.kid});
        let payload = json!({"report_id": report_id, "sha256": sha256, "received_at": now});
        let signed = format!("{}.{}", encode(&header), encode(&payload));
        let signature = Base64UrlUnpadded::encode_string(self.key.sign(signed.as_bytes()).as_ref());
        Ok(format!("{signed}.{signature}"))
    }
}

fn encode(value: &Value) -> String {
    Base64UrlUnpadded::encode_string(value.to_string().as_bytes())
}

fn decode(part: &str) -> Result<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(part).map_err(|error| anyhow!("{error}: {part}"))
}

fn sha256(text: &str) -> String {
    let digest = digest(&SHA256, text.as_bytes());
    let hex = |byte: &u8| format!("{byte:02x}");
    digest.as_ref().iter().map(hex).collect()
}
