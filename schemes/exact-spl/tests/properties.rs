//! What holds for any bytes at all, and for any honest payment.

mod support;

use proptest::prelude::*;
use std::sync::LazyLock;
use support::*;
use tollway_core::*;
use tollway_exact_spl::read;

/// One honest payment, with its bytes.
static HONEST: LazyLock<(Order, Vec<u8>)> = LazyLock::new(|| {
    let order = Bench::new().order();
    let bytes = forge::transaction(&order.payment.payload);
    (order, bytes)
});

/// Where the signed part begins: after the number of signatures and the fee payer's place.
const SIGNED_FROM: usize = 65;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..1_400)) {
        prop_assert!(read(&with_bytes(&HONEST.0, &bytes)).is_err());
    }

    #[test]
    fn no_flipped_bit_of_what_was_signed_passes(at in 0usize..2_000, bit in 0u8..8) {
        let (order, honest) = &*HONEST;
        let at = at % honest.len();
        let mut bytes = honest.clone();
        bytes[at] ^= 1 << bit;
        let verdict = read(&with_bytes(order, &bytes));
        // The fee payer's own signature is the fee payer's business.
        prop_assert_eq!(verdict.is_ok(), (1..SIGNED_FROM).contains(&at), "byte {}", at);
    }

    #[test]
    fn no_splice_of_an_honest_transaction_passes(
        at in 0usize..2_000,
        cut in 0usize..40,
        put in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let (order, honest) = &*HONEST;
        let at = at % honest.len();
        let mut bytes = honest.clone();
        let until = (at + cut).min(bytes.len());
        bytes.splice(at..until, put);
        let same = bytes.len() == honest.len()
            && bytes[0] == honest[0]
            && bytes[SIGNED_FROM..] == honest[SIGNED_FROM..];
        prop_assert_eq!(read(&with_bytes(order, &bytes)).is_ok(), same);
    }

    #[test]
    fn any_payload_is_read_or_refused(text in "\\PC*") {
        let mut order = HONEST.0.clone();
        order.payment.payload = Json::of(&serde_json::json!({"transaction": text}));
        prop_assert!(read(&order).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn what_is_signed_is_what_was_asked(
        amount in 1u64..=HELD,
        memo in proptest::option::of("[ -~]{1,256}"),
        market in any::<u64>(),
    ) {
        let bench = Bench::new();
        bench.world().price = market;
        let mut r = match &memo {
            Some(memo) => bench.asking(serde_json::json!({"memo": memo})),
            None => bench.requirement(),
        };
        r.price.0.atomic = amount.into();
        let order = bench.order_for(r.clone());
        let terms = read(&order).unwrap();
        prop_assert_eq!(terms.ceiling, r.price);
        prop_assert_eq!(terms.payee, r.pay_to);
        let receipt = bench.settle(&order).unwrap();
        prop_assert_eq!(receipt.charged, r.price.0);
        prop_assert_eq!(bench.held(&payee()), 5 + amount);
        prop_assert_eq!(bench.held(&payer().pubkey()), HELD - amount);
        // Nothing but the amount has left the payer, and nothing at all the sponsor.
        prop_assert_eq!(bench.held(&sponsor(1).pubkey()), HELD);
        let fee = receipt.spent.unwrap().cost.atomic;
        prop_assert!((10_001..=110_000).contains(&fee), "{}", fee);
    }
}
