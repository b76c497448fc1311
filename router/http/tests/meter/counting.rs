//! The meter by itself.

use bytes::Bytes;
use futures::stream::{self, StreamExt};
use http_body_util::{BodyExt, Full};
use proptest::prelude::*;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use tollway_core::{Amount, AssetId, ChainId, Code};
use tollway_http::meter::Meter;

fn meter(most: u128) -> Meter {
    let asset = AssetId::new(ChainId::new("sim:1").unwrap(), "usd").unwrap();
    Meter::unpaid(Amount::new(asset, most))
}

fn priced(prices: Vec<u128>) -> impl stream::Stream<Item = Result<(Bytes, u128), Infallible>> + Send {
    stream::iter(prices).map(|price| Ok((Bytes::from(price.to_string()), price)))
}

proptest! {
    /// What comes out of a stream is what was counted, and the first chunk that is not covered ends it.
    #[test]
    fn a_stream_is_counted_to_the_last_chunk(
        most in prop_oneof![0u128..2_000, Just(u128::MAX)],
        before in 0u128..100,
        prices in prop::collection::vec(prop_oneof![0u128..200, Just(u128::MAX)], 0..40),
    ) {
        let meter = meter(most);
        let started = if meter.charge(before).is_ok() { before } else { 0 };
        let mut want = Vec::new();
        let mut sum = started;
        for price in &prices {
            let Some(after) = sum.checked_add(*price).filter(|after| *after <= most) else { break };
            sum = after;
            want.push(price.to_string());
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let chunks = runtime.block_on(async {
            let mut body = meter.stream(priced(prices));
            let mut chunks = Vec::new();
            while let Some(frame) = body.frame().await {
                chunks.push(String::from_utf8(frame.unwrap().into_data().unwrap().to_vec()).unwrap());
            }
            chunks
        });
        prop_assert_eq!(chunks, want);
        prop_assert_eq!(meter.counted().atomic, sum);
        prop_assert_eq!(meter.left().atomic, most - sum);
    }
}

#[test]
fn clones_count_together_and_never_past_the_ceiling() {
    let (meter, taken) = (meter(10_000), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for each in 1..=8u64 {
            let (meter, taken) = (meter.clone(), &taken);
            scope.spawn(move || {
                for _ in 0..2_000 {
                    if meter.per_unit(u128::from(each)).charge(1).is_ok() {
                        taken.fetch_add(each, Ordering::SeqCst);
                    }
                }
            });
        }
    });
    let counted = meter.counted().atomic;
    assert_eq!(counted, u128::from(taken.into_inner()));
    assert!(
        counted <= 10_000 && counted > 10_000 - 8,
        "{counted}: whoever was refused asked for eight at most"
    );
}

#[test]
fn rates() {
    let meter = meter(1_000);
    for (units, one) in [(1, 1_000), (3, 333), (1_000, 1)] {
        assert_eq!(meter.parts(units).unwrap().price(1), one);
    }
    for units in [0, 1_001, u64::MAX] {
        assert_eq!(meter.parts(units).unwrap_err().code, Code::InvalidAmount, "{units}");
    }
    // What does not fit is not covered, and not wrapped around.
    let dear = meter.per_unit(u128::MAX / 2);
    assert_eq!(dear.price(3), u128::MAX);
    assert_eq!(dear.charge(3).unwrap_err().code, Code::ChargeExceedsCeiling);
    assert_eq!(meter.counted().atomic, 0);
    meter.per_unit(1).charge(1_000).unwrap();
    assert_eq!((meter.left().atomic, meter.charge(0).is_ok(), meter.charge(1).is_ok()), (0, true, false));
}

#[tokio::test]
async fn somebody_elses_body_is_priced_by_the_chunk() {
    let meter = meter(10);
    let body = meter.body(Full::new(Bytes::from("seven b")), |data| u128::try_from(data.len()).unwrap());
    assert_eq!(body.collect().await.unwrap().to_bytes(), "seven b");
    assert_eq!(meter.counted().atomic, 7);
    let body = meter.body(Full::new(Bytes::from("four")), |data| u128::try_from(data.len()).unwrap());
    assert!(body.collect().await.unwrap().to_bytes().is_empty(), "three are left");
    assert_eq!(meter.counted().atomic, 7);
}
