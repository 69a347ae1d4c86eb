//! The Admin API: address, certificate, users, who may send a PROXY header, the control socket.
//!
//! Pure. It must not know HTTP.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use super::reader::Reader;
use super::{Cidr, ClientAuth, KeySource, Secret, TrustSource, server_tls, users, value};

/// Health, metrics, Admin API.
#[derive(Clone, Debug)]
pub struct AdminConfig {
    /// `GATEWAY_HTTP_BIND_ADDRESS` and `GATEWAY_HTTP_PORT`.
    pub bind: SocketAddr,
    /// Our certificate, and whether callers show theirs.
    pub https: HttpsConfig,
    /// Who may call. Empty = one is generated.
    pub users: Vec<AdminUser>,
    /// Ask for a user on `/metrics`.
    pub secured_metrics: bool,
    /// Sources whose connections may begin with a PROXY header; from others it is refused.
    pub proxy_protocol: Vec<Cidr>,
    /// Where the API is served without a password; `None` = nowhere.
    pub control_socket: Option<PathBuf>,
    /// The machine's name, for a certificate of our own making.
    pub host_name: String,
}

/// TLS of the Admin API.
#[derive(Clone, Debug)]
pub struct HttpsConfig {
    /// `None` = a self-signed certificate is made in the state directory.
    pub identity: Option<KeySource>,
    /// Whom to trust when callers show certificates.
    pub trust: Option<TrustSource>,
    /// Whether callers must show one.
    pub client_auth: ClientAuth,
}

/// A user of the Admin API.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AdminUser {
    /// Without a colon, which ends it in an Authorization header.
    pub name: String,
    /// Never empty.
    pub password: Secret,
    /// May change things, too.
    pub admin: bool,
}

/// The control socket's name in the run-time directory.
const CONTROL_SOCKET: &str = "control.sock";

/// The run-time directory of the unit in the package and the image.
const UNIT_DIRECTORY: &str = "/run/throughway";

/// What the replaced product's documentation sets in every example, and so the first thing tried.
const WELL_KNOWN: &str = "conduktor";

/// Bind address and port.
pub(super) fn bind(r: &mut Reader<'_>) -> SocketAddr {
    let ip = r.value("GATEWAY_HTTP_BIND_ADDRESS", value::ip);
    let port = r.value("GATEWAY_HTTP_PORT", value::port);
    SocketAddr::new(
        ip.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        port.unwrap_or_default(),
    )
}

/// Everything about the Admin API at this address.
pub(super) fn read(r: &mut Reader<'_>, bind: SocketAddr) -> AdminConfig {
    let proxy_protocol = r.value("GATEWAY_HTTP_PROXY_PROTOCOL", value::cidrs);
    AdminConfig {
        bind,
        https: server_tls::read_https(r),
        users: users(r),
        secured_metrics: r
            .value("GATEWAY_SECURED_METRICS", value::boolean)
            .unwrap_or(true),
        proxy_protocol: proxy_protocol.unwrap_or_default(),
        control_socket: control_socket(r),
        host_name: r.given.host_name.clone(),
    }
}

fn users(r: &mut Reader<'_>) -> Vec<AdminUser> {
    const NAME: &str = "GATEWAY_ADMIN_API_USERS";
    let users = r.value(NAME, users::parse).unwrap_or_default();
    for user in users.iter().filter(|user| user.password.0 == WELL_KNOWN) {
        let name = user.name.escape_debug();
        r.warn(format!(
            "{NAME}: the password of user `{name}` stands in public documentation; set another one"
        ));
    }
    users
}

fn control_socket(r: &mut Reader<'_>) -> Option<PathBuf> {
    in_runtime_directory(&r.string("RUNTIME_DIRECTORY")?)
}

/// systemd gives a colon list when a unit has several directories; the first one is ours.
fn in_runtime_directory(list: &str) -> Option<PathBuf> {
    let folder = list.split(':').next().filter(|folder| !folder.is_empty())?;
    Some(Path::new(folder).join(CONTROL_SOCKET))
}

/// Where to look for the control socket of a proxy that runs on this machine, given this process's
/// `RUNTIME_DIRECTORY`; without one, where the unit has it.
#[must_use]
pub fn control_socket_beside(runtime_directory: Option<&str>) -> PathBuf {
    let configured = runtime_directory.and_then(in_runtime_directory);
    configured.unwrap_or_else(|| Path::new(UNIT_DIRECTORY).join(CONTROL_SOCKET))
}
