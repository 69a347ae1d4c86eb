//! Decides what a request may do, by its head alone: before the path is looked up and before any byte
//! of a body is read. Nothing is allowed unless it is allowed here.
//!
//! In this order: what everyone may ask; TLS; a known user (401); features that throughway does not
//! have (403); the user's role (403). It must not know routes.

use std::net::SocketAddr;

use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::features::{Feature, is_question};
use super::problem::Problem;
use super::users::{Role, Users};

/// By which way a request came in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Way {
    /// TCP without TLS.
    Plain,
    /// TCP with TLS.
    Tls,
    /// The control socket: who can open it may do everything.
    Local,
}

/// Who may do what.
#[derive(Debug)]
pub(super) struct Access {
    pub(super) users: Users,
    pub(super) secured_metrics: bool,
}

/// Who is behind a request that was let in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Caller {
    /// A user's name; empty for what everyone may ask, `local` on the control socket.
    pub(super) name: String,
    /// From where; `None` on the control socket.
    pub(super) address: Option<SocketAddr>,
}

/// Why a request is not let in.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Not without TLS: 426.
    NeedsTls,
    /// 401.
    Unknown,
    /// 403: a feature that is not there.
    Excluded(Feature),
    /// 403: a reader who would change something.
    ReadOnly,
}

/// Judges a request's head. `local` callers have everything but the features.
pub(super) fn judge(
    access: Option<&Access>,
    way: Way,
    address: Option<SocketAddr>,
    head: &Parts,
) -> Result<Caller, Refusal> {
    let path = head.uri.path();
    let open_metrics = access.is_some_and(|access| !access.secured_metrics);
    let reads = matches!(head.method, Method::GET | Method::HEAD);
    if reads && is_open(path, open_metrics) {
        let name = String::new();
        return Ok(Caller { name, address });
    }
    if way == Way::Plain {
        return Err(Refusal::NeedsTls);
    }
    let (name, role) = match (way, access) {
        (Way::Local, _) => ("local", Role::Admin),
        (_, Some(access)) => access.users.find(&head.headers).ok_or(Refusal::Unknown)?,
        (_, None) => return Err(Refusal::Unknown),
    };
    if let Some(feature) = Feature::of(&head.method, path) {
        return Err(Refusal::Excluded(feature));
    }
    let changes = !head.method.is_safe() && !is_question(&head.method, path);
    if changes && role == Role::Reader {
        return Err(Refusal::ReadOnly);
    }
    let name = name.to_owned();
    Ok(Caller { name, address })
}

fn is_open(path: &str, metrics: bool) -> bool {
    matches!(path, "/health" | "/health/live" | "/health/ready") || (metrics && path == "/metrics")
}

impl Refusal {
    pub(super) fn status(&self) -> StatusCode {
        self.problem().status()
    }

    fn problem(&self) -> Problem {
        match self {
            Self::NeedsTls => Problem::new(
                StatusCode::UPGRADE_REQUIRED,
                "over plain HTTP there is no more than /health, /health/live and /health/ready",
                "use https:// on the same port",
            ),
            Self::Unknown => Problem::new(
                StatusCode::UNAUTHORIZED,
                "no user of the Admin API has this name and password",
                "send Basic credentials of a user of GATEWAY_ADMIN_API_USERS",
            )
            .titled("The given credentials are not valid"),
            Self::Excluded(feature) => feature.refusal(),
            Self::ReadOnly => Problem::new(
                StatusCode::FORBIDDEN,
                "this user may read only",
                "a user with `admin: true` may change things",
            ),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.problem().into_response();
        let headers = response.headers_mut();
        match self {
            Self::NeedsTls => {
                // RFC 9110 §15.5.22: with what would be accepted.
                headers.insert(
                    header::UPGRADE,
                    HeaderValue::from_static("TLS/1.2, HTTP/1.1"),
                );
                headers.insert(
                    header::CONNECTION,
                    HeaderValue::from_static("upgrade, close"),
                );
            }
            Self::Unknown => {
                let basic =
                    HeaderValue::from_static("Basic realm=\"throughway\", charset=\"UTF-8\"");
                headers.insert(header::WWW_AUTHENTICATE, basic);
            }
            Self::Excluded(_) | Self::ReadOnly => {}
        }
        response
    }
}
