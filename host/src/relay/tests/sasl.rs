//! Before authentication: what may pass, what is answered, and until when.

use super::*;
use crate::kafka::request::Refusal;

const SASL_AUTHENTICATE: i16 = 36;

#[tokio::test(start_paused = true)]
async fn lets_nothing_but_sasl_pass_before_authentication() {
    let situation = Situation {
        before_sasl: true,
        ..Situation::default()
    };
    let (ended, ()) = relayed(situation.clone(), async |mut client, mut broker| {
        client
            .write_all(&request(METADATA, 1, 1, b""))
            .await
            .unwrap();
        assert_eq!(broker.read(&mut [0; 8]).await.unwrap(), 0);
    })
    .await;
    let refusal = Refusal::BeforeAuthentication;
    assert!(matches!(ended, Err(RelayError::Refused { refusal: r, .. }) if r == refusal));

    let (ended, ()) = relayed(situation.clone(), async |mut client, mut broker| {
        client
            .write_all(&request(SASL_AUTHENTICATE, 0, 1, b""))
            .await
            .unwrap();
        next(&mut broker).await;
        let ok = [0, 0, 0xff, 0xff, 0, 0, 0, 0];
        broker.write_all(&response(1, &ok)).await.unwrap();
        next(&mut client).await;
        client
            .write_all(&request(HEARTBEAT, 0, 2, b""))
            .await
            .unwrap();
        next(&mut broker).await;
    })
    .await;
    assert!(ended.is_ok(), "{ended:?}");

    let (ended, ()) = relayed(situation, async |client, mut broker| {
        assert_eq!(broker.read(&mut [0; 8]).await.unwrap(), 0);
        drop(client);
    })
    .await;
    assert!(matches!(ended, Err(RelayError::SaslDeadline)));
}

#[tokio::test(start_paused = true)]
async fn answers_sasl_handshake_v0_with_an_error_and_closes() {
    let situation = Situation {
        before_sasl: true,
        ..Situation::default()
    };
    let (ended, ()) = relayed(situation, async |mut client, mut broker| {
        client
            .write_all(&request(17, 0, 9, b"\0\x05PLAIN"))
            .await
            .unwrap();
        assert_eq!(next(&mut client).await, [0, 0, 0, 9, 0, 35, 0, 0, 0, 0]);
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
        assert_eq!(broker.read(&mut [0; 8]).await.unwrap(), 0);
    })
    .await;
    assert!(matches!(ended, Err(RelayError::HandshakeRefused)));
}
