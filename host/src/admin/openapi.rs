//! What there is to ask for: the table behind `/gateway/v2/docs`, and behind the tests that go through
//! every path.
//!
//! The replaced product's CLI reads its kinds from this document: a kind is a path with GET and PUT whose
//! tag is `cli_<kind>_gateway_v2_<order>`, and every parameter must say whether it is required.

mod paths;

use axum::Json;
use serde_json::{Map, Value, json};

use super::features::Feature;
use crate::build_info;

pub(super) use self::paths::OPERATIONS;

/// Who may ask.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Who {
    /// Everyone, also over plain HTTP.
    Everyone,
    /// Every user.
    Reader,
    /// Users with `admin: true`.
    Admin,
    /// Nobody: the feature is not there.
    Nobody(Feature),
}

/// One method of one path.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) method: &'static str,
    /// Variable parts in braces.
    pub(super) path: &'static str,
    pub(super) who: Who,
    pub(super) summary: &'static str,
    /// Query parameters and their types; none is required.
    pub(super) query: &'static [(&'static str, &'static str)],
    /// What groups it; see above.
    pub(super) tag: &'static str,
}

/// `/gateway/v2/docs`. The replaced product has YAML there, of which JSON is a part.
pub(super) async fn docs() -> Json<Value> {
    Json(document())
}

fn document() -> Value {
    let mut paths = Map::new();
    for operation in OPERATIONS {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        if let Value::Object(methods) = path {
            methods.insert(operation.method.to_ascii_lowercase(), described(operation));
        }
    }
    let problem = json!({
        "type": "object",
        "required": ["title", "msg", "cause"],
        "properties": {
            "title": { "type": "string" },
            "msg": { "type": "string", "description": "what is wrong" },
            "cause": { "type": "string", "description": "what to do about it" },
        },
    });
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "throughway Admin API",
            "version": build_info::VERSION,
        },
        "paths": paths,
        "components": {
            "schemas": { "Problem": problem },
            "securitySchemes": { "user": { "type": "http", "scheme": "basic" } },
        },
        "security": [{ "user": [] }],
    })
}

fn described(operation: &Operation) -> Value {
    let in_path = operation.path.split('/').filter_map(|segment| {
        let name = segment.strip_prefix('{')?.strip_suffix('}')?;
        Some(parameter(name, "path", true, "string"))
    });
    let query = operation.query.iter();
    let in_query = query.map(|(name, kind)| parameter(name, "query", false, kind));
    let parameters: Vec<Value> = in_path.chain(in_query).collect();
    let mut description = json!({
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": parameters,
        "responses": responses(operation.who),
    });
    if let Value::Object(fields) = &mut description {
        if matches!(operation.method, "PUT" | "POST") {
            let any =
                json!({ "content": { "application/json": { "schema": { "type": "object" } } } });
            fields.insert("requestBody".to_owned(), any);
        }
        if operation.who == Who::Everyone {
            fields.insert("security".to_owned(), json!([]));
        }
    }
    description
}

fn parameter(name: &str, place: &str, required: bool, kind: &str) -> Value {
    json!({ "name": name, "in": place, "required": required, "schema": { "type": kind } })
}

fn responses(who: Who) -> Value {
    let problem = |description: &str| {
        let schema = json!({ "$ref": "#/components/schemas/Problem" });
        json!({
            "description": description,
            "content": { "application/json": { "schema": schema } },
        })
    };
    let unknown = problem("no user has this name and password");
    match who {
        Who::Everyone => json!({ "200": { "description": "the answer" } }),
        Who::Reader => json!({ "200": { "description": "the answer" }, "401": unknown }),
        Who::Admin => json!({
            "200": { "description": "done" },
            "401": unknown,
            "403": problem("the user may read only"),
        }),
        Who::Nobody(feature) => {
            let refused = format!("the feature {} is not part of throughway", feature.name());
            json!({ "401": unknown, "403": problem(&refused) })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    const BEGIN: &str = "<!-- paths: begin -->\n";
    const END: &str = "<!-- paths: end -->\n";

    fn page() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/admin-api.md")
    }

    /// What there is, without the refusals and without the kinds that there is nothing of.
    fn table() -> String {
        let mut table = "| path | for | |\n|---|---|---|\n".to_owned();
        for operation in OPERATIONS.iter().filter(|o| o.tag == "throughway") {
            let Operation { method, path, .. } = operation;
            let query: Vec<_> = operation
                .query
                .iter()
                .map(|(name, _)| format!("{name}="))
                .collect();
            let query = match query.is_empty() {
                true => String::new(),
                false => format!("?{}", query.join("&")),
            };
            let who = match operation.who {
                Who::Everyone => "everyone",
                Who::Reader => "users",
                Who::Admin => "`admin: true`",
                Who::Nobody(_) => continue,
            };
            table += &format!(
                "| `{method} {path}{query}` | {who} | {} |\n",
                operation.summary
            );
        }
        table
    }

    fn with_table(text: &str) -> String {
        let (before, rest) = text.split_once(BEGIN).unwrap();
        let (_, after) = rest.split_once(END).unwrap();
        format!("{before}{BEGIN}{}{END}{after}", table())
    }

    #[test]
    fn the_page_has_the_paths_of_the_code() {
        let text = fs::read_to_string(page()).unwrap();
        assert!(text == with_table(&text), "run regenerate_admin_api_docs");
        for operation in OPERATIONS {
            if let Who::Nobody(feature) = operation.who {
                assert!(text.contains(feature.name()), "{}", feature.name());
            }
        }
    }

    #[test]
    #[ignore = "writes docs/admin-api.md"]
    fn regenerate_admin_api_docs() {
        let text = fs::read_to_string(page()).unwrap();
        fs::write(page(), with_table(&text)).unwrap();
    }

    #[test]
    fn every_operation_is_described_once_and_says_what_clients_insist_on() {
        let document = document();
        let mut seen = BTreeSet::new();
        for operation in OPERATIONS {
            assert!(
                seen.insert((operation.path, operation.method)),
                "{operation:?}"
            );
            let method = operation.method.to_ascii_lowercase();
            let described = &document["paths"][operation.path][&method];
            assert!(described["summary"].is_string(), "{operation:?}");
            for parameter in described["parameters"].as_array().unwrap() {
                assert!(parameter["required"].is_boolean(), "{operation:?}");
            }
            if method == "put" {
                let body = &described["requestBody"]["content"]["application/json"]["schema"];
                assert!(body.is_object(), "{operation:?}");
            }
        }
    }

    #[test]
    fn the_kinds_are_those_that_the_cli_knows() {
        let document = document();
        let kinds: BTreeSet<_> = document["paths"]
            .as_object()
            .unwrap()
            .values()
            .filter(|path| path["get"].is_object())
            .filter_map(|path| path["put"]["tags"][0].as_str())
            .filter(|tag| tag.starts_with("cli_"))
            .collect();
        let expected = [
            "cli_alias-topic_gateway_v2_8",
            "cli_concentration-rule_gateway_v2_9",
            "cli_gateway-group_gateway_v2_11",
            "cli_gateway-service-account_gateway_v2_10",
            "cli_interceptor_gateway_v2_12",
            "cli_virtual-cluster_gateway_v2_7",
        ];
        assert_eq!(kinds, BTreeSet::from(expected));
    }
}
