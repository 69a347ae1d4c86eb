//! What the tests of usage share: facts, and receipts by the development key.

use serde_json::json;

use super::{Facts, Setup, chain};
use crate::config::{self, Given};
use crate::licence::issue::SigningKey;
use crate::usage::receipt;

/// Of the smallest configuration.
pub(super) fn facts() -> Facts {
    let environment = [
        ("KAFKA_BOOTSTRAP_SERVERS", "broker1.internal.test:9092"),
        ("KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT"),
    ];
    let set = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let given = Given {
        environment: environment.into_iter().map(set).collect(),
        cores: 1,
        ..Given::default()
    };
    let setup = Setup {
        container: false,
        dev_build: true,
        license_agent: false,
    };
    Facts::new(&config::parse(&given).unwrap().config, setup)
}

/// For this report, by the key that development builds believe.
pub(super) fn receipt_for(report_id: &str, token: &str, received_at: i64) -> String {
    let pem = include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/keys/dev-receipt.pem"
    ));
    let receipt = json!({
        "report_id": report_id,
        "sha256": chain::sha256(token),
        "received_at": received_at,
    });
    let key = SigningKey::from_pem(pem, None).unwrap();
    key.sign(&receipt, receipt::TYPE).unwrap()
}
