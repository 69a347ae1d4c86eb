//! Components for tests: a small map written as WebAssembly text, any part of which a test replaces.
//!
//! The text becomes the core module inside the built-in component, so its types and lifting are those
//! of a real guest; only what runs differs.

use super::BUILT_IN;

/// The bodies of a map's functions, as WebAssembly text. The default is a good map of listener
/// `SAMPLE`, which has ports 7000 to 7009 under `kafka.example.com`, one for each node id from 0.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    /// Its one listener: at most 8 bytes.
    pub(crate) listener: String,
    /// `$first`, and how many ports there are: `$count`.
    pub(crate) first_port: u16,
    pub(crate) count: u16,
    /// Beside the functions: further functions, `start`.
    pub(crate) extra: String,
    /// Pages of 64 KiB.
    pub(crate) pages: u32,
    /// `$size` in; answers with the address of so many free bytes.
    pub(crate) realloc: String,
    /// The bits of `plan.depends-on`.
    pub(crate) depends_on: u8,
    /// Answers with the address of a `scheme`.
    pub(crate) describe: String,
    /// `$id`, `$host`, `$host_length`, `$upstream_port`, `$sni` and `$sni_length` in; answers with
    /// `$told` of a port, or `$refuse`.
    pub(crate) advertise: String,
    /// `$name` (1 if there is one), `$name_length` and `$port` in; answers with `$broker`,
    /// `$hinted`, `$bootstrap` or `$refuse`.
    pub(crate) route: String,
    /// What every broker's host is: at most 32 bytes.
    pub(crate) host: String,
}

impl Default for Parts {
    fn default() -> Self {
        Self {
            listener: "SAMPLE".into(),
            first_port: 7000,
            count: 10,
            extra: String::new(),
            pages: 1,
            realloc:
                "(if (i32.gt_u (i32.add (global.get $next) (local.get $size)) (i32.const 60000))
                (then (global.set $next (i32.const 4096))))
                (local.set $at (global.get $next))
                (global.set $next (i32.and (i32.add (i32.add (global.get $next) (local.get $size))
                    (i32.const 7)) (i32.const -8)))
                (local.get $at)"
                    .into(),
            depends_on: 1,
            describe: "i32.const 64".into(),
            advertise: "(if (result i32) (i32.ge_u (local.get $id) (global.get $count))
                (then (call $refuse (i32.const 0)))
                (else (call $told (i32.add (global.get $first) (local.get $id)))))"
                .into(),
            route: "(if (result i32)
                (i32.ge_u (i32.sub (local.get $port) (global.get $first)) (global.get $count))
                (then (call $refuse (i32.const 1)))
                (else (call $broker (i32.sub (local.get $port) (global.get $first)))))"
                .into(),
            host: "kafka.example.com".into(),
        }
    }
}

/// What every guest has: the answers it may give.
const HELPERS: &str = r#"  (func $refuse (param $case i32) (result i32)
    (i32.store (i32.const 512) (i32.const 1))
    (i32.store (i32.const 516) (local.get $case))
    (i32.store (i32.const 520) (i32.const 1056))
    (i32.store (i32.const 524) (i32.const 4))
    (i32.const 512))
  (func $bootstrap (result i32)
    (i32.store (i32.const 512) (i32.const 0))
    (i32.store (i32.const 516) (i32.const 0))
    (i32.const 512))
  (func $broker (param $id i32) (result i32)
    (i32.store (i32.const 512) (i32.const 0))
    (i32.store (i32.const 516) (i32.const 1))
    (i32.store (i32.const 520) (local.get $id))
    (i32.store (i32.const 524) (i32.const 0))
    (i32.const 512))
  (func $hinted (param $id i32) (param $host i32) (param $length i32) (param $port i32) (result i32)
    (drop (call $broker (local.get $id)))
    (i32.store (i32.const 524) (i32.const 1))
    (i32.store (i32.const 528) (local.get $host))
    (i32.store (i32.const 532) (local.get $length))
    (i32.store (i32.const 536) (local.get $port))
    (i32.const 512))"#;

impl Parts {
    /// The component of these parts.
    pub(crate) fn component(&self) -> Vec<u8> {
        let module = wat::parse_str(self.text()).expect("the parts are WebAssembly text");
        with_module(&module)
    }

    /// Data: zeros from 0, scheme at 64, plan at 128, answers at 512, host at 1024, memory to hand
    /// out from 4096 and from its start again when it is used up.
    fn text(&self) -> String {
        let name = "throughway:addrmap/address-map@0.1.0";
        let Self {
            listener,
            first_port,
            count,
            extra,
            pages,
            realloc,
            depends_on,
            describe,
            advertise,
            route,
            host,
        } = self;
        assert!(
            host.len() <= 32 && listener.len() <= 8,
            "they have no more room"
        );
        let (host_length, listener_length) = (host.len(), listener.len());
        let [low, high] = first_port.to_le_bytes();
        let [last_low, last_high] = (first_port + count - 1).to_le_bytes();
        format!(
            r#"(module
  (memory (export "memory") {pages})
  (global $next (mut i32) (i32.const 4096))
  (global $first i32 (i32.const {first_port}))
  (global $count i32 (i32.const {count}))
  (data (i32.const 64) "\20\04\00\00\04\00\00\00")
  (data (i32.const 128) "\00\00\00\00\{depends_on:02x}\00\00\00\a0\00\00\00\01\00\00\00")
  (data (i32.const 160) "\00\03\00\00\{listener_length:02x}\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\08\03\00\00\01\00\00\00\0c\03\00\00\01\00\00\00")
  (data (i32.const 768) "{listener}")
  (data (i32.const 776) "\{low:02x}\{high:02x}\{last_low:02x}\{last_high:02x}\18\03\00\00\01\00\00\00\00\00\00\00*")
  (data (i32.const 1024) "{host}")
  (data (i32.const 1056) "test")
  (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
    (local $at i32) {realloc})
{HELPERS}
  (func $told (param $port i32) (result i32)
    (i32.store (i32.const 512) (i32.const 0))
    (i32.store (i32.const 516) (i32.const 1024))
    (i32.store (i32.const 520) (i32.const {host_length}))
    (i32.store (i32.const 524) (local.get $port))
    (i32.store (i32.const 528) (local.get $port))
    (i32.const 512))
  (func (export "{name}#describe") (result i32) {describe})
  (func (export "{name}#configure") (param i32 i32) (result i32) i32.const 128)
  (func (export "{name}#advertise")
    (param $id i32) (param $host i32) (param $host_length i32) (param $upstream_port i32)
    (param i32 i32 i32 i32 i32 i32) (param $sni i32) (param $sni_length i32) (param i32 i32 i32 i32)
    (result i32) {advertise})
  (func (export "{name}#route")
    (param i32 i32) (param $name i32) (param i32) (param $name_length i32) (param $port i32)
    (result i32) {route})
  (func $after (param i32))
  (export "cabi_post_{name}#describe" (func $after))
  (export "cabi_post_{name}#configure" (func $after))
  (export "cabi_post_{name}#advertise" (func $after))
  (export "cabi_post_{name}#route" (func $after))
  {extra})"#
        )
    }
}

/// The built-in component under another interface name of the same length.
pub(crate) fn renamed(from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = BUILT_IN.to_vec();
    for at in 0..bytes.len().saturating_sub(from.len()) {
        if bytes[at..].starts_with(from.as_bytes()) {
            bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        }
    }
    bytes
}

/// The built-in component, whose interface is also exported under another name: a hook's.
pub(crate) fn hooked(name: &str) -> Vec<u8> {
    // One export: name, sort instance, index 0, no type.
    let export = [&[1, 0], &*leb128(name.len()), name.as_bytes(), &[5, 0, 0]].concat();
    [BUILT_IN, &[11], &leb128(export.len()), &export].concat()
}

/// The built-in component with another core module, its first section.
fn with_module(module: &[u8]) -> Vec<u8> {
    let (header, sections) = BUILT_IN.split_at(8);
    let (length, start) = number(&sections[1..]);
    assert_eq!(sections[0], 1, "the core module comes first");
    let rest = &sections[1 + start + length..];
    [header, &[1], &leb128(module.len()), module, rest].concat()
}

fn number(bytes: &[u8]) -> (usize, usize) {
    let last = bytes.iter().position(|byte| byte & 0x80 == 0);
    let last = last.expect("the built-in component is whole");
    let value = bytes[..=last]
        .iter()
        .rev()
        .fold(0, |value, byte| value << 7 | usize::from(byte & 0x7f));
    (value, last + 1)
}

fn leb128(value: usize) -> Vec<u8> {
    let low = u8::try_from(value % 0x80).expect("seven bits");
    if value < 0x80 {
        return vec![low];
    }
    [vec![low | 0x80], leb128(value / 0x80)].concat()
}
