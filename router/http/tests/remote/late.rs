//! Payments that nobody can settle any more, and how long they are asked after.

use super::*;
use std::sync::atomic::{AtomicU64, Ordering};
use tollway_core::{Clock, Json, Order, Time};

const END_MS: u64 = 1_750_000_000_000;
const REFUSED: &str =
    r#"{"success":false,"errorReason":"invalid_exact_evm_nonce_already_used","transaction":""}"#;

struct Hands(AtomicU64);

impl Hands {
    fn at(ms: u64) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(ms)))
    }
    fn set(&self, ms: u64) {
        self.0.store(ms, Ordering::SeqCst);
    }
}

#[tollway_core::async_trait]
impl Clock for Hands {
    fn now(&self) -> Time {
        Time::from_ms(self.0.load(Ordering::SeqCst))
    }
    async fn sleep(&self, _: u64) {}
}

fn life(base: &str, clock: &Arc<Hands>) -> RemoteFacilitator {
    let clock: Arc<dyn Clock> = Arc::<Hands>::clone(clock);
    // An answer that comes late, on a busy machine, would be none.
    let builder = RemoteFacilitator::builder(base, registry(&Chain::new(), &[]), clock);
    builder.settle_timeout(Duration::from_secs(60)).build().unwrap()
}

fn ending(nonce: &str) -> Order {
    let mut order = order(nonce);
    let mut payload = order.payment.payload.read::<serde_json::Map<String, serde_json::Value>>().unwrap();
    payload.insert("until_ms".to_owned(), END_MS.into());
    order.payment.payload = Json::of(&payload);
    order
}

/// Asks twice; how often the facilitator was asked since the server began.
async fn asked_twice(remote: &RemoteFacilitator, nonce: &str, seen: &Seen) -> usize {
    for _ in 0..2 {
        let fate = remote.resume(&ending(nonce), None).await.unwrap();
        assert!(matches!(fate, Fate::NotYetKnown { .. }), "only a receipt ends the doubt: {fate:?}");
    }
    seen.lock().unwrap().len()
}

#[tokio::test]
async fn a_facilitator_without_a_receipt_is_asked_once_more_after_the_end_in_each_life() {
    let mut acts = vec![say(200, REFUSED); 6];
    acts.push(success(""));
    let (base, seen) = scripted(acts).await;
    let clock = Hands::at(END_MS - 1_000);
    let first = life(&base, &clock);
    assert_eq!(asked_twice(&first, "n1", &seen).await, 2, "it may be settled yet");
    clock.set(END_MS + 599_999);
    assert_eq!(asked_twice(&first, "n1", &seen).await, 4, "what was sent in time may land now");
    clock.set(END_MS + 600_000);
    assert_eq!(asked_twice(&first, "n1", &seen).await, 5);
    assert_eq!(asked_twice(&first, "n1", &seen).await, 5);
    assert_eq!(asked_twice(&first, "n2", &seen).await, 6, "another payment is asked after for itself");
    // What the facilitator has found meanwhile is not lost.
    let fate = life(&base, &clock).resume(&ending("n1"), None).await.unwrap();
    assert!(matches!(fate, Fate::Settled(_)), "{fate:?}");
}

#[tokio::test]
async fn a_facilitator_that_is_ill_has_not_answered() {
    let (base, seen) = scripted(vec![say(503, ""), say(503, ""), Act::HangUp, say(200, REFUSED)]).await;
    let remote = life(&base, &Hands::at(END_MS + 600_000));
    assert_eq!(asked_twice(&remote, "n1", &seen).await, 2);
    assert_eq!(asked_twice(&remote, "n1", &seen).await, 4);
    assert_eq!(asked_twice(&remote, "n1", &seen).await, 4);
}

#[tokio::test]
async fn what_is_no_verdict_is_no_answer() {
    let pending = r#"{"success":false,"errorReason":"settlement_pending","transaction":"0xlate"}"#;
    let busy = r#"{"success":false,"errorReason":"payment_in_flight","transaction":""}"#;
    let (base, seen) = scripted(vec![say(200, pending), say(200, busy), say(401, ""), success("")]).await;
    let remote = life(&base, &Hands::at(END_MS + 600_000));
    assert_eq!(asked_twice(&remote, "n1", &seen).await, 2);
    assert!(matches!(remote.resume(&ending("n1"), None).await.unwrap(), Fate::NotYetKnown { .. }));
    let fate = remote.resume(&ending("n1"), None).await.unwrap();
    assert!(matches!(fate, Fate::Settled(_)), "{fate:?}");
    assert_eq!(seen.lock().unwrap().len(), 4);
}
