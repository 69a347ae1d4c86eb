//! Who is listed, and who is asked to end.

use super::*;
use crate::kafka::Endpoint;
use crate::kafka::introduction::Told;

fn route(node_id: Option<i32>) -> Route {
    Route {
        node_id: node_id.map(NodeId),
        upstream: Endpoint {
            host: "broker.test".to_owned(),
            port: 9092,
        },
        provisional: false,
    }
}

/// A session at this listener, from 10.0.0.<id>, connected to this broker.
fn session(inventory: &Arc<Inventory>, id: u8, listener: usize, node_id: Option<i32>) -> Present {
    let peer = SocketAddr::from(([10, 0, 0, id], 5000));
    let present = inventory.enter(id.into(), listener, peer, CancellationToken::new());
    inventory.routed(&present, route(node_id));
    present
}

fn ids(entries: &[Arc<Entry>]) -> Vec<u64> {
    entries.iter().map(|entry| entry.id).collect()
}

#[test]
fn lists_page_by_page_what_is_wanted_and_alive() {
    let inventory = Arc::new(Inventory::default());
    let all: Vec<_> = (1..=6)
        .map(|id| session(&inventory, id, usize::from(id % 2), Some(i32::from(id / 3))))
        .collect();
    let listed = |wanted: Wanted, most| {
        let (page, more) = inventory.list(&wanted, most);
        (ids(&page), more)
    };
    assert_eq!(listed(Wanted::default(), 4), (vec![1, 2, 3, 4], true));
    let rest = Wanted {
        after: 4,
        ..Wanted::default()
    };
    assert_eq!(listed(rest, 2), (vec![5, 6], false));
    let odd_of_broker_1 = Wanted {
        listener: Some(1),
        broker: Some(NodeId(1)),
        ..Wanted::default()
    };
    assert_eq!(listed(odd_of_broker_1, 9), (vec![3, 5], false));
    let one_client = Wanted {
        client: Some([10, 0, 0, 2].into()),
        ..Wanted::default()
    };
    assert_eq!(listed(one_client, 9), (vec![2], false));
    drop(all);
    assert!(inventory.is_empty());
}

#[test]
fn asks_to_end_whoever_comes_after_the_close_and_nobody_else() {
    let inventory = Arc::new(Inventory::default());
    let before = session(&inventory, 1, 0, Some(5));
    let other = session(&inventory, 2, 1, Some(1));
    assert_eq!(ids(&inventory.close(Scope::Broker(NodeId(5)))), [1]);
    // Ending is the caller's, in its own order; only late ones are asked here.
    assert!(!before.polite.is_cancelled());
    let late = session(&inventory, 3, 1, Some(5));
    let bootstrap = session(&inventory, 4, 1, None);
    assert!(late.polite.is_cancelled());
    assert!(!other.polite.is_cancelled() && !bootstrap.polite.is_cancelled());

    assert_eq!(ids(&inventory.close(Scope::Listener(1))), [2, 4]);
    assert!(session(&inventory, 5, 1, None).polite.is_cancelled());
    assert_eq!(
        inventory.closed(),
        [Scope::Listener(1), Scope::Broker(NodeId(5))]
    );
    inventory.reopen();
    assert!(!session(&inventory, 6, 1, Some(5)).polite.is_cancelled());
    assert!(late.polite.is_cancelled());
}

#[test]
fn whoever_is_in_cannot_leave_under_another_name() {
    let inventory = Arc::new(Inventory::default());
    let entry = session(&inventory, 1, 0, None);
    entry.told(Told::Mechanism("PLAIN".into()));
    entry.told(Told::User("alice".into()));
    entry.set_login(Login::Completed);
    entry.told(Told::Mechanism("SCRAM-SHA-256".into()));
    entry.told(Told::User("bob".into()));
    entry.set_login(Login::Failed);
    let who = entry.who();
    assert_eq!(who.mechanism.as_deref(), Some("PLAIN"));
    assert_eq!(who.user.as_deref(), Some("alice"));
    assert_eq!(who.login, Login::Completed);
}

#[test]
fn counts_bytes_and_prefers_the_address_a_proxy_told() {
    let inventory = Arc::new(Inventory::default());
    let entry = session(&inventory, 1, 0, None);
    entry.add_bytes(3, 0);
    entry.add_bytes(4, 5);
    assert_eq!(entry.bytes(), (7, 5));
    entry.set_real_client(SocketAddr::from(([192, 0, 2, 9], 1)));
    assert_eq!(entry.client().ip(), IpAddr::from([192, 0, 2, 9]));
}
