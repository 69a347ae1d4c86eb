//! How long answers took, as a session counts it.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::sleep;

use super::*;

#[tokio::test(start_paused = true)]
async fn an_answers_time_begins_with_its_own_request() {
    let metrics = Metrics::new(&[]);
    let situation = Situation {
        metrics: Some(Arc::clone(&metrics)),
        ..Situation::default()
    };
    let (_, ()) = relayed(situation, async |mut client, mut broker| {
        for id in [1, 2] {
            let sent = request(HEARTBEAT, 0, id, b"group");
            client.write_all(&sent).await.unwrap();
            next(&mut broker).await;
            sleep(Duration::from_millis(300)).await;
        }
        for id in [1, 2] {
            broker.write_all(&response(id, b"\0\0")).await.unwrap();
            next(&mut client).await;
            sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    let text = metrics.render();
    let value = |name: &str| -> f64 {
        let begin = format!("throughway_api_response_seconds_{name}{{api=\"heartbeat\"}} ");
        let found = text.lines().find_map(|line| line.strip_prefix(&begin));
        found.unwrap().parse().unwrap()
    };
    assert_eq!(value("count"), 2.0);
    // 600 ms for the first, 400 ms for the second; timers may be a millisecond late each.
    assert!((1.0..1.01).contains(&value("sum")), "{}", value("sum"));
}
