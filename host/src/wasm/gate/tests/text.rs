//! A good component as text, every part of which a test replaces: types, functions, what is exported.

/// A type of the interface, in order: a later one names an earlier one as `$name`.
const TYPES: [(&str, &str); 14] = [
    ("node-id", "s32"),
    (
        "endpoint",
        r#"(record (field "host" string) (field "port" u16))"#,
    ),
    (
        "broker",
        r#"(record (field "node-id" $node-id) (field "upstream" $endpoint)
            (field "rack" (option string)))"#,
    ),
    (
        "client",
        r#"(record (field "listener" string) (field "server-name" (option string))
            (field "local-port" u16) (field "zone" (option string)))"#,
    ),
    (
        "client-fields",
        r#"(flags "listener" "server-name" "local-port" "zone")"#,
    ),
    (
        "advertised",
        r#"(record (field "public" $endpoint) (field "local-port" u16))"#,
    ),
    (
        "inbound",
        r#"(record (field "listener" string) (field "server-name" (option string))
            (field "local-port" u16))"#,
    ),
    (
        "broker-target",
        r#"(record (field "node-id" $node-id) (field "upstream-hint" (option $endpoint)))"#,
    ),
    (
        "target",
        r#"(variant (case "bootstrap") (case "broker" $broker-target))"#,
    ),
    (
        "port-range",
        r#"(record (field "first" u16) (field "last" u16))"#,
    ),
    (
        "scheme",
        r#"(record (field "name" string) (field "version" string) (field "summary" string)
            (field "config-help" string))"#,
    ),
    (
        "listener-plan",
        r#"(record (field "name" string) (field "needs-server-name" bool)
            (field "bootstrap" (list $advertised)) (field "local-ports" (list $port-range))
            (field "server-names" (list string)))"#,
    ),
    (
        "plan",
        r#"(record (field "depends-on" $client-fields) (field "listeners" (list $listener-plan)))"#,
    ),
    (
        "config-error",
        r#"(record (field "at" (option string)) (field "message" string))"#,
    ),
];
const ERROR: (&str, &str) = (
    "error",
    r#"(variant (case "not-mapped" string) (case "not-routable" string) (case "internal" string))"#,
);

/// One function: its name, its type, and the parameters of the core function behind it.
#[derive(Clone, Debug)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) signature: String,
    pub(super) core: usize,
}

/// The parts. The default is a good component; its functions trap.
#[derive(Clone, Debug)]
pub(super) struct Text {
    pub(super) types: Vec<(String, String)>,
    pub(super) functions: Vec<Function>,
    /// Exports of the interface beside types and functions.
    pub(super) inside: String,
    /// In the core module.
    pub(super) core: String,
    pub(super) memory: String,
    /// In the outermost component, before and after its one export.
    pub(super) before: String,
    pub(super) after: String,
    /// The one export. `$i` is the interface.
    pub(super) export: String,
}

impl Default for Text {
    fn default() -> Self {
        let own = |(name, text): (&str, &str)| (name.to_owned(), text.to_owned());
        Self {
            types: TYPES.into_iter().chain([ERROR]).map(own).collect(),
            functions: vec![
                function("describe", "(func (result $scheme))", 0),
                function(
                    "configure",
                    r#"(func (param "config" string) (result (result $plan (error $config-error))))"#,
                    2,
                ),
                function(
                    "advertise",
                    r#"(func (param "broker" $broker) (param "client" $client)
                        (result (result $advertised (error $error))))"#,
                    16,
                ),
                function(
                    "route",
                    r#"(func (param "inbound" $inbound) (result (result $target (error $error))))"#,
                    6,
                ),
            ],
            inside: String::new(),
            core: String::new(),
            memory: r#"(memory (export "memory") 1)"#.into(),
            before: String::new(),
            after: String::new(),
            export: r#"(export "throughway:addrmap/address-map@0.1.0" (instance $i))"#.into(),
        }
    }
}

pub(super) fn function(name: &str, signature: &str, core: usize) -> Function {
    Function {
        name: name.into(),
        signature: signature.into(),
        core,
    }
}

impl Text {
    /// With one type changed.
    pub(super) fn retyped(name: &str, from: &str, to: &str) -> Self {
        let mut text = Self::default();
        let found = text.types.iter_mut().find(|(known, _)| known == name);
        let found = found.expect("a type of the interface");
        assert!(found.1.contains(from), "{name} has no {from}");
        found.1 = found.1.replace(from, to);
        text
    }

    pub(super) fn with(change: impl FnOnce(&mut Self)) -> Self {
        let mut text = Self::default();
        change(&mut text);
        text
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let text = self.text();
        wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    fn text(&self) -> String {
        let Self {
            core,
            memory,
            before,
            after,
            export,
            ..
        } = self;
        let core_functions = self.each(|one| {
            format!(
                "(func (export \"{}\") (param{}) {} unreachable)\n",
                one.name,
                " i32".repeat(one.core),
                if one.signature.contains("(result") {
                    "(result i32)"
                } else {
                    ""
                },
            )
        });
        let types: String = self
            .types
            .iter()
            .map(|(name, text)| format!("(type ${name} {text})\n"))
            .collect();
        let lifted = self.each(|one| {
            let Function {
                name, signature, ..
            } = one;
            format!(
                "(alias core export $main \"{name}\" (core func $core-{name}))
                (type $t-{name} {signature})
                (func $f-{name} (type $t-{name}) (canon lift (core func $core-{name})
                    (memory $memory) (realloc $realloc)))\n"
            )
        });
        let with: String = self
            .types
            .iter()
            .map(|(name, _)| format!("(with \"import-type-{name}\" (type ${name}))\n"))
            .collect();
        let with_functions =
            self.each(|one| format!("(with \"import-func-{0}\" (func $f-{0}))\n", one.name));
        format!(
            "(component {before}
              (core module $m {memory}
                (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) unreachable)
                {core_functions} {core})
              (core instance $main (instantiate $m))
              (alias core export $main \"memory\" (core memory $memory))
              (alias core export $main \"cabi_realloc\" (core func $realloc))
              {types} {lifted}
              {shim}
              (instance $i (instantiate $shim {with} {with_functions}))
              {export} {after})",
            shim = self.shim(),
        )
    }

    /// The component that gives types their names: what is exported may only use named ones.
    fn shim(&self) -> String {
        let imported: String = self
            .types
            .iter()
            .map(|(name, text)| {
                format!(
                    "(type $raw-{name} {text})
                    (import \"import-type-{name}\" (type ${name} (eq $raw-{name})))\n"
                )
            })
            .collect();
        let functions = self.each(|one| {
            let Function {
                name, signature, ..
            } = one;
            format!(
                "(import \"import-func-{name}\" (func $f-{name} {}))\n",
                plain(signature)
            )
        });
        let exported: String = self
            .types
            .iter()
            .map(|(name, text)| {
                let text = text.replace('$', "$e-");
                format!(
                    "(type $own-{name} {text}) (export $e-{name} \"{name}\" (type $own-{name}))\n"
                )
            })
            .collect();
        let exports = self.each(|one| {
            let Function {
                name, signature, ..
            } = one;
            let signature = plain(signature).replace('$', "$e-");
            format!("(export \"{name}\" (func $f-{name}) (func {signature}))\n")
        });
        format!(
            "(component $shim {imported} {functions} {exported} {exports} {})",
            self.inside
        )
    }

    fn each(&self, one: impl Fn(&Function) -> String) -> String {
        self.functions.iter().map(one).collect()
    }
}

/// A function type's parameters and result alone.
fn plain(signature: &str) -> &str {
    let inner = signature
        .strip_prefix("(func")
        .and_then(|rest| rest.strip_suffix(')'));
    inner.expect("a function type")
}
