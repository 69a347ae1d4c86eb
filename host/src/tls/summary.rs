//! What a certificate says about itself, for people: logs, `doctor` and the expiry metric.
//!
//! Owns the crate `x509_parser`. Nothing here decides whom to trust.

use std::fmt;

use rustls_pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// One certificate in words.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CertificateSummary {
    /// Distinguished name, e.g. `CN=broker`. Empty when the certificate has none.
    pub subject: String,
    /// DNS names and IP addresses that it is valid for.
    pub names: Vec<String>,
    /// Last second of its validity, in seconds since 1970.
    pub not_after: i64,
    /// The same as text, e.g. `Dec  7 01:13:30 2099 +00:00`.
    pub not_after_text: String,
}

impl CertificateSummary {
    /// `None` when the certificate is damaged.
    pub(super) fn of(der: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let not_after = certificate.validity().not_after;
        let names = match certificate.subject_alternative_name() {
            Ok(Some(extension)) => extension
                .value
                .general_names
                .iter()
                .filter_map(name_of)
                .collect(),
            _ => Vec::new(),
        };
        Some(Self {
            subject: certificate.subject().to_string(),
            names,
            not_after: not_after.timestamp(),
            not_after_text: not_after.to_string(),
        })
    }
}

impl CertificateSummary {
    /// Whether it is good for this name; for a wildcard, whether it has that very one (RFC 6125 §6.4.3:
    /// one covers one label).
    #[must_use]
    pub fn covers(&self, name: &str) -> bool {
        let below = name.split_once('.').map(|(_, parent)| parent);
        self.names.iter().any(|own| {
            own.eq_ignore_ascii_case(name)
                || own.strip_prefix("*.").is_some_and(|parent| {
                    below.is_some_and(|below| below.eq_ignore_ascii_case(parent))
                })
        })
    }
}

impl fmt::Display for CertificateSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            subject,
            names,
            not_after_text,
            ..
        } = self;
        write!(
            f,
            "{subject} for [{}] until {not_after_text}",
            names.join(", ")
        )
    }
}

fn name_of(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(octets) => match *octets {
            [a, b, c, d] => Some(std::net::Ipv4Addr::new(*a, *b, *c, *d).to_string()),
            octets => {
                let octets: [u8; 16] = octets.try_into().ok()?;
                Some(std::net::Ipv6Addr::from(octets).to_string())
            }
        },
        _ => None,
    }
}
