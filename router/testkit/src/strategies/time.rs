//! Moments.

use proptest::prelude::*;
use tollway_core::Time;

/// A moment between 2020 and 2100.
pub fn valid() -> BoxedStrategy<Time> {
    (1_577_836_800_000u64..4_102_444_800_000).prop_map(Time::from_ms).boxed()
}

/// A moment on this side of an edge or on that, or on it: a millisecond, a second or a minute away. The flag says whether
/// it lies before the edge.
pub fn almost(edge: Time) -> BoxedStrategy<(Time, bool)> {
    let by = prop::sample::select(vec![1u64, 2, 999, 1_000, 1_001, 60_000]);
    prop_oneof![
        by.clone().prop_map(move |ms| (edge.minus_ms(ms), edge > Time::ZERO)),
        by.prop_map(move |ms| (edge.plus_ms(ms), false)),
        Just((edge, false)),
    ]
    .boxed()
}

/// The beginning of time, the end of time, and anything between.
pub fn hostile() -> BoxedStrategy<Time> {
    prop_oneof![
        Just(Time::ZERO),
        Just(Time::FAR),
        Just(Time::from_ms(u64::MAX - 1)),
        Just(Time::from_secs(u64::MAX)),
        any::<u64>().prop_map(Time::from_ms),
    ]
    .boxed()
}
