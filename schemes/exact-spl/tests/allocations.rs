//! How often the verdict asks the allocator: counted, so free of noise, so held to exactly.

mod support;

use allocation_counter::measure;
use support::*;
use tollway_exact_spl::read;

/// The payer's base58; the replay key, its base58 and the list it stands in.
const VERDICT: u64 = 4;

#[test]
fn a_verdict_allocates_what_it_says_and_nothing_for_decoding_or_the_curve() {
    let bench = Bench::new();
    // The memory of signatures and of token accounts is made once per process.
    read(&bench.order()).unwrap();
    let order = bench.order();
    for _ in 0..2 {
        let counted = measure(|| assert!(read(&order).is_ok()));
        assert_eq!(counted.count_total, VERDICT);
    }
}

#[test]
fn a_refusal_before_the_curve_allocates_its_words_alone() {
    let bench = Bench::new();
    let order = bench.order();
    let mut forge = apart(&order);
    forge.ixs[2].data[1] ^= 1;
    let hostile = with_bytes(&order, &forge.bytes());
    let counted = measure(|| assert!(read(&hostile).is_err()));
    assert!(counted.count_total <= 3, "{}", counted.count_total);
}
