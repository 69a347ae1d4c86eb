//! Where usage is reported, and how one gets there.
//!
//! Pure. There is nothing here to switch reporting off with: what tries to is refused by `names`.

use std::fmt;
use std::path::PathBuf;

use super::Secret;
use super::reader::Reader;
use super::value::{self, Outcome};

/// Usage reports. Nothing here can switch them off.
#[derive(Clone, Debug)]
pub struct UsageConfig {
    /// `GATEWAY_USAGE_ENDPOINT`; `None` = the vendor's.
    pub endpoint: Option<HttpsUrl>,
    /// `GATEWAY_USAGE_CA_PATH`; `None` = the system's trust store.
    pub ca_path: Option<PathBuf>,
    /// `GATEWAY_USAGE_FORWARD_PROXY`.
    pub forward_proxy: Option<ForwardProxy>,
    /// `DEPLOYED_BY`; only its first word counts.
    pub deployed_by: Option<String>,
}

/// An `https://` URL.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HttpsUrl {
    /// Name or address, without brackets.
    pub host: String,
    /// 443 unless it says otherwise.
    pub port: u16,
    /// With the query, if any; begins with `/`.
    pub path: String,
}

/// An `http://` URL of a proxy that is asked to CONNECT.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ForwardProxy {
    /// Name or address, without brackets.
    pub host: String,
    /// 3128 unless it says otherwise.
    pub port: u16,
    /// `user:password`, for Basic authentication.
    pub credentials: Option<Secret>,
}

impl HttpsUrl {
    /// From text.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let rest = after_scheme(text, "https://")?;
        let at = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(at);
        if authority.contains('@') {
            return Err("has a user in it".to_owned());
        }
        let clean = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}#".contains(&byte);
        if !path.bytes().all(clean) {
            return Err("has characters that no path has".to_owned());
        }
        let (host, port) = value::host_and_port(authority)?;
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok(Self {
            host,
            port: port.unwrap_or(443),
            path: format!("{slash}{path}"),
        })
    }

    /// `host:port`, as in a Host header; an IPv6 address in brackets.
    #[must_use]
    pub fn authority(&self) -> String {
        authority(&self.host, self.port)
    }
}

impl fmt::Display for HttpsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}{}", self.authority(), self.path)
    }
}

impl ForwardProxy {
    fn parse(text: &str) -> Outcome<Self> {
        let rest = after_scheme(text, "http://")?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (credentials, authority) = match rest.rsplit_once('@') {
            Some((credentials, authority)) => (Some(credentials), authority),
            None => (None, rest),
        };
        let wrong = || "has no host, or more than a host and a port".to_owned();
        // The words of the other parser would quote what may be a password.
        let (host, port) = value::host_and_port(authority).map_err(|_quotes| wrong())?;
        Ok(Self {
            host,
            port: port.unwrap_or(3128),
            credentials: credentials.map(|text| Secret(decoded(text))),
        })
    }

    /// `host:port`; an IPv6 address in brackets.
    #[must_use]
    pub fn authority(&self) -> String {
        authority(&self.host, self.port)
    }
}

fn authority(host: &str, port: u16) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

fn after_scheme<'a>(text: &'a str, scheme: &str) -> Outcome<&'a str> {
    match text.get(..scheme.len()) {
        Some(start) if start.eq_ignore_ascii_case(scheme) => {
            Ok(text.get(scheme.len()..).unwrap_or_default())
        }
        _ => Err(format!("does not begin with {scheme}")),
    }
}

/// Percent-encoded bytes as themselves; what is no encoding stays.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let byte = match (first, after.get(..2).map(std::str::from_utf8)) {
            (b'%', Some(Ok(digits))) => u8::from_str_radix(digits, 16).ok(),
            _ => None,
        };
        bytes.push(byte.unwrap_or(first));
        rest = match byte {
            Some(_) => after.get(2..).unwrap_or_default(),
            None => after,
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

pub(super) fn read(r: &mut Reader<'_>) -> UsageConfig {
    UsageConfig {
        endpoint: r.value("GATEWAY_USAGE_ENDPOINT", HttpsUrl::parse),
        ca_path: r.string("GATEWAY_USAGE_CA_PATH").map(PathBuf::from),
        forward_proxy: r.value("GATEWAY_USAGE_FORWARD_PROXY", ForwardProxy::parse),
        deployed_by: r.string("DEPLOYED_BY"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_urls_of_endpoints() {
        for (text, shown) in [
            (
                "https://Usage.Example.com",
                "https://usage.example.com:443/",
            ),
            (
                "HTTPS://a.test:8443/v1/reports?x=1",
                "https://a.test:8443/v1/reports?x=1",
            ),
            ("https://[::1]:9/v1", "https://[::1]:9/v1"),
        ] {
            assert_eq!(HttpsUrl::parse(text).unwrap().to_string(), shown);
        }
        for wrong in [
            "http://a.test/",
            "off",
            "none",
            "https://",
            "https:///v1",
            "https://u:p@a.test/",
            "https://a.test/ x",
            "https://a.test/#x",
            "https://a.test:0/",
        ] {
            assert!(HttpsUrl::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn reads_forward_proxies_and_shows_no_password() {
        let proxy = ForwardProxy::parse("http://u%40x:p%3A%@proxy.test:8080/").unwrap();
        assert_eq!(proxy.authority(), "proxy.test:8080");
        assert_eq!(proxy.credentials.as_ref().unwrap().0, "u@x:p:%");
        assert!(!format!("{proxy:?}").contains("u@x"));
        let plain = ForwardProxy::parse("http://10.0.0.1").unwrap();
        assert_eq!(
            (plain.authority().as_str(), plain.credentials),
            ("10.0.0.1:3128", None)
        );
        for wrong in ["https://proxy.test", "proxy.test:3128", "http://u:hush@/x"] {
            let why = ForwardProxy::parse(wrong).unwrap_err();
            assert!(!why.contains("hush"), "{why}");
        }
    }
}
