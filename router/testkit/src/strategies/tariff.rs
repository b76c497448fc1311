//! Fee quotes, and the work that they price.

use crate::sim::SimTariff;
use proptest::prelude::*;
use std::num::NonZeroU32;
use tollway_core::{AssetId, Bearer, Sample, Time, Work};

/// A quote that some chain could give at `now`, fresh for up to a minute.
pub fn valid(coin: AssetId, now: Time) -> BoxedStrategy<SimTariff> {
    let fees =
        (1u128..1_000_000_000_000, 0u128..10_000_000_000, 0u128..1_000_000_000_000, 0u128..1_000_000_000);
    (fees, 0u64..10_000, 1u64..60_000)
        .prop_map(move |((base, tip, l1_per_byte, rent_per_byte), age_ms, fresh_ms)| SimTariff {
            coin,
            base,
            tip,
            l1_per_byte,
            rent_per_byte,
            taken_at: now.minus_ms(age_ms),
            valid_until: now.plus_ms(fresh_ms),
            source: "a strategy".to_owned(),
        })
        .boxed()
}

/// A way to make a quote wrong at a moment.
type Change = fn(SimTariff, Time) -> SimTariff;

/// A quote with one thing wrong, and what: it is stale at `now`, comes from the future, or says that gas is free.
pub fn almost(coin: AssetId, now: Time) -> BoxedStrategy<(SimTariff, &'static str)> {
    let wrong: Vec<(&'static str, Change)> = vec![
        ("it is stale", |t, now| SimTariff {
            taken_at: now.minus_ms(3_600_000),
            valid_until: now.minus_ms(1),
            ..t
        }),
        ("it comes from the future", |t, now| SimTariff {
            taken_at: now.plus_ms(60_000),
            valid_until: now.plus_ms(120_000),
            ..t
        }),
        ("gas is free", |t, _| SimTariff { base: 0, tip: 0, l1_per_byte: 0, rent_per_byte: 0, ..t }),
    ];
    (valid(coin, now), prop::sample::select(wrong))
        .prop_map(move |(tariff, (fault, change))| (change(tariff, now), fault))
        .boxed()
}

/// Any numbers in every field: most sums do not fit.
pub fn hostile(coin: AssetId) -> BoxedStrategy<SimTariff> {
    let fee =
        || prop_oneof![Just(0), Just(1), Just(u128::MAX), any::<u128>(), any::<u64>().prop_map(u128::from)];
    let time = super::time::hostile;
    (fee(), fee(), fee(), fee(), time(), time(), any::<String>())
        .prop_map(move |(base, tip, l1_per_byte, rent_per_byte, taken_at, valid_until, source)| SimTariff {
            coin,
            base,
            tip,
            l1_per_byte,
            rent_per_byte,
            taken_at,
            valid_until,
            source,
        })
        .boxed()
}

/// Work that a payment could be: up to half a million gas and a kilobyte, shared by up to a hundred.
pub fn work() -> BoxedStrategy<Work> {
    let bearer = prop::sample::select(vec![Bearer::Payer, Bearer::Payee, Bearer::Settler]);
    let bytes = prop::collection::vec(any::<u8>(), 0..1_000);
    let created = prop::collection::vec(1u32..1_000, 0..3);
    (bearer, 0u64..500_000, bytes, 1u16..4, created, 1u32..100)
        .prop_map(|(bearer, compute, bytes, signatures, creates_bytes, shared)| {
            let mut work = Work::new(bearer, "work", compute, Sample::new(bytes));
            (work.signatures, work.creates_bytes) = (signatures, creates_bytes);
            work.shared_by(NonZeroU32::new(shared).unwrap_or(NonZeroU32::MIN))
        })
        .boxed()
}

/// Work of any size.
pub fn hostile_work() -> BoxedStrategy<Work> {
    let edge = || prop_oneof![Just(0), Just(u64::MAX), any::<u64>()];
    (work(), edge(), prop::collection::vec(any::<u32>(), 0..64), any::<u16>(), any::<bool>())
        .prop_map(|(mut work, compute, creates_bytes, signatures, refundable)| {
            (work.compute, work.creates_bytes) = (compute, creates_bytes);
            (work.signatures, work.refundable) = (signatures, refundable);
            work
        })
        .boxed()
}
