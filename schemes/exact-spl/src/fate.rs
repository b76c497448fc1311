//! Where a payment stands on chain; asked by the payer (`resolve`) and by the settler (`resume`).

use crate::shape::MessageHash;
use crate::wire::Tx;
use std::num::NonZeroU32;
use tollway_core::{
    Amount, AssetId, ChainId, Clock, Extra, Landed as Place, Receipt, Recent, Requirement, Result, Spent,
    Time, TxId,
};
use tollway_solana::{At, Find, Pubkey, Recorded, Svm, address};

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
    pub(crate) hash: MessageHash,
    /// An account that it names, with a short history.
    pub(crate) address: Pubkey,
    /// A memo that it holds.
    pub(crate) memo: Option<&'a str>,
    /// Not signed before this.
    pub(crate) since: Time,
}

/// The last block height at which messages signed lately can be in a block: known to whoever chose the
/// blockhash, else bounded when first asked, because a hash that is known now cannot be younger than now.
pub(crate) struct Heights(Recent<MessageHash, u64>);

impl Heights {
    pub(crate) fn new() -> Self {
        Self(Recent::new(4096))
    }
    pub(crate) fn learn(&self, hash: MessageHash, last_valid: u64) {
        self.0.put(hash, last_valid);
    }
    async fn of(&self, hash: MessageHash, svm: &dyn Svm, now: Time) -> Result<u64> {
        if let Some(known) = self.0.get(&hash) {
            return Ok(known);
        }
        let bound = svm.blockhash().await?.bound(now);
        self.0.put(hash, bound);
        Ok(bound)
    }
}

impl Signed<'_> {
    /// Looks: how far the chain is, *then* whether the message is there up to that slot. In this order, "too
    /// old" and "not there" together mean "never".
    pub(crate) async fn stand(&self, svm: &dyn Svm, heights: &Heights, clock: &dyn Clock) -> Result<Stand> {
        let last_valid = heights.of(self.hash, svm, clock.now()).await?;
        let looked = svm.look(&[], At::Final).await?;
        let question = Find {
            address: self.address,
            message: self.tx.message,
            memo: self.memo,
            since: self.since,
            min_slot: Some(looked.slot),
        };
        Ok(match svm.find(&question).await? {
            Some(recorded) if recorded.fault.is_none() => Stand::Settled(Box::new(recorded)),
            Some(_) => Stand::Dead,
            None if looked.height > last_valid => Stand::Dead,
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
