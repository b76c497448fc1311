//! Where an authorization stands on chain; asked by the payer (`resolve`) and by the settler (`resume`, `settle`).

use crate::terms::{Token, moment};
use crate::token;
use alloy::primitives::Address;
use std::num::NonZeroU32;
use tollway_core::{Amount, AssetId, Clock, Code, Error, Extra, Landed, Receipt, Result, Spent, Time, TxId};
use tollway_evm::address;
use tollway_evm::eip712::Transfer;
use tollway_evm::{At, Evm, EvmCall, Landing, LogQuery, Looked};

/// What the chain says of one authorization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stand {
    /// It moved this money, in this transaction. Whoever sent that: a front-runner pays the gas and changes nothing.
    Settled(TxId),
    /// It was cancelled, its nonce went to another transfer, or its window is over; all at the set finality.
    Dead,
    /// It is unused, and its window is not over.
    Open,
    /// Between two answers: used or over in the newest block, not yet at the set finality.
    Wait,
}

/// An authorization on its token.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) token: &'a Token,
    pub(crate) transfer: &'a Transfer,
    /// The requirement's timeout, from which the time of signing follows.
    pub(crate) timeout_s: u64,
    /// What a transfer must have reached to count as settled.
    pub(crate) at: At,
}

impl Asked<'_> {
    /// Looks. Unused costs one round trip; used, a few more.
    pub(crate) async fn stand(&self, evm: &dyn Evm) -> Result<Stand> {
        let before = moment(self.transfer.valid_before);
        let newest = self.look(evm, At::Latest).await?;
        if self.used(&newest)? {
            return self.use_of_nonce(evm, newest.time).await;
        }
        if newest.time < before {
            return Ok(Stand::Open);
        }
        let last = self.look(evm, At::Final).await?;
        // Only a block of that finality, past the window and with the nonce unused, proves that it never will be.
        Ok(if last.time >= before && !self.used(&last)? { Stand::Dead } else { Stand::Wait })
    }

    async fn use_of_nonce(&self, evm: &dyn Evm, now: Time) -> Result<Stand> {
        let (log, by_transfer) = self.log(evm, now).await?;
        let ours = by_transfer
            && match evm.mined(&log.tx).await? {
                Some(mined) => {
                    mined.success && token::used_for(&mined.logs, self.token.address, self.transfer)
                }
                // The block was replaced between the two questions.
                None => return Ok(Stand::Wait),
            };
        let is_final = match (ours, self.at) {
            (true, At::Latest) => true,
            _ => self.used(&self.look(evm, At::Final).await?)?,
        };
        Ok(match (is_final, ours) {
            (false, _) => Stand::Wait,
            (true, true) => Stand::Settled(log.tx),
            (true, false) => Stand::Dead,
        })
    }

    /// The log that explains why the nonce is used, and whether that was a transfer. Near the time of signing first;
    /// the whole chain only for a window that was not signed by the rule `validBefore = now + maxTimeoutSeconds`.
    async fn log(&self, evm: &dyn Evm, now: Time) -> Result<(Landing, bool)> {
        let back_ms = self.timeout_s.saturating_add(3_600).saturating_mul(1_000);
        // A transfer is in a block before its window ends; a cancellation that comes later still is looked for last.
        let until = moment(self.transfer.valid_before).min(now);
        let near = until.minus_ms(back_ms);
        for (since, until) in [(near, until), (Time::ZERO, Time::FAR)] {
            for by_transfer in [true, false] {
                let topics = token::topics(by_transfer, self.transfer.from, self.transfer.nonce);
                let query = LogQuery { address: self.token.address, topics, since, until };
                if let Some(log) = evm.find_log(&query).await? {
                    return Ok((log, by_transfer));
                }
            }
        }
        Err(Error::network(Code::NotFound).detail(
            "the token says that the authorization is used or cancelled, and the node knows no log of it",
        ))
    }

    async fn look(&self, evm: &dyn Evm, at: At) -> Result<Looked> {
        evm.look(&[self.call()], at).await
    }
    fn call(&self) -> EvmCall {
        token::state(self.token.address, self.transfer.from, self.transfer.nonce)
    }
    fn used(&self, looked: &Looked) -> Result<bool> {
        Ok(!token::number(looked, 0)?.is_zero())
    }
}

/// The receipt of what `payer` did; with what it cost when it was our transaction.
pub(crate) fn receipt(
    token: &Token,
    payer: Address,
    charged: Amount,
    transaction: TxId,
    cost_wei: Option<u128>,
) -> Result<Receipt> {
    let cost = |wei| Amount::new(AssetId::native(token.chain()), wei);
    Ok(Receipt {
        landed: Landed::OnChain { transaction },
        charged,
        payer: Some(address::account(token.chain(), &payer)?),
        chain: token.chain(),
        spent: cost_wei.map(|wei| Spent { cost: cost(wei), shared_by: NonZeroU32::MIN }),
        extra: Extra::default(),
    })
}

/// When to ask again: after the next block.
pub(crate) fn soon(evm: &dyn Evm, clock: &dyn Clock) -> Time {
    clock.now().plus_ms(evm.traits().block_ms.into())
}
