//! What a guest that misbehaves comes to: each attack ends within its bound, and its instance is gone.
//! The same guests meet real clients in `tests/e2e/swap.rs`.

use std::time::Duration;

use tokio::time::Instant;

use super::super::bindings::{Broker, Client, Endpoint};
use super::super::test_guests::Parts;
use super::super::*;

fn live(parts: &Parts) -> Guest {
    started(parts).expect("it starts")
}

fn started(parts: &Parts) -> Result<Guest, AddrMapError> {
    GuestComponent::load(&parts.component(), LimitsProfile::Small)
        .expect("the parts make an admissible component")
        .instantiate()
}

fn advertise(guest: &mut Guest, node_id: i32) -> Result<Endpoint, AddrMapError> {
    let upstream = Endpoint {
        host: "b.internal".into(),
        port: 9092,
    };
    let broker = Broker {
        node_id,
        upstream,
        rack: None,
    };
    let client = Client {
        listener: "SAMPLE".into(),
        server_name: None,
        local_port: 0,
        zone: None,
    };
    let answer = guest.advertise(&broker, &client)?;
    Ok(answer.expect("it is mapped").public)
}

/// What comes of the body of `advertise`; the instance must be gone afterwards.
fn outcome(advertised: &str, extra: &str) -> String {
    let mut guest = live(&Parts {
        advertise: advertised.into(),
        extra: extra.into(),
        ..Parts::default()
    });
    let began = Instant::now();
    let error = advertise(&mut guest, 0).expect_err("the call fails");
    assert!(began.elapsed() < Duration::from_secs(2));
    let again = guest.describe().expect_err("the instance is gone");
    assert!(again.to_string().contains("the instance is gone"));
    error.to_string()
}

#[test]
fn a_well_formed_guest_answers() {
    let mut guest = live(&Parts::default());
    assert_eq!(guest.describe().unwrap().name, "test");
    assert_eq!(guest.configure("").unwrap().unwrap().listeners.len(), 1);
    let told = advertise(&mut guest, 3).unwrap();
    assert_eq!((told.host.as_str(), told.port), ("kafka.example.com", 7003));
}

#[test]
fn an_endless_loop_ends_with_its_time() {
    assert_eq!(
        outcome("(loop $l (br $l)) unreachable", ""),
        "address map did not answer advertise in time"
    );
}

#[test]
fn an_endless_loop_at_the_start_ends_with_its_time() {
    let began = Instant::now();
    let error = started(&Parts {
        extra: "(func $run (loop $l (br $l))) (start $run)".into(),
        ..Parts::default()
    });
    let error = error.map(drop).expect_err("its start fails").to_string();
    assert_eq!(error, "address map did not answer its start in time");
    assert!(began.elapsed() < Duration::from_secs(60));
}

#[test]
fn memory_ends_at_the_limit() {
    // Answers with node id's port once growing fails, so the size it reached is the port.
    let mut guest = live(&Parts {
        advertise: "(loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
            (call $told (memory.size))"
            .into(),
        ..Parts::default()
    });
    assert_eq!(advertise(&mut guest, 0).unwrap().port, 256);
}

#[test]
fn a_memory_that_begins_above_the_limit_does_not_start() {
    let error = started(&Parts {
        pages: 257,
        ..Parts::default()
    });
    let error = error.map(drop).expect_err("its start fails").to_string();
    assert!(
        error.contains("memory minimum size of 257 pages exceeds memory limits"),
        "{error}"
    );
}

#[test]
fn a_trap_fails_the_call() {
    let error = outcome("unreachable", "");
    assert!(
        error.starts_with("address map failed in advertise: \""),
        "{error}"
    );
    assert!(error.contains("unreachable"), "{error}");
}

#[test]
fn deep_recursion_fails_the_call() {
    let error = outcome(
        "(call $deep (i32.const 0))",
        "(func $deep (param i32) (result i32)
            (i32.add (i32.const 1) (call $deep (local.get 0))))",
    );
    assert!(error.contains("call stack exhausted"), "{error}");
}

/// As Rust and C recurse: on a stack of their own in linear memory, which ends below 0.
#[test]
fn deep_recursion_on_the_guests_own_stack_fails_the_call() {
    let error = outcome(
        "(call $deep)",
        "(global $sp (mut i32) (i32.const 65536))
         (func $deep (result i32)
            (global.set $sp (i32.sub (global.get $sp) (i32.const 4096)))
            (i32.store (global.get $sp) (i32.const 1))
            (i32.add (i32.const 1) (call $deep)))",
    );
    assert!(error.contains("out of bounds"), "{error}");
}

#[test]
fn a_table_ends_at_the_limit() {
    let mut guest = live(&Parts {
        extra: "(table $t 1 funcref)".into(),
        advertise: "(loop $l (br_if $l (i32.ne
            (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1))))
            (call $told (table.size $t))"
            .into(),
        ..Parts::default()
    });
    assert_eq!(advertise(&mut guest, 0).unwrap().port, 19_001);
}

/// Of 6 MiB, and of 100 MiB where that much memory is allowed.
#[test]
fn a_huge_string_is_not_copied() {
    for (profile, mebibytes) in [(LimitsProfile::Small, 6), (LimitsProfile::Runtime, 100)] {
        let parts = Parts {
            pages: mebibytes * 16 + 1,
            describe: format!(
                "(i32.store (i32.const 68) (i32.const {})) i32.const 64",
                mebibytes << 20
            ),
            ..Parts::default()
        };
        let component = GuestComponent::load(&parts.component(), profile).expect("admitted");
        let mut guest = component.instantiate().expect("it starts");
        let error = guest.describe().expect_err("it is too long").to_string();
        assert!(error.contains("too much data is being copied"), "{error}");
    }
}

#[test]
fn memory_that_is_handed_out_where_there_is_none_is_not_written() {
    let mut guest = live(&Parts {
        realloc: "(i32.const -8)".into(),
        ..Parts::default()
    });
    let error = guest.configure("text").map(drop);
    let error = error.expect_err("there is nowhere to put the text");
    assert!(
        error.to_string().contains("beyond end of memory"),
        "{error}"
    );
}

#[test]
fn an_answer_at_an_odd_address_is_not_read() {
    let error = outcome("(i32.const 513)", "");
    assert!(error.contains("not aligned"), "{error}");
}

#[test]
fn text_that_is_not_utf_8_is_not_taken() {
    let error = outcome(
        "(i32.store8 (i32.const 1024) (i32.const 255)) (call $told (i32.const 7000))",
        "",
    );
    assert!(error.contains("invalid utf-8"), "{error}");
}

#[test]
fn text_outside_its_memory_is_not_read() {
    let error = outcome(
        "(drop (call $told (i32.const 7000))) (i32.store (i32.const 516) (i32.const -2))
         (i32.const 512)",
        "",
    );
    assert!(error.contains("out of bounds"), "{error}");
}

#[test]
fn a_case_that_no_type_has_is_not_taken() {
    let error = outcome("(call $refuse (i32.const 9))", "");
    assert!(error.contains("discriminant"), "{error}");
}
