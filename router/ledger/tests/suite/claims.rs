use super::{at, keys, receipt};
use tollway_core::{Claim, Ledger, Print};

fn print(name: &str) -> Print {
    name.into()
}

fn same(tx: &str) -> Claim {
    Claim::Same(Some(Box::new(receipt(tx))))
}

pub(crate) async fn fresh_then_same_then_replay(ledger: &dyn Ledger) {
    let (one, mine, other) = (keys(&["k"]), print("mine"), print("other"));
    assert_eq!(ledger.seen(&one, &mine).await.unwrap(), None);
    assert_eq!(ledger.claim(&one, &mine, at(60), at(1)).await.unwrap(), Claim::Fresh);
    assert_eq!(ledger.claim(&one, &mine, at(60), at(1)).await.unwrap(), Claim::Same(None));
    assert_eq!(ledger.seen(&one, &mine).await.unwrap(), Some(Claim::Same(None)));
    assert_eq!(ledger.claim(&one, &other, at(60), at(1)).await.unwrap(), Claim::Replay);
    assert_eq!(ledger.seen(&one, &other).await.unwrap(), Some(Claim::Replay));
    ledger.conclude(&one, &mine, Some(&receipt("0x1"))).await.unwrap();
    assert_eq!(ledger.claim(&one, &mine, at(60), at(1)).await.unwrap(), same("0x1"));
    assert_eq!(ledger.seen(&one, &mine).await.unwrap(), Some(same("0x1")));
    assert_eq!(ledger.claim(&one, &other, at(60), at(1)).await.unwrap(), Claim::Replay);
    // Long after its window it is still known: "kept at least until".
    assert_eq!(ledger.claim(&one, &other, at(999), at(998)).await.unwrap(), Claim::Replay);
}

pub(crate) async fn all_keys_or_none(ledger: &dyn Ledger) {
    let (mine, other) = (print("mine"), print("other"));
    ledger.claim(&keys(&["b"]), &other, at(60), at(1)).await.unwrap();
    assert_eq!(ledger.claim(&keys(&["a", "b", "c"]), &mine, at(60), at(1)).await.unwrap(), Claim::Replay);
    for free in ["a", "c"] {
        assert_eq!(ledger.seen(&keys(&[free]), &mine).await.unwrap(), None, "{free}");
    }
    // One of several that is ours: the same payment again, and nothing more is claimed.
    ledger.claim(&keys(&["x"]), &mine, at(60), at(1)).await.unwrap();
    assert_eq!(ledger.claim(&keys(&["w", "x"]), &mine, at(60), at(1)).await.unwrap(), Claim::Same(None));
    assert_eq!(ledger.seen(&keys(&["w"]), &mine).await.unwrap(), None);
    // A replay outweighs the same print, in whichever order they stand.
    for mixed in [["x", "b"], ["b", "x"]] {
        assert_eq!(ledger.seen(&keys(&mixed), &mine).await.unwrap(), Some(Claim::Replay));
        assert_eq!(ledger.claim(&keys(&mixed), &mine, at(60), at(1)).await.unwrap(), Claim::Replay);
    }
    assert_eq!(ledger.claim(&keys(&["d", "d"]), &mine, at(60), at(1)).await.unwrap(), Claim::Fresh);
}

pub(crate) async fn receipts_are_kept_whole(ledger: &dyn Ledger) {
    let (both, mine) = (keys(&["a", "b"]), print("mine"));
    ledger.claim(&both, &mine, at(60), at(1)).await.unwrap();
    ledger.conclude(&keys(&["b"]), &mine, Some(&receipt("0x1"))).await.unwrap();
    // One key's receipt is the payment's.
    assert_eq!(ledger.seen(&both, &mine).await.unwrap(), Some(same("0x1")));
    assert_eq!(ledger.claim(&both, &mine, at(60), at(1)).await.unwrap(), same("0x1"));
    ledger.conclude(&both, &mine, Some(&receipt("0x2"))).await.unwrap();
    assert_eq!(ledger.seen(&both, &mine).await.unwrap(), Some(same("0x2")));
    // Concluding what nobody claimed claims nothing.
    ledger.conclude(&keys(&["never"]), &mine, Some(&receipt("0x3"))).await.unwrap();
    assert_eq!(ledger.seen(&keys(&["never"]), &mine).await.unwrap(), None);
}

pub(crate) async fn freed_keys_are_fresh_again(ledger: &dyn Ledger) {
    let (one, mine, other) = (keys(&["k", "l"]), print("mine"), print("other"));
    ledger.claim(&one, &mine, at(60), at(1)).await.unwrap();
    ledger.conclude(&one, &mine, None).await.unwrap();
    ledger.conclude(&one, &mine, None).await.unwrap();
    assert_eq!(ledger.seen(&one, &mine).await.unwrap(), None);
    assert_eq!(ledger.claim(&one, &other, at(60), at(1)).await.unwrap(), Claim::Fresh);
}

pub(crate) async fn a_claim_is_concluded_by_its_own_print_alone(ledger: &dyn Ledger) {
    let (one, mine, other) = (keys(&["k"]), print("mine"), print("other"));
    ledger.claim(&one, &mine, at(60), at(1)).await.unwrap();
    ledger.conclude(&one, &other, None).await.unwrap();
    ledger.conclude(&one, &other, Some(&receipt("0x9"))).await.unwrap();
    assert_eq!(ledger.seen(&one, &mine).await.unwrap(), Some(Claim::Same(None)));
}

pub(crate) async fn concluded_keys_are_never_freed(ledger: &dyn Ledger) {
    let (one, mine) = (keys(&["k"]), print("mine"));
    ledger.claim(&one, &mine, at(60), at(1)).await.unwrap();
    ledger.conclude(&one, &mine, Some(&receipt("0x1"))).await.unwrap();
    ledger.conclude(&one, &mine, None).await.unwrap();
    assert_eq!(ledger.seen(&one, &mine).await.unwrap(), Some(same("0x1")));
}

pub(crate) async fn seeing_claims_nothing(ledger: &dyn Ledger) {
    let one = keys(&["k"]);
    assert_eq!(ledger.seen(&one, &print("mine")).await.unwrap(), None);
    assert_eq!(ledger.claim(&one, &print("other"), at(60), at(1)).await.unwrap(), Claim::Fresh);
    assert_eq!(ledger.seen(&[], &print("mine")).await.unwrap(), None);
    assert_eq!(ledger.claim(&[], &print("mine"), at(60), at(1)).await.unwrap(), Claim::Fresh);
    assert_eq!(ledger.claim(&[], &print("mine"), at(60), at(1)).await.unwrap(), Claim::Fresh);
}
