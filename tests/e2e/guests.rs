//! The guests of the host's own tests: maps written as WebAssembly text, any part of which a test
//! replaces. Here they answer for listener `MAIN`.

/// The component that ships inside the binary; its core module is what a test replaces.
const BUILT_IN: &[u8] = include_bytes!("../../guest-addrmap/prebuilt/addrmap.wasm");

#[path = "../../host/src/wasm/test_guests.rs"]
#[expect(dead_code, reason = "the host's tests use the rest")]
mod test_guests;

use throughway_tests::proxy::PORT_COUNT;
use wasmparser::{Parser, Payload};

pub(crate) use self::test_guests::{Parts, hooked};

/// A good map of `MAIN` on [`PORT_COUNT`] ports from `first`, under `host`.
pub(crate) fn good(first: u16, host: &str) -> Parts {
    Parts {
        listener: "MAIN".into(),
        first_port: first,
        count: PORT_COUNT,
        host: host.into(),
        ..Parts::default()
    }
}

/// A map that must never be in effect.
pub(crate) struct Bad {
    /// What is wrong with it.
    pub(crate) what: &'static str,
    pub(crate) component: Vec<u8>,
    /// Of the line that refuses it.
    pub(crate) words: &'static str,
}

/// Every attack of the containment table, answers that do not hold, and what the gate is for.
pub(crate) fn bad(first: u16) -> Vec<Bad> {
    let made = |attack: &Attack| {
        let mut parts = good(first, "127.0.0.1");
        if !attack.advertise.is_empty() {
            parts.advertise = attack.advertise.replace("$address", ADDRESS);
        }
        parts.extra = attack.extra.into();
        Bad {
            what: attack.what,
            component: parts.component(),
            words: attack.words,
        }
    };
    let mut all: Vec<Bad> = ATTACKS.iter().map(made).collect();
    let mut add = |what, component, words| {
        all.push(Bad {
            what,
            component,
            words,
        });
    };
    let mut parts = good(first, "127.0.0.1");
    parts.pages = 30_000;
    add(
        "begins too large",
        parts.component(),
        "exceeds memory limits",
    );
    let mut parts = good(first, "127.0.0.1");
    parts.realloc = "(i32.const -8)".into();
    add(
        "hands out memory where there is none",
        parts.component(),
        "beyond end of memory",
    );
    add(
        "brings two hundred memories",
        crowded(&good(first, "127.0.0.1").component()),
        "resource limit exceeded",
    );
    let hook = hooked("throughway:interceptor/hooks@0.1.0");
    let interceptors = "components that see or change requests are Interceptors";
    add("exports a hook", hook, interceptors);
    let filter = "(module (func (export \"proxy_on_request_headers\")))";
    let filter = wat::parse_str(filter).expect("WebAssembly text");
    add(
        "is a proxy-wasm filter",
        filter,
        "that is a proxy-wasm filter",
    );
    all.push(huge_text(first, 6));
    all
}

/// A map whose name is so many mebibytes long; beyond 16 only `runtime` limits let it begin.
pub(crate) fn huge_text(first: u16, mebibytes: u32) -> Bad {
    let mut parts = good(first, "127.0.0.1");
    parts.pages = mebibytes * 16 + 1;
    let length = mebibytes << 20;
    parts.describe = format!("(i32.store (i32.const 68) (i32.const {length})) i32.const 64");
    Bad {
        what: "returns a huge string",
        component: parts.component(),
        words: "too much data is being copied",
    }
}

/// The component, and in it two hundred instances of another module, each with a memory.
fn crowded(component: &[u8]) -> Vec<u8> {
    const CORE_MODULE: u8 = 1;
    const CORE_INSTANCES: u8 = 2;
    let is_module =
        |payload: &Result<Payload<'_>, _>| matches!(payload, Ok(Payload::ModuleSection { .. }));
    let modules = Parser::new(0).parse_all(component).filter(is_module);
    let added = u8::try_from(modules.count()).expect("a few modules");
    let module = wat::parse_str("(module (memory 1))").expect("WebAssembly text");
    let length = u8::try_from(module.len()).expect("a small module");
    assert!(length < 0x80 && added < 0x80, "one byte each");
    // 200 and 602 as the format writes numbers; each is: instantiate that module, with nothing.
    let instances = [0, added, 0].repeat(200);
    let head = [CORE_INSTANCES, 0xda, 0x04, 0xc8, 0x01];
    [
        component,
        &[CORE_MODULE, length],
        &module,
        &head,
        &instances,
    ]
    .concat()
}

/// A good answer, to be spoiled.
const ADDRESS: &str = "(drop (call $told (i32.add (global.get $first) (local.get $id))))";

/// What one attack has for its `advertise`, and beside its functions.
struct Attack {
    what: &'static str,
    advertise: &'static str,
    extra: &'static str,
    words: &'static str,
}

const ATTACKS: [Attack; 14] = [
    Attack {
        what: "traps",
        advertise: "unreachable",
        extra: "",
        words: "failed in advertise",
    },
    Attack {
        what: "loops",
        advertise: "(loop $l (br $l)) unreachable",
        extra: "",
        words: "did not answer advertise in time",
    },
    Attack {
        what: "loops at its start",
        advertise: "",
        extra: "(func $run (loop $l (br $l))) (start $run)",
        words: "did not answer its start in time",
    },
    Attack {
        what: "takes memory without end",
        advertise: "(loop $l (br_if $l (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable",
        extra: "",
        words: "failed in advertise",
    },
    Attack {
        what: "grows a table without end",
        advertise: "(loop $l (br_if $l (i32.ne (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1))))
            unreachable",
        extra: "(table $t 1 funcref)",
        words: "failed in advertise",
    },
    Attack {
        what: "recurses without end",
        advertise: "(call $deep (i32.const 0))",
        extra: "(func $deep (param i32) (result i32)
            (i32.add (i32.const 1) (call $deep (local.get 0))))",
        words: "call stack exhausted",
    },
    Attack {
        what: "recurses without end on a stack of its own, as Rust does",
        advertise: "(call $deep)",
        extra: "(global $sp (mut i32) (i32.const 65536))
            (func $deep (result i32)
                (global.set $sp (i32.sub (global.get $sp) (i32.const 4096)))
                (i32.store (global.get $sp) (i32.const 1))
                (i32.add (i32.const 1) (call $deep)))",
        words: "out of bounds",
    },
    Attack {
        what: "answers at an odd address",
        advertise: "(i32.const 513)",
        extra: "",
        words: "not aligned",
    },
    Attack {
        what: "returns what is no text",
        advertise: "(i32.store8 (i32.const 1024) (i32.const 255)) (call $told (global.get $first))",
        extra: "",
        words: "invalid utf-8",
    },
    Attack {
        what: "returns text outside its memory",
        advertise: "$address (i32.store (i32.const 516) (i32.const -2)) (i32.const 512)",
        extra: "",
        words: "out of bounds",
    },
    Attack {
        what: "answers with no case",
        advertise: "(call $refuse (i32.const 9))",
        extra: "",
        words: "discriminant",
    },
    Attack {
        what: "remembers",
        advertise: "(global.set $calls (i32.add (global.get $calls) (i32.const 1)))
            (call $told (i32.add (global.get $first) (i32.rem_u (global.get $calls) (i32.const 13))))",
        extra: "(global $calls (mut i32) (i32.const 0))",
        words: "it gives two answers",
    },
    Attack {
        what: "gives all one address",
        advertise: "(call $told (global.get $first))",
        extra: "",
        words: "share the address",
    },
    Attack {
        what: "leaks the upstream address",
        advertise: "$address (i32.store (i32.const 516) (local.get $host))
            (i32.store (i32.const 520) (local.get $host_length))
            (i32.store (i32.const 524) (local.get $upstream_port)) (i32.const 512)",
        extra: "",
        words: "upstream",
    },
];
