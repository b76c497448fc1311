//! Our remote settler against our own facilitator: what one writes the other reads.

mod common;

use common::chain::{Chain, ENTRY, Script, order};
use common::{Wall, registry, server};
use std::sync::Arc;
use tollway_core::ledger::MemoryLedger;
use tollway_core::{Code, Fate, Ledger, Next, Print, Receipt, Result, Role, Settler, TxId, flow};
use tollway_http::facilitator::Settings;
use tollway_http::{Facilitator, RemoteFacilitator};

async fn house(chain: &Arc<Chain>) -> RemoteFacilitator {
    let mut settings = Settings::default();
    settings.patience_ms = 50;
    let cells = registry(chain, &[Role::Settler]);
    let builder = Facilitator::builder("test", cells, Arc::new(MemoryLedger::new()), Arc::new(Wall));
    let address = server::facilitator(&builder.settings(settings).build().unwrap()).await;
    RemoteFacilitator::builder(&address, registry(chain, &[]), Arc::new(Wall)).build().unwrap()
}

async fn settle(remote: &RemoteFacilitator, nonce: &str, patience_ms: u64) -> Result<Receipt> {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let once = flow::SettleOnce {
        read: ENTRY.read,
        settler: remote,
        ledger: &*ledger,
        clock: &Wall,
        room: "visit/gate",
        owner: "gate",
        patience_ms,
    };
    once.settle(order(nonce), 10_000, &Print("p".into())).await
}

#[tokio::test]
async fn a_payment_goes_through() {
    let chain = Chain::new();
    let remote = house(&chain).await;
    assert_eq!(remote.kinds().await.unwrap().len(), 2);
    let receipt = settle(&remote, "n1", 0).await.unwrap();
    assert_eq!(receipt.transaction(), Some(&TxId("0xn1".into())));
    // A gate that has forgotten asks again: by resuming, it gets the same receipt.
    assert!(
        matches!(remote.resume(&order("n1"), None).await.unwrap(), Fate::Settled(r) if r == receipt.clone().into())
    );
    assert_eq!(chain.settles(), 1);
}

#[tokio::test]
async fn refusals_keep_their_meaning() {
    let chain = Chain::new();
    let remote = house(&chain).await;
    let poor = remote.verify(&order("poor")).await.unwrap_err();
    assert_eq!((poor.code, poor.next), (Code::InsufficientFunds, Next::Never));
    let blind = remote.verify(&order("no-node")).await.unwrap_err();
    assert_eq!((blind.code, blind.next), (Code::Unreachable, Next::Later));
}

#[tokio::test]
async fn doubt_travels_with_its_hash_and_ends_by_asking_again() {
    let chain = Chain::new();
    let remote = house(&chain).await;
    chain.script(Script::Lose);
    let pending = settle(&remote, "n1", 0).await.unwrap_err();
    assert_eq!(pending.next, Next::Unknown(Some(TxId("0xn1".into()))));
    assert!(matches!(remote.resume(&order("n1"), None).await.unwrap(), Fate::NotYetKnown { .. }));
    chain.reveal();
    let mut found = false;
    for _ in 0..40 {
        found |= matches!(remote.resume(&order("n1"), None).await.unwrap(), Fate::Settled(_));
        if found {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert!(found);
    assert_eq!(chain.settles(), 1);
}
