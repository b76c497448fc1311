//! How often the hot paths ask the allocator: counted, so free of noise, so held to exactly.
//!
//! A count that rises fails here and says where; one that falls is written down, so that it stays fallen.

use allocation_counter::measure;
use tollway_bench::payer::Payer;
use tollway_bench::ranks;
use tollway_bench::seller::{self, Arriving, Spelling};

#[test]
fn decode_and_match_allocate_the_text_and_the_parsers_stack() {
    let offers = seller::offers();
    for spelling in [Spelling::Echoed, Spelling::Reordered] {
        let arriving = Arriving::new(0, spelling);
        let counted = measure(|| assert_eq!(seller::find(&arriving, &offers), Some(seller::PAID)));
        // serde_json keeps the brackets that it skips over in a vector of its own.
        assert_eq!(counted.count_total, 2, "{spelling:?}");
    }
}

#[test]
fn a_verdict_adds_the_replay_key_and_nothing_for_hashing_or_the_curve() {
    let offers = seller::offers();
    // The token's separator and the memory of signers are made once per process.
    assert!(seller::verdict(&Arriving::new(0, Spelling::Echoed), &offers).is_some());
    let arriving = Arriving::new(1, Spelling::Echoed);
    let counted = measure(|| assert!(seller::verdict(&arriving, &offers).is_some()));
    assert_eq!(counted.count_total, VERDICT);
}

/// Decoding and matching, 2; the parser's stack for payload and `extra`; the replay key and the list it stands in.
const VERDICT: u64 = 4;

#[tokio::test]
async fn considering_sixteen_warm_entries_allocates_nothing_per_entry_and_asks_no_node() {
    let payer = Payer::warm().await;
    let asked = payer.asked();
    let counted = measure(|| {
        let considered = payer.consider(payer.challenge()).expect("nothing is waited for");
        assert_eq!((considered.routes.len(), considered.rejected.len()), (16, 0));
    });
    assert_eq!(counted.count_total, CONSIDER);
    assert_eq!(payer.asked(), asked);
    let counted = measure(|| drop(payer.read()));
    assert_eq!(counted.count_total, READ);
}

/// Per 402: the routes, which budgets and which wallets they draw on, the ledger's future and its answer, the ranks and
/// their order. Nothing per entry.
const CONSIDER: u64 = 7;
/// The text, the entries as they were found, the entries in the model, and the word of `error`, which is cut to its size.
const READ: u64 = 4;

#[test]
fn ranking_allocates_nothing() {
    for n in [16, 256] {
        let mut ranks = ranks::ranks(n);
        let counted = measure(|| tollway_route::rank::sort(&mut ranks));
        assert_eq!(counted.count_total, 0, "{n}");
        assert!(ranks.is_sorted());
    }
}
