//! A chain that makes trouble with its next transaction when it is told to.

use std::sync::{Arc, Mutex};
use tollway_core::{
    Account, Amount, AssetId, ChainId, Code, Error, Network, NetworkTraits, Next, Outcome, Purpose,
    RecordKey, Result, Tariff, TxId, async_trait,
};
use tollway_solana::{
    At, Blockhash, Find, Holding, Landed, Looked, Mint, Pubkey, Recorded, Sent, Signature, Signer, Status,
    Submit, Svm, Trial, Tried,
};
use tollway_testkit::suite::scheme::Trouble;

/// What the next transaction meets.
pub(crate) type Wish = Arc<Mutex<Option<Trouble>>>;

/// Passes everything on, but for one transaction that somebody has wished trouble to.
pub(crate) struct Troubled {
    pub(crate) inner: Arc<dyn Svm>,
    pub(crate) wish: Wish,
}

#[async_trait]
impl Network for Troubled {
    fn id(&self) -> ChainId {
        self.inner.id()
    }
    fn traits(&self) -> NetworkTraits {
        self.inner.traits()
    }
    async fn tariff(&self, purpose: Purpose, touching: &[Account]) -> Result<Arc<dyn Tariff>> {
        self.inner.tariff(purpose, touching).await
    }
    async fn balances(&self, owner: &Account, assets: &[AssetId]) -> Result<Vec<Amount>> {
        self.inner.balances(owner, assets).await
    }
    async fn outcome(&self, tx: &TxId) -> Result<Outcome> {
        self.inner.outcome(tx).await
    }
}

#[async_trait]
impl Svm for Troubled {
    async fn look(&self, accounts: &[Pubkey], at: At) -> Result<Looked> {
        self.inner.look(accounts, at).await
    }
    async fn attempt(&self, trial: Trial<'_>) -> Result<Tried> {
        self.inner.attempt(trial).await
    }
    async fn blockhash(&self) -> Result<Blockhash> {
        self.inner.blockhash().await
    }
    async fn height(&self, at: At) -> Result<u64> {
        self.inner.height(at).await
    }
    async fn statuses(&self, signatures: &[Signature]) -> Result<Vec<Option<Status>>> {
        self.inner.statuses(signatures).await
    }
    async fn find(&self, question: &Find<'_>) -> Result<Option<Recorded>> {
        self.inner.find(question).await
    }
    async fn recorded(&self, signature: &Signature) -> Result<Option<Recorded>> {
        self.inner.recorded(signature).await
    }
    async fn holding(&self, owner: &Account, mint: &Pubkey) -> Result<Holding> {
        self.inner.holding(owner, mint).await
    }
    async fn mint(&self, mint: &Pubkey) -> Result<Mint> {
        self.inner.mint(mint).await
    }
    async fn unit_price(&self, purpose: Purpose, written: &[Pubkey]) -> Result<u64> {
        self.inner.unit_price(purpose, written).await
    }
    async fn send(&self, submit: Submit, key: &RecordKey) -> Result<Landed> {
        let trouble = self.wish.lock().unwrap().take();
        if trouble == Some(Trouble::Refused) && matches!(self.inner.sent(key).await, Ok(Sent::Never)) {
            return Err(Error::network(Code::Unreachable).detail("not sent: the node did not answer"));
        }
        let landed = self.inner.send(submit, key).await;
        if trouble != Some(Trouble::AnswerLost) {
            return landed;
        }
        let tx = match landed {
            Ok(landed) => Some(landed.tx),
            Err(Error { next: Next::Unknown(tx), .. }) => tx,
            Err(_) => None,
        };
        Err(Error::unknown(Code::TimedOut, tx).detail("the answer was lost"))
    }
    async fn sent(&self, key: &RecordKey) -> Result<Sent> {
        self.inner.sent(key).await
    }
    fn fee_payers(&self) -> Vec<Pubkey> {
        self.inner.fee_payers()
    }
    fn next_fee_payer(&self) -> Result<Pubkey> {
        self.inner.next_fee_payer()
    }
    fn signer(&self) -> Result<Arc<dyn Signer + Send + Sync>> {
        self.inner.signer()
    }
}
