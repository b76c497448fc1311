//! Where a payment stands on chain; asked by the payer (`resolve`) and by the settler (`resume`).

use crate::shape::MessageHash;
use crate::wire::Tx;
use std::num::NonZeroU32;
use tollway_core::{
    Amount, AssetId, ChainId, Clock, Code, Extra, Landed as Place, Receipt, Recent, Requirement, Result,
    Spent, Time, TxId,
};
use tollway_solana::{At, BLOCKHASH_BLOCKS, Blockhash, Fault, Find, Pubkey, Recorded, Svm, Trial, address};

/// Heights of one node may differ by so much from one answer to the next.
const LEEWAY_BLOCKS: u64 = 150;

/// What the chain says of one message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stand {
    /// It is in a block at the set finality, and did what it says.
    Settled(Box<Recorded>),
    /// It failed there, or its blockhash is too old for every block to come and it is in none.
    Dead,
    /// It is in no block yet, and may still get into one.
    Open,
}

/// A signed message, and where to look for it.
pub(crate) struct Signed<'a> {
    pub(crate) tx: &'a Tx<'a>,
    /// All of it, as it goes over the wire.
    pub(crate) wire: &'a [u8],
    pub(crate) hash: MessageHash,
    /// An account that it names, with a short history.
    pub(crate) address: Pubkey,
    /// A memo that it holds.
    pub(crate) memo: Option<&'a str>,
    /// Not signed before this; zero where nobody knows.
    pub(crate) since: Time,
}

/// Where on the chain a message can be.
#[derive(Debug, Clone, Copy)]
struct Life {
    /// In no block below this height, where that is known.
    from_height: Option<u64>,
    /// At no height beyond this.
    last_valid: u64,
}

/// Where messages signed lately can be: known to whoever chose the blockhash, else bounded when first asked, because
/// a hash that is known now cannot be younger than now.
pub(crate) struct Lives(Recent<MessageHash, Life>);

impl Lives {
    pub(crate) fn new() -> Self {
        Self(Recent::new(4096))
    }
    /// The message is built on this blockhash.
    pub(crate) fn learn(&self, hash: MessageHash, on: &Blockhash) {
        self.0.put(hash, Life { from_height: Some(on.height()), last_valid: on.last_valid_height });
    }
    async fn of(&self, signed: &Signed<'_>, svm: &dyn Svm, now: Time) -> Result<Life> {
        if let Some(known) = self.0.get(&signed.hash) {
            return Ok(known);
        }
        let last_valid = svm.blockhash().await?.bound(now);
        let life = Life { from_height: signed.lowest(svm).await?, last_valid };
        self.0.put(signed.hash, life);
        Ok(life)
    }
}

impl Signed<'_> {
    /// A height that it can be in no block below, while its blockhash lives.
    async fn lowest(&self, svm: &dyn Svm) -> Result<Option<u64>> {
        let trial = Trial { wire: self.wire, before: &[], after: &[], inner: false };
        let tried = svm.attempt(trial).await?;
        // Only what is said after a look at its blockhash says that this lives.
        let lives = matches!(tried.fault, None | Some(Fault::AlreadyProcessed | Fault::Instruction { .. }));
        Ok(lives.then(|| tried.looked.height.saturating_sub(BLOCKHASH_BLOCKS.saturating_add(LEEWAY_BLOCKS))))
    }

    /// Looks: how far the chain is, *then* whether the message is there up to that slot. In this order, "too
    /// old" and "not there" together mean "never".
    ///
    /// # Errors
    /// The chain's; [`Code::NotFound`] for one that is too old where no node's history reaches back far enough to say "not there".
    pub(crate) async fn stand(&self, svm: &dyn Svm, lives: &Lives, clock: &dyn Clock) -> Result<Stand> {
        let Life { from_height, last_valid } = lives.of(self, svm, clock.now()).await?;
        let looked = svm.look(&[], At::Final).await?;
        let question = Find {
            address: self.address,
            message: self.tx.message,
            memo: self.memo,
            since: self.since,
            from_height,
            min_slot: Some(looked.slot),
        };
        let over = looked.height > last_valid;
        let found = match svm.find(&question).await {
            // While it may still land, nobody has to know that it has not.
            Err(e) if e.code == Code::NotFound && !over => None,
            found => found?,
        };
        Ok(match found {
            Some(recorded) if recorded.fault.is_none() => Stand::Settled(Box::new(recorded)),
            Some(_) => Stand::Dead,
            None if over => Stand::Dead,
            None => Stand::Open,
        })
    }
}

/// The receipt of a transfer of the price.
pub(crate) fn receipt(r: &Requirement, payer: &Pubkey, tx: TxId, fee: Option<u64>) -> Result<Receipt> {
    Ok(Receipt {
        landed: Place::OnChain { transaction: tx },
        charged: r.price.0,
        payer: Some(address::account(r.chain, payer)?),
        chain: r.chain,
        spent: fee.map(|lamports| spent(r.chain, lamports)),
        extra: Extra::default(),
    })
}

/// A cost in lamports that nobody shared.
pub(crate) fn spent(chain: ChainId, lamports: u64) -> Spent {
    Spent { cost: Amount::new(AssetId::native(chain), lamports.into()), shared_by: NonZeroU32::MIN }
}

/// When to ask again: after the next block.
pub(crate) fn soon(svm: &dyn Svm, clock: &dyn Clock) -> Time {
    clock.now().plus_ms(svm.traits().block_ms.into())
}
