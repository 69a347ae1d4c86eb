//! Makes a certificate where nobody gave one.
//!
//! Owns the crate `rcgen`. It must not know who shows it or where it is kept.

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair};

use super::TlsError;
use crate::config::Secret;

/// A certificate for these names and addresses, and its key, both as PEM.
///
/// It has no end that matters: callers trust it by its bytes or not at all, and one that ends of its
/// own only locks them out.
///
/// # Errors
/// `TlsError::Unusable`.
pub fn self_signed(names: &[String]) -> Result<(String, Secret), TlsError> {
    let unusable = |error: rcgen::Error| {
        TlsError::Unusable(format!("make a self-signed certificate: {error}"))
    };
    let mut params = CertificateParams::new(names).map_err(unusable)?;
    params
        .distinguished_name
        .push(DnType::CommonName, "throughway");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate().map_err(unusable)?;
    let certificate = params.self_signed(&key).map_err(unusable)?;
    Ok((certificate.pem(), Secret(key.serialize_pem())))
}
