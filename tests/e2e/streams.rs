//! Kafka Streams: instances of an application tell each other where they can be asked, by way of their
//! group. That looks like addresses, and is nobody's but theirs.

use throughway_tests::clients::{Action, Security, Task};
use throughway_tests::cluster::{self, USER};
use throughway_tests::files::TemporaryFolder;
use throughway_tests::kafka_jars;
use throughway_tests::proxy::Upstream;

use crate::ports::{Setup, java};

/// Counts words by two instances that find each other by this protocol.
async fn count_words(protocol: &str) {
    let cluster = cluster::shared().await;
    let mut setup = Setup::with(&cluster, Upstream::Plaintext, |_| {}).await;
    let security = Security::sasl_plaintext(USER);
    let topic = format!("streams-{protocol}");
    let mut task = Task::new(Action::Streams, &setup.address(0), security, &topic);
    let folder = TemporaryFolder::new("throughway-streams-").unwrap();
    let state = folder.path().display().to_string();
    for (name, value) in [("group.protocol", protocol), ("state.dir", &state)] {
        task.properties.insert(name.to_owned(), value.to_owned());
    }
    let report = setup.run(&java(kafka_jars::CURRENT), &task).await;
    assert!(report.is_complete(task.records), "{report:?}");
    setup.assert_no_leak(&cluster);
    assert_eq!(setup.proxy.stop().unwrap(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_of_an_application_find_each_other_by_the_classic_protocol() {
    count_words("classic").await;
}

/// KIP-1071: the group coordinator knows of the instances' endpoints itself.
#[tokio::test(flavor = "multi_thread")]
async fn instances_of_an_application_find_each_other_by_the_streams_protocol() {
    count_words("streams").await;
}
