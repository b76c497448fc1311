//! What the integration tests share: a clock, a scripted node, and transactions to send.
#![allow(dead_code, unreachable_pub, unused_imports, missing_docs)]

pub mod node;

pub use node::{Node, OnSend};

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tollway_core::ledger::MemoryLedger;
use tollway_core::{Clock, Ledger, RecordKey, Time, async_trait};
use tollway_solana::{
    Builder, Landed, LocalKey, Profile, Pubkey, SendSettings, Signer, SolanaNetwork, Submit, Svm,
};

/// The wall clock.
pub struct Wall;

#[async_trait]
impl Clock for Wall {
    fn now(&self) -> Time {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Time::from_ms(u64::try_from(since.as_millis()).unwrap())
    }
    async fn sleep(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

pub fn clock() -> Arc<dyn Clock> {
    Arc::new(Wall)
}

pub fn ledger() -> Arc<dyn Ledger> {
    Arc::new(MemoryLedger::new())
}

pub fn key(n: u8) -> Arc<LocalKey> {
    Arc::new(LocalKey::from_secret(&[n; 32]))
}

/// Slots of 20 ms, so that what takes slots does not take long.
pub fn quick() -> Profile {
    let mut profile = Profile::LOCAL;
    profile.slot_ms = 20;
    profile
}

pub fn settings() -> SendSettings {
    let mut settings = SendSettings::default();
    settings.patience_ms = 10_000;
    settings
}

pub fn builder(node: &Node, ledger: Arc<dyn Ledger>) -> Builder {
    let builder = SolanaNetwork::builder(ledger, clock()).url(node.url()).profile(quick());
    builder.sending(settings()).without_pushes().timeout(Duration::from_secs(2))
}

/// With one fee payer, key 1.
pub async fn network(node: &Node, ledger: Arc<dyn Ledger>) -> Arc<SolanaNetwork> {
    builder(node, ledger).fee_payer(key(1)).connect().await.unwrap()
}

/// A transaction of key 2 that key 1 is to pay for; the `n`th of its kind. The node does not look inside.
pub fn payment(n: u8) -> Submit {
    wire(&[key(1).address(), key(2).address()], [n; 32])
}

/// A transaction that all but the first of these keys (1 and 2) have signed.
pub fn wire(signers: &[Pubkey], blockhash: [u8; 32]) -> Submit {
    let mut message =
        vec![0x80, u8::try_from(signers.len()).unwrap(), 0, 0, u8::try_from(signers.len()).unwrap()];
    signers.iter().for_each(|signer| message.extend(signer.as_ref()));
    message.extend(blockhash);
    message.extend([0, 0]); // no instructions, no lookup tables
    let mut wire = vec![u8::try_from(signers.len()).unwrap()];
    wire.extend([0; 64]);
    for _ in signers.iter().skip(1) {
        wire.extend(key(2).sign_message(&message).as_ref());
    }
    wire.extend(message);
    Submit { wire, fee_payer: signers.first().copied(), not_after: Time::FAR }
}

/// Until something is so.
pub async fn until(what: impl Fn() -> bool) {
    for _ in 0..2_000 {
        if what() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it never was so");
}

/// A send that runs by itself.
pub fn sending(
    net: &Arc<SolanaNetwork>,
    submit: Submit,
    key: &str,
) -> tokio::task::JoinHandle<tollway_core::Result<Landed>> {
    let (net, key) = (net.clone(), RecordKey::from(key));
    tokio::spawn(async move { net.send(submit, &key).await })
}
