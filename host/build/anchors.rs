//! Turns the vendor's files (`host/anchors/`) into constants, and refuses what does not belong there.
//!
//! Runs at build time only: a built binary takes no key from anywhere.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use base64ct::{Base64, Encoding as _};

/// DER of an Ed25519 SubjectPublicKeyInfo up to the key itself (RFC 8410 section 4), in base64. Its
/// 12 bytes are 16 characters without a remainder, so it can be compared as text.
const ED25519_PREFIX: &str = "MCowBQYDK2VwAyEA";

/// In the kid of every development key; such a key is no vendor's.
const DEV_MARKER: &str = "DEV-KEY";

/// What the folder holds.
#[derive(Default)]
struct Files {
    license: BTreeMap<String, [u8; 32]>,
    receipt: BTreeMap<String, [u8; 32]>,
    revoked: Vec<String>,
    usage_endpoint: Option<String>,
}

/// Writes `anchors.rs` into Cargo's output folder.
pub(crate) fn embed() -> Result<(), String> {
    println!("cargo:rerun-if-env-changed=THROUGHWAY_ANCHORS_DIR");
    println!("cargo:rustc-check-cfg=cfg(throughway_no_anchor)");
    let folder = folder()?;
    println!("cargo:rerun-if-changed={}", folder.display());
    let files = read(&folder)?;
    if files.license.is_empty() {
        println!("cargo:rustc-cfg=throughway_no_anchor");
    }
    let to = variable("OUT_DIR")?.join("anchors.rs");
    fs::write(&to, files.to_rust()).map_err(|error| format!("write {}: {error}", to.display()))
}

fn variable(name: &str) -> Result<PathBuf, String> {
    let value = std::env::var_os(name).ok_or_else(|| format!("{name} is not set"))?;
    Ok(PathBuf::from(value))
}

fn folder() -> Result<PathBuf, String> {
    match variable("THROUGHWAY_ANCHORS_DIR") {
        Ok(named) if named.is_absolute() => Ok(named),
        // Relative to what? Cargo runs this in `host/`, which nobody expects.
        Ok(named) => Err(format!(
            "THROUGHWAY_ANCHORS_DIR={} is not an absolute path",
            named.display()
        )),
        Err(_) => Ok(variable("CARGO_MANIFEST_DIR")?.join("anchors")),
    }
}

fn read(folder: &Path) -> Result<Files, String> {
    let list = || fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>();
    let entries = list().map_err(|error| format!("read {}: {error}", folder.display()))?;
    let mut files = Files::default();
    for entry in entries {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        let fail = |why: String| format!("{}: {why}", path.display());
        if name.starts_with('.') || name == "README.md" {
            continue;
        }
        let text = fs::read_to_string(&path).map_err(|error| fail(error.to_string()))?;
        files.take(&name, &text).map_err(fail)?;
    }
    Ok(files)
}

impl Files {
    fn take(&mut self, name: &str, text: &str) -> Result<(), String> {
        let kid = |kind: &str| name.strip_prefix(kind)?.strip_suffix(".pem");
        if let Some(kid) = kid("license-") {
            self.license.insert(checked(kid)?, public_key(text)?);
        } else if let Some(kid) = kid("receipt-") {
            self.receipt.insert(checked(kid)?, public_key(text)?);
        } else if name == "revoked" {
            let ids = lines(text).map(|line| line.split('#').next().unwrap_or(line).trim());
            self.revoked.extend(ids.map(str::to_owned));
        } else if name == "usage-endpoint" {
            let mut urls = lines(text);
            let url = urls.next().filter(|url| url.starts_with("https://"));
            let (Some(url), None) = (url, urls.next()) else {
                return Err("must be one line, an https:// URL".to_owned());
            };
            self.usage_endpoint = Some(url.to_owned());
        } else {
            return Err(
                "does not belong here: license-<kid>.pem, receipt-<kid>.pem, \
                        usage-endpoint and revoked do"
                    .to_owned(),
            );
        }
        Ok(())
    }

    fn to_rust(&self) -> String {
        let mut text = String::new();
        for (name, keys) in [("LICENSE", &self.license), ("RECEIPT", &self.receipt)] {
            let keys: Vec<_> = keys.iter().collect();
            let _infallible = writeln!(text, "const {name}: &[(&str, [u8; 32])] = &{keys:?};");
        }
        let (revoked, endpoint) = (&self.revoked, &self.usage_endpoint);
        let _infallible = writeln!(text, "const REVOKED: &[&str] = &{revoked:?};");
        let _infallible = writeln!(text, "const USAGE_ENDPOINT: Option<&str> = {endpoint:?};");
        text
    }
}

/// Lines that say something.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn checked(kid: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if kid.is_empty() || kid.len() > 64 || !kid.chars().all(allowed) {
        return Err("the key's name must be 1 to 64 letters, digits, '.', '_' or '-'".to_owned());
    }
    if kid.contains(DEV_MARKER) {
        return Err("a development key is no anchor; make a pair of your own".to_owned());
    }
    Ok(kid.to_owned())
}

fn public_key(text: &str) -> Result<[u8; 32], String> {
    if text.contains("PRIVATE KEY") {
        return Err("is a private key: move it to a safe place, keep the public one".to_owned());
    }
    let body = text
        .split_once("-----BEGIN PUBLIC KEY-----")
        .and_then(|(_, rest)| rest.split_once("-----END PUBLIC KEY-----"))
        .map(|(body, _)| body.split_whitespace().collect::<String>());
    body.as_deref()
        .and_then(|body| body.strip_prefix(ED25519_PREFIX))
        .and_then(|key| Base64::decode_vec(key).ok())
        .and_then(|key| key.try_into().ok())
        .ok_or_else(|| "is not one Ed25519 public key in PEM".to_owned())
}
