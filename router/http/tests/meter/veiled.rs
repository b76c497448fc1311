//! A plain visit whose settler sends, and does not know for a while what came of it.

use crate::world::*;
use axum::Router;
use axum::routing::get;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tollway_core::*;
use tollway_http::client::Standing;

struct Veiled {
    inner: Arc<dyn Settler>,
    veil: Arc<AtomicBool>,
}

#[async_trait]
impl Settler for Veiled {
    async fn kinds(&self) -> Result<Vec<Kind>> {
        self.inner.kinds().await
    }
    async fn effort(&self, order: &Order) -> Result<Effort> {
        self.inner.effort(order).await
    }
    async fn verify(&self, order: &Order) -> Result<Proof> {
        self.inner.verify(order).await
    }
    async fn settle(&self, due: Due) -> Result<Receipt> {
        let receipt = self.inner.settle(due).await?;
        if self.veil.load(Ordering::SeqCst) { Err(Error::unknown(Code::TimedOut, None)) } else { Ok(receipt) }
    }
    async fn resume(&self, order: &Order, charge: Option<Amount>) -> Result<Fate> {
        if self.veil.load(Ordering::SeqCst) {
            return Ok(Fate::NotYetKnown { ask_again: Time::ZERO });
        }
        self.inner.resume(order, charge).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_visit_that_ends_in_doubt_is_looked_after_without_a_restart() {
    let (world, veil) = (World::new(), Arc::new(AtomicBool::new(true)));
    let inner = world.unwilling(Error::us(Code::Internal), Arc::default());
    let gate = world.gate_by(Arc::new(Veiled { inner, veil: veil.clone() }), 100);
    let app = Router::new().route("/a", get(|| async { "whole" })).layer(world.paywall_at(gate, |set| set));
    let (at, _) = serve(app).await;
    let answer = world.client().get(format!("http://{at}/a")).await;
    // The payer may have found it on the chain; the shop has not.
    if let Ok(answer) = &answer {
        assert!(!matches!(answer.standing, Standing::Free), "{answer:?}");
    }
    assert_eq!((world.takings(), world.open_visits().await), (PRICE, 1));
    veil.store(false, Ordering::SeqCst);
    until(async || world.open_visits().await == 0).await;
    assert_eq!(world.takings(), PRICE);
}
