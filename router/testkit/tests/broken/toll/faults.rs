//! What can be wrong with a scheme.

macro_rules! faults {
    ($($name:ident)*) => {
        faults! { @ 1u8, $($name)* }
    };
    (@ $n:expr, $name:ident $($more:ident)*) => {
        pub(crate) const $name: u8 = $n;
        faults! { @ $n + 1, $($more)* }
    };
    (@ $n:expr,) => {};
}

/// Nothing is wrong.
pub(crate) const SOUND: u8 = 0;
/// Nothing is wrong, and less may be taken than was signed.
pub(crate) const METERED: u8 = u8::MAX;

faults! {
    WRITES_WHAT_IT_CANNOT_READ
    PLAN_SIGNS
    READS_ANY_CEILING
    SIGNS_MORE_THAN_RESERVED
    REUSES_NONCES
    TAKES_KEYS_TWICE
    FORGETS_TO_COMPARE_THE_PAYEE
    FORGETS_THE_AMOUNT
    FORGETS_THE_PAYEE
    FORGETS_THE_ASSET
    FORGETS_THE_NETWORK
    ACCEPTS_THE_EXPIRED
    ACCEPTS_THE_EARLY
    SETTLES_LATE
    VERIFY_MOVES_MONEY
    VERIFIES_ONCE
    OVERCHARGES
    CEILING_WITHOUT_END
    SETTLES_TWICE
    SENDS_AGAIN_AFTER_A_CRASH
    RESOLVE_FORGETS
    RESUME_FORGETS
    RESUME_SENDS_AGAIN
    DEAD_TOO_EARLY
    SAYS_NOTHING_MOVED
    UNKNOWN_WHERE_NOTHING_WAS_SENT
    BLAMES_US
    EFFORT_SHRINKS
    EFFORT_TOO_SMALL
    OFFERS_DIFFER
    KIND_OF_ANOTHER_SCHEME
    SETTLES_WHAT_FAILED
    BELIEVES_ANY_RECEIPT
    LEAKS_THE_KEY_IN_DEBUG
    LEAKS_THE_SIGNATURE_IN_ERRORS
    WRITES_THE_KEY_DOWN
}
