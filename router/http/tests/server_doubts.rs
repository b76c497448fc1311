//! Visits that ended in doubt, and who waits for whom.

mod server_common;

use axum::Router;
use http::{Method, StatusCode};
use server_common::*;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tollway_core::*;
use tollway_http::server::Priced;
use tollway_http::tasks::Tasks;

/// Time in which no pause ever ends.
struct Standstill(Arc<ToyClock>);

#[async_trait]
impl Clock for Standstill {
    fn now(&self) -> Time {
        self.0.now()
    }
    async fn sleep(&self, _: u64) {
        std::future::pending().await
    }
}

/// A busy machine may take long, so this waits for as long as it takes, and no longer than a minute.
async fn until(mut done: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !done().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting).await.expect("it never happened");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_that_stays_in_doubt_keeps_no_later_one_waiting() {
    // Nobody at the door asks after a payment: what is found out, the look in the background has found.
    let world = World { patience_ms: 0, ..World::new() };
    let runs = Arc::<Counter>::default();
    let tasks = Tasks::on(|job| drop(tokio::spawn(job)), Arc::new(Standstill(world.clock.clone())));
    let priced = Priced::fixed(cents(1), rails());
    let paywall = world.builder().tasks(tasks).route(Method::GET, "/a", priced).build().unwrap();
    let app = Router::new().route("/a", counting(&runs, "goods")).layer(paywall);
    let offer = get("/a").to(&app).await;
    let (stuck, honest) = (pay(&offer, 0, "stuck"), pay(&offer, 0, "honest"));
    *world.knobs.settle.lock().unwrap() = Some(Error::unknown(Code::TimedOut, None));
    assert_ne!(get("/a").pays(&stuck).to(&app).await.status, StatusCode::OK);
    let resumes = || world.knobs.resumes.load(Ordering::SeqCst);
    until(async || resumes() > 0).await;
    // It was looked at, nobody knows, and the pause until its next look does not end.
    let (charged, payer) =
        (Amount::new(rail(1, Flow::Authorization).asset, 10_000), Account::new(chain(1), "me"));
    let receipt = Receipt::on_chain(TxId("0xlate".to_owned()), charged, payer.unwrap());
    *world.knobs.resume.lock().unwrap() = Some(Fate::Settled(Box::new(receipt)));
    assert_ne!(get("/a").pays(&honest).to(&app).await.status, StatusCode::OK);
    until(async || get("/a").pays(&honest).to(&app).await.status == StatusCode::OK).await;
    assert_eq!((resumes(), runs.load(Ordering::SeqCst)), (2, 2), "one look at each, and none for nothing");
    assert_ne!(get("/a").pays(&stuck).to(&app).await.status, StatusCode::OK, "that one stays open");
}
