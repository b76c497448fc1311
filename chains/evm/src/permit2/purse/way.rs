//! How a missing allowance is made up for.

use super::Purse;
use crate::At;
use crate::custody::TokenDomain;
use crate::permit2::effort::Path;
use crate::permit2::{Eip2612, PERMIT2, Sponsoring, Token};
use alloy::primitives::{Address, B256, U256};
use tollway_core::{Account, Demand, Requirement, Result};

/// How Permit2 comes to draw on the payer's tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// It may.
    Allowed,
    /// By an EIP-2612 permit of the payer's that the settler hands in.
    Permit,
    /// By a signed approval of the payer's whose gas its account cannot pay, so that the settler has to.
    Approval {
        /// What the account holds all the same, in wei: the most that the approval can take from it.
        coins_wei: u128,
    },
    /// By an approval that the payer sends first.
    Approve,
}

impl Way {
    pub(super) const fn path(self) -> Path {
        match self {
            Self::Allowed | Self::Approve => Path::Settle,
            Self::Permit => Path::WithPermit,
            Self::Approval { .. } => Path::AfterApproval,
        }
    }
}

impl Purse {
    /// How Permit2 comes to draw on the tokens; looks where that is not known, and always at the coins that a signed approval
    /// could take.
    pub(super) async fn way(
        &self,
        demand: &Demand<'_>,
        token: &Token,
        me: &(Address, Account),
    ) -> Result<Way> {
        if self.is_approved(token.address, demand.now) {
            return Ok(Way::Allowed);
        }
        let allowed = self.evm.allowance(me.0, token.address, PERMIT2).await?;
        if allowed.atomic >= demand.requirement.price.atomic() {
            return Ok(Way::Allowed);
        }
        if offers(demand, Sponsoring::Eip2612) && self.takes_permits(demand.requirement, token, me.0).await? {
            return Ok(Way::Permit);
        }
        match offers(demand, Sponsoring::Erc20Approval) {
            true => self.sponsored_way(token.address, &me.1, demand.now).await,
            false => Ok(Way::Approve),
        }
    }

    /// The same without a look; `None` where the token or the account has to be asked.
    pub(super) fn way_of(&self, demand: &Demand<'_>, token: &Token, allowed_atomic: u128) -> Option<Way> {
        if allowed_atomic >= demand.requirement.price.atomic() {
            return Some(Way::Allowed);
        }
        if offers(demand, Sponsoring::Eip2612) && self.permits.get(&token.address)? {
            return Some(Way::Permit);
        }
        match offers(demand, Sponsoring::Erc20Approval) {
            true => self.sponsored_way_now(token.address, demand.now),
            false => Some(Way::Approve),
        }
    }

    /// Whether the token knows EIP-2612 permits, and under the domain that is said.
    async fn takes_permits(&self, r: &Requirement, token: &Token, me: Address) -> Result<bool> {
        if let Some(known) = self.permits.get(&token.address) {
            return Ok(known);
        }
        let knows = self.permit_nonce(r, token, me).await?.is_some();
        self.permits.put(token.address, knows);
        Ok(knows)
    }

    /// The payer's permit nonce on a token and the token's domain; `None` when the token knows no permits, or has
    /// another domain than the table, the user or the entry says. A signature under a wrong one would be worthless.
    pub(super) async fn permit_nonce(
        &self,
        r: &Requirement,
        token: &Token,
        me: Address,
    ) -> Result<Option<(U256, TokenDomain<'static>)>> {
        let looked = self.evm.look(&Eip2612::questions(token.address, me), At::Latest).await?;
        let word = |at: usize| {
            let answer = looked.results.get(at)?.as_ref().ok()?;
            (answer.len() == 32).then(|| B256::from_slice(answer))
        };
        let (Some(nonce), Some(separator)) = (word(0), word(1)) else { return Ok(None) };
        let extra = r.extra.map();
        let said = |key: &str| extra.get(key).and_then(|v| v.as_str()).map(str::to_owned);
        let domain = match self.settings.domain(&token.asset) {
            Some((name, version)) => Some((name.to_owned(), version.to_owned())),
            None => said("name").zip(said("version")),
        };
        let Some((name, version)) = domain else { return Ok(None) };
        let (name, version) = (name.into(), version.into());
        let domain = TokenDomain { name, version, chain_id: self.chain_id, token: token.address };
        Ok((domain.separator() == separator).then(|| (nonce.into(), domain)))
    }
}

fn offers(demand: &Demand<'_>, how: Sponsoring) -> bool {
    how.is_offered(demand.challenge.extensions.as_ref())
}
