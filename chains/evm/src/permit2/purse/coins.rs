//! Whether a signed approval is really somebody else's to pay for.
//!
//! Whoever sends it, the gas of a transaction is paid by the account that signed it. A sponsor sends that account the coins
//! which it lacks; an account that holds them is sent none, and pays itself, whenever the seller cares to broadcast what it
//! was given. So an approval is signed for others to send only where the account holds less than it may cost; else the
//! payer approves by a transaction of its own, if it may send any, which is planned, capped and journaled as such. Coins
//! that are fewer than that are at stake all the same, so all of them count as the payer's cost.
//!
//! What is signed stays good until the account's next nonce is used. Coins that come to the account later can be taken by
//! it, up to its gas limit and fee.

use super::{Purse, Way};
use crate::permit2::effort::sponsored_gas;
use crate::permit2::sponsor::approval_wei;
use alloy::primitives::{Address, U256};
use tollway_core::{Account, Amount, AssetId, Bearer, Blame, Code, Error, Fee, Next, Plan, Result, Time};

/// How long a plan may be made without another look: a sponsor's own coins may come in at any moment, and what was not counted
/// is not signed.
const USABLE_MS: u64 = 3_000;

impl Purse {
    /// How an approval comes about that others offer to pay for; looks at what the account holds.
    pub(super) async fn sponsored_way(&self, token: Address, me: &Account, now: Time) -> Result<Way> {
        let coins_wei = self.coins_wei(me).await?;
        let way = match coins_wei {
            0 => Way::Approval { coins_wei },
            some if some < self.approval_wei(token).await? => Way::Approval { coins_wei },
            _ => Way::Approve,
        };
        self.sponsored.put(token, (way, now));
        Ok(way)
    }

    /// The same from memory.
    pub(super) fn sponsored_way_now(&self, token: Address, now: Time) -> Option<Way> {
        self.sponsored.get(&token).filter(|(_, at)| now.ms_since(*at) < USABLE_MS).map(|(way, _)| way)
    }

    /// What the payer may lose on this way beside the price.
    pub(super) fn at_stake(&self, way: Way) -> Option<Fee> {
        let Way::Approval { coins_wei } = way else { return None };
        let amount = Amount::new(AssetId::native(self.chain), coins_wei);
        let label = "coins that the approval may take";
        (coins_wei > 0).then_some(Fee { bearer: Bearer::Payer, amount, label })
    }

    /// Refuses to sign an approval for others to send when the account holds more by now than the plan has counted.
    ///
    /// # Errors
    /// [`Code::AllowanceRequired`]: plan again.
    pub(super) fn still_sponsored(&self, plan: &Plan, coins_wei: u128) -> Result<()> {
        let native = AssetId::native(self.chain);
        let counted = plan.effort.fees.iter().filter(|fee| fee.bearer == Bearer::Payer);
        let counted = counted.filter(|fee| fee.amount.asset == native);
        let counted_wei = counted.fold(0u128, |sum, fee| sum.saturating_add(fee.amount.atomic));
        if coins_wei <= counted_wei {
            return Ok(());
        }
        Err(Error::new(Code::AllowanceRequired, Blame::Payer, Next::Prepare).detail(format!(
            "the payer's account holds {coins_wei} wei by now, {counted_wei} were counted when its approval was planned; \
             plan again"
        )))
    }

    /// What a signed approval may cost: it offers twice the base fee, and the tip.
    async fn approval_wei(&self, token: Address) -> Result<u128> {
        let gas_limit = sponsored_gas(&*self.evm, token);
        let (today_wei, _) = approval_wei(&*self.evm, token, U256::MAX, gas_limit).await?;
        Ok(today_wei.saturating_mul(2))
    }

    async fn coins_wei(&self, me: &Account) -> Result<u128> {
        let held = self.evm.balances(me, &[AssetId::native(self.chain)]).await?;
        held.first().map(|amount| amount.atomic).ok_or_else(|| {
            Error::network(Code::InvalidAnswer).detail("nobody tells what the payer's account holds")
        })
    }
}
