//! Answers that stream over HTTP/2, on which trailers always arrive.

use crate::shelf;
use crate::world::*;
use axum::Router;
use axum::extract::Extension;
use axum::response::IntoResponse;
use axum::routing::get;
use futures::stream::{self, StreamExt};
use http_body_util::BodyExt;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tollway_http::client::Standing;
use tollway_http::meter::Meter;
use tollway_route::pay::AttemptStage;

fn over_h2() -> reqwest::ClientBuilder {
    reqwest::Client::builder().http2_prior_knowledge()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trailer_is_the_receipt() {
    let world = World::new();
    let bytes = |Extension(meter): Extension<Meter>| async move {
        axum::body::Body::new(shelf::chunks(&meter, 4, 100)).into_response()
    };
    let (at, _) = serve(Router::new().route("/a", get(bytes)).layer(world.paywall(|set| set))).await;
    let client = world.client_over(over_h2());
    let answer = client.get(format!("http://{at}/a")).await.unwrap();
    assert_eq!(answer.response.version(), http::Version::HTTP_2);
    assert!(matches!(answer.standing, Standing::Streams(_)));
    assert_eq!(answer.response.text().await.unwrap().matches("chunk").count(), 4);
    let attempts = client.router().attempts().await.unwrap();
    assert_eq!((attempts.len(), attempts[0].stage), (1, AttemptStage::Settled));
    assert_eq!(world.taken(), [400]);

    // As any other client sees it, in both versions.
    let plain = over_h2().build().unwrap();
    for (v1, name, receipt) in
        [(false, "payment-signature", "payment-response"), (true, "x-payment", "x-payment-response")]
    {
        let payment = world.slip(&client, at, v1).await;
        let answer = plain.get(format!("http://{at}/a")).header(name, &payment).send().await.unwrap();
        assert_eq!(answer.headers()["trailer"], receipt);
        let whole = http::Response::<reqwest::Body>::from(answer).into_body().collect().await.unwrap();
        assert!(whole.trailers().unwrap().contains_key(receipt), "{name}");
        let again = plain.get(format!("http://{at}/a")).header(name, &payment).send().await.unwrap();
        assert!(again.headers().contains_key(receipt), "{name}");
    }
    assert_eq!(world.taken(), [400, 400, 400]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_resets_a_stream_pays_for_what_came() {
    let world = World::new();
    let go = Arc::new(Semaphore::new(0));
    let paced = {
        let go = go.clone();
        move |Extension(meter): Extension<Meter>| async move {
            let one_by_one = stream::iter(0..).then(move |n| {
                let go = go.clone();
                async move {
                    go.acquire_owned().await.unwrap().forget();
                    Ok::<_, std::io::Error>((chunk(n), 100))
                }
            });
            shelf::events(meter.stream(one_by_one.boxed()))
        }
    };
    let (at, handed) = serve(Router::new().route("/a", get(paced)).layer(world.paywall(|set| set))).await;
    let client = world.client_over(over_h2());
    for chunks in [1, 3] {
        let before = handed.chunks();
        let mut reading = Reader::new(client.get(format!("http://{at}/a")).await.unwrap());
        for _ in 0..chunks {
            go.add_permits(1);
            assert!(reading.next().await.unwrap().is_some());
        }
        let payment = reading.payment.clone();
        // The stream is reset; its connection stays, and carries the question for the receipt.
        drop(reading);
        let charged = payment.paid().await.unwrap().charged.atomic;
        assert!(charged >= atomic(chunks) * 100 && charged <= atomic(handed.chunks() - before) * 100);
        assert_eq!(world.taken().last(), Some(&charged));
    }
    assert_eq!(world.taken().len(), 2);
    assert_eq!(world.open_visits().await, 0);
}
