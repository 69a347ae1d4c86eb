//! Names that give away what a component was meant to be: other systems' hooks, and tools' leftovers.
//!
//! Only words for messages; nothing is admitted or refused by them. Pure.

/// What the licence calls a component that is more than an address map.
const INTERCEPTOR: &str =
    "components that see or change requests are Interceptors, which this licence excludes";

/// Whose hook a name is.
struct Kind {
    of: &'static [&'static str],
    what: &'static str,
}

/// By how a name begins.
const BEGINNINGS: &[Kind] = &[
    Kind {
        of: &["proxy_on_", "proxy_abi_version", "proxy-wasm", "proxy_wasm"],
        what: "that is a proxy-wasm filter",
    },
    Kind {
        of: &["wasi:http"],
        what: "that is a wasi:http handler or client",
    },
    Kind {
        of: &["wasi:sockets"],
        what: "that is access to the network",
    },
    Kind {
        of: &[
            "check_abi_version",
            "read_batch_header",
            "read_next_record",
            "write_record",
            "transform",
            "redpanda",
        ],
        what: "that is a broker's data transform",
    },
];

/// Words by which a hook of anybody's own is known.
const WORDS: &[&str] = &[
    "append",
    "consume",
    "fetch",
    "filter",
    "hook",
    "intercept",
    "message",
    "payload",
    "produce",
    "record",
    "request",
    "response",
    "rewrite",
];

/// The rest of a refusal's sentence for this name; empty where the name gives nothing away.
pub(super) fn resemblance(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    for kind in BEGINNINGS {
        if kind.of.iter().any(|beginning| lower.starts_with(beginning)) {
            return format!(": {}, and {INTERCEPTOR}", kind.what);
        }
    }
    if lower.starts_with("wasi:") {
        return ": an address map has no system to call; build it without WASI \
                (componentize-js: disableFeatures, componentize-py: --stub-wasi)"
            .into();
    }
    if lower == "exports" {
        return ": componentize-py leaves it behind; `throughway map narrow` takes it off".into();
    }
    let is_hook = |part: &str| WORDS.iter().any(|word| part.starts_with(word)) || part == "on";
    if lower
        .split(|c: char| !c.is_ascii_alphanumeric())
        .any(is_hook)
    {
        return format!(": {INTERCEPTOR}");
    }
    String::new()
}

/// True for the names of other systems' hooks: worth a word even where nothing can reach them.
pub(super) fn is_foreign(name: &str) -> bool {
    !resemblance(name).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hooks_of_other_systems_are_called_by_their_names() {
        for (name, what) in [
            (
                "proxy_on_request_headers",
                "that is a proxy-wasm filter, and components that see",
            ),
            (
                "wasi:http/incoming-handler@0.2.0",
                "that is a wasi:http handler or client, and",
            ),
            (
                "wasi:sockets/tcp@0.2.0",
                "that is access to the network, and",
            ),
            ("read_next_record", "that is a broker's data transform, and"),
            (
                "on-produce",
                ": components that see or change requests are Interceptors",
            ),
            (
                "throughway:interceptor/hooks@0.1.0",
                ": components that see",
            ),
            ("wasi:clocks/monotonic-clock@0.2.0", "build it without WASI"),
            ("exports", "throughway map narrow"),
        ] {
            assert!(
                resemblance(name).contains(what),
                "{name}: {}",
                resemblance(name)
            );
        }
        for name in [
            "",
            "cabi_realloc",
            "memory",
            "address-map",
            "conone",
            "only",
        ] {
            assert_eq!(resemblance(name), "", "{name}");
        }
    }
}
