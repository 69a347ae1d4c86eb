//! Maps that tell clients by the server name they sent.

use super::*;
use crate::addrmap::tests::{inbound, start};
use crate::addrmap::{AddressMap, Target};
use crate::wasm::test_guests::Parts;

/// Ports 0 to 4 for clients without a name, 5 to 9 for those with one.
fn by_name() -> Parts {
    Parts {
        depends_on: 0b11,
        advertise: "(if (result i32) (i32.ge_u (local.get $id) (i32.const 5))
            (then (call $refuse (i32.const 0)))
            (else (call $told (i32.add (i32.add (global.get $first) (local.get $id))
                (select (i32.const 5) (i32.const 0) (local.get $sni_length))))))"
            .into(),
        route: "(call $broker (i32.rem_u (i32.sub (local.get $port) (global.get $first)) (i32.const 5)))"
            .into(),
        ..Parts::default()
    }
}

/// As `by_name`, but something else for names of seven letters.
fn spoilt(advertise: &str) -> Parts {
    let good = by_name();
    Parts {
        advertise: format!(
            "(if (result i32) (i32.eq (local.get $sni_length) (i32.const 7))
                (then {advertise}) (else {}))",
            good.advertise
        ),
        ..good
    }
}

async fn port(map: &AddressMap, server_name: Option<&str>, node_id: i32) -> Option<u16> {
    let inbound = inbound(server_name, 7000);
    let told = map.told(&inbound).await;
    let address = told.advertise(&inbound, NodeId(node_id));
    address.map(|address| address.port)
}

#[tokio::test]
async fn clients_are_told_by_the_name_they_sent() {
    let map = start(&by_name(), &[0, 1]).unwrap();
    assert_eq!(port(&map, None, 1).await, Some(7001));
    assert_eq!(port(&map, Some("a.example"), 1).await, Some(7006));
    // What is no name counts as none.
    assert_eq!(port(&map, Some("\0"), 1).await, Some(7001));
    let target = map.route(&inbound(Some("a.example"), 7006)).await;
    let meant = Target::Broker {
        node_id: NodeId(1),
        upstream_hint: None,
    };
    assert_eq!(target, meant);
}

#[tokio::test]
async fn the_next_table_asks_again() {
    let map = start(&by_name(), &[0]).unwrap();
    assert_eq!(port(&map, Some("a.example"), 3).await, None);
    let brokers = crate::addrmap::tests::brokers(&[0, 3]);
    let table = map.compute(brokers, 1).await.unwrap();
    map.publish(table);
    assert_eq!(port(&map, Some("a.example"), 3).await, Some(7008));
}

#[tokio::test]
async fn a_name_for_which_the_map_fails_gets_nothing_and_costs_nobody_else_anything() {
    for spoilt in [
        spoilt("(loop $l (br $l)) unreachable"),
        spoilt("unreachable"),
        spoilt("(call $told (i32.const 7000))"),
        spoilt("(call $told (i32.add (i32.const 8000) (local.get $id)))"),
    ] {
        let map = start(&spoilt, &[0, 1]).unwrap();
        assert!(!map.introduce(&inbound(Some("bad.tld"), 7000)).await);
        assert_eq!(port(&map, Some("bad.tld"), 1).await, None);
        assert!(map.introduce(&inbound(Some("good.tld"), 7000)).await);
        assert_eq!(port(&map, Some("good.tld"), 1).await, Some(7006));
        assert!(map.introduce(&inbound(None, 7000)).await);
    }
}

#[tokio::test(start_paused = true)]
async fn one_client_may_bring_so_many_new_names() {
    let map = start(&by_name(), &[0]).unwrap();
    let mut known = 0;
    for number in 0..30 {
        let name = format!("n{number}.example");
        known += usize::from(map.introduce(&inbound(Some(&name), 7000)).await);
    }
    assert_eq!(known, 20);
    assert!(map.introduce(&inbound(Some("n0.example"), 7000)).await);
    assert!(!map.introduce(&inbound(Some("new.example"), 7000)).await);
}

#[test]
fn many_brokers_leave_room_for_fewer_names() {
    let one = crate::addrmap::tests::brokers(&[1]);
    let many: Vec<i32> = (0..10_000).collect();
    let many = crate::addrmap::tests::brokers(&many);
    for (brokers, most) in [(&one, 10_000), (&many, 100)] {
        let by_name = ByName::new(brokers);
        for number in 0..20_000 {
            let view = View {
                listener: 0,
                zone: None,
                local_port: 0,
            };
            let server_name = format!("n{number}");
            by_name.keep(Named { view, server_name }, Rows::new());
        }
        assert!(by_name.lock().len() <= most);
    }
}
