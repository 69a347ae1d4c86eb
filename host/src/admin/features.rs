//! What throughway does not do, and the paths by which it would be asked for.
//!
//! Pure. A path is folded before it is judged, so that no way of writing it passes by; the routes
//! themselves are exact, so a folded path never leads anywhere else.

use axum::http::{Method, StatusCode};

use super::problem::Problem;

/// A feature of the replaced product that this one does not have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Feature {
    Interceptors,
    TopicViews,
    AliasTopics,
    VirtualClusters,
    ServiceAccounts,
    Groups,
    TopicConcentration,
    Failover,
    /// The Admin API before `/gateway/v2`.
    Version1,
}

/// A kind of `/gateway/v2`: its collection's segment and what it belongs to.
pub(super) const KINDS: &[(&str, Feature)] = &[
    ("virtual-cluster", Feature::VirtualClusters),
    ("alias-topic", Feature::AliasTopics),
    ("concentrated-topic", Feature::TopicConcentration),
    ("concentration-rule", Feature::TopicConcentration),
    ("interceptor", Feature::Interceptors),
    ("plugin", Feature::Interceptors),
    ("service-account", Feature::ServiceAccounts),
    ("group", Feature::Groups),
    ("topic-view", Feature::TopicViews),
];

/// A question in the clothes of a change.
pub(super) const RESOLVE: &str = "/gateway/v2/interceptor/resolve";

impl Feature {
    /// The feature that a request would use, if throughway does not have it.
    pub(super) fn of(method: &Method, path: &str) -> Option<Self> {
        let folded = fold(path);
        let folded: Vec<&str> = folded.iter().map(String::as_str).collect();
        match folded.as_slice() {
            ["admin", "pclusters", ..] => Some(Self::Failover),
            ["admin", "vclusters", ..] => Some(Self::VirtualClusters),
            ["admin", "interceptors", ..] => Some(Self::Interceptors),
            ["admin", "usermappings", ..] => Some(Self::ServiceAccounts),
            ["admin", ..] => Some(Self::Version1),
            _ if method.is_safe() || is_question(method, path) => None,
            ["gateway", "v2", "token", ..] => Some(Self::ServiceAccounts),
            ["gateway", "v2", kind, ..] => {
                let known = KINDS.iter().find(|(segment, _)| segment == kind);
                known.map(|(_, feature)| *feature)
            }
            _ => None,
        }
    }

    /// As people know it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Interceptors => "Interceptors",
            Self::TopicViews => "Topic views",
            Self::AliasTopics => "Alias topics",
            Self::VirtualClusters => "Virtual Clusters",
            Self::ServiceAccounts => "Gateway service accounts",
            Self::Groups => "Gateway groups",
            Self::TopicConcentration => "Topic concentration",
            Self::Failover => "Failover",
            Self::Version1 => "Admin API v1",
        }
    }

    /// 403. Each of the three names the feature: which one is shown depends on the tool.
    pub(super) fn refusal(self) -> Problem {
        let name = self.name();
        Problem::new(
            StatusCode::FORBIDDEN,
            format!("the feature {name} is not part of throughway"),
            format!("{name}: not part of throughway, nothing was changed"),
        )
        .titled(format!("{name} cannot be used"))
    }
}

/// A POST that changes nothing, so that who may read may ask.
pub(super) fn is_question(method: &Method, path: &str) -> bool {
    *method == Method::POST && path == RESOLVE
}

/// The segments of a path as the most forgiving server would read them.
fn fold(path: &str) -> Vec<String> {
    // Twice and once more: whoever encodes the percent sign, too.
    let decoded = (0..3).fold(path.as_bytes().to_vec(), |bytes, _| decode(&bytes));
    let text = String::from_utf8_lossy(&decoded).to_lowercase();
    let mut segments: Vec<String> = Vec::new();
    for segment in text.split(['/', '\\']) {
        let name = segment
            .split([';', '?', '#', '\0'])
            .next()
            .unwrap_or_default();
        match name.trim() {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            name => segments.push(name.to_owned()),
        }
    }
    segments
}

fn decode(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        let byte = match tail {
            [high, low, after @ ..] if *first == b'%' => {
                hex(*high).zip(hex(*low)).map(|(h, l)| (h * 16 + l, after))
            }
            _ => None,
        };
        let (byte, after) = byte.unwrap_or((*first, tail));
        out.push(byte);
        rest = after;
    }
    out
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| value.try_into().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(method: &str, path: &str) -> Option<Feature> {
        Feature::of(&method.parse().unwrap(), path)
    }

    #[test]
    fn every_change_of_an_excluded_kind_is_known_however_it_is_written() {
        for (segment, feature) in KINDS {
            for path in [
                format!("/gateway/v2/{segment}"),
                format!("/gateway/v2/{segment}/a/b"),
                format!("/gateway/v2/{segment}/"),
                format!("//gateway//v2/{segment}"),
                format!("/./gateway/x/../v2/{segment}"),
                format!("/gateway/v2;x=1/{segment};y"),
                format!("/gateway%2fv2%2F{segment}"),
                format!("/gateway/%76%32/{segment}%00"),
                format!("/gateway/%252e/v2/{segment}"),
                format!("/gateway/%25252e/v2/{segment}"),
                format!("\\gateway\\v2\\{segment}"),
                format!("/GATEWAY/V2/{}", segment.to_uppercase()),
            ] {
                for method in ["PUT", "POST", "PATCH", "DELETE", "CONNECT", "BREW"] {
                    assert_eq!(of(method, &path), Some(*feature), "{method} {path}");
                }
                for method in ["GET", "HEAD", "OPTIONS"] {
                    assert_eq!(of(method, &path), None, "{method} {path}");
                }
            }
        }
    }

    #[test]
    fn what_is_left_of_the_first_version_is_known_for_every_method() {
        let switch = "/admin/pclusters/v1/pcluster/main/switch";
        for method in ["GET", "POST"] {
            assert_eq!(of(method, switch), Some(Feature::Failover));
            assert_eq!(
                of(method, "/admin/vclusters/v1/vcluster/a"),
                Some(Feature::VirtualClusters)
            );
            assert_eq!(
                of(method, "/admin/interceptors/v1/all"),
                Some(Feature::Interceptors)
            );
            assert_eq!(
                of(method, "/admin/userMappings/v1/vcluster/a"),
                Some(Feature::ServiceAccounts)
            );
            assert_eq!(of(method, "/admin"), Some(Feature::Version1));
        }
    }

    #[test]
    fn the_one_question_is_no_change_and_nothing_else_is_like_it() {
        assert_eq!(of("POST", RESOLVE), None);
        for (method, path) in [
            ("PUT", RESOLVE.to_owned()),
            ("POST", format!("{RESOLVE}/")),
            ("POST", RESOLVE.replace("resolve", "Resolve")),
            ("POST", RESOLVE.replace("/v2/", "//v2/")),
        ] {
            assert_eq!(of(method, &path), Some(Feature::Interceptors), "{path}");
        }
        assert_eq!(
            of("POST", "/gateway/v2/token"),
            Some(Feature::ServiceAccounts)
        );
        assert_eq!(of("PUT", "/gateway/v2/groups"), None);
        assert_eq!(of("PUT", "/throughway/v1/gateway/v2/group"), None);
        assert_eq!(of("PUT", "%"), None);
    }
}
