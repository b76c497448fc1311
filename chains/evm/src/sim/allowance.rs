//! What a token knows of allowances: ERC-20's `approve` and `transferFrom`, EIP-2612's `permit`.

use super::abi::{self, Approval};
use super::token::SimToken;
use crate::eip712;
use alloy::primitives::{Address, B256, U256, b256};
use alloy::sol_types::{SolCall, SolEvent, SolValue};
use tollway_core::Account;
use tollway_testkit::sim::{Ctx, Revert};

/// `Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)`. Source: EIP-2612.
const PERMIT_TYPEHASH: B256 = b256!("6e71edae12b1b97f4d1f60370fef10105fa2faae0126114a169c64845d6126c9");

impl SimToken {
    /// The answer to a call that is about allowances; `None` for any other.
    pub(super) fn about_allowances(
        &self,
        ctx: &mut Ctx<'_>,
        caller: &Account,
        input: &[u8],
    ) -> Option<Result<Vec<u8>, Revert>> {
        if let Ok(c) = abi::allowanceCall::abi_decode(input) {
            return Some(self.allowed(ctx, c.owner, c.spender).map(|atomic| atomic.abi_encode()));
        }
        if let Ok(c) = abi::approveCall::abi_decode(input) {
            return Some(self.approve(ctx, caller, &c));
        }
        if let Ok(c) = abi::transferFromCall::abi_decode(input) {
            return Some(self.transfer_from(ctx, caller, &c));
        }
        if let Ok(c) = abi::noncesCall::abi_decode(input) {
            return Some(self.permits(ctx, c.owner).map(|nonce| nonce.abi_encode()));
        }
        if abi::DOMAIN_SEPARATORCall::abi_decode(input).is_ok() {
            return Some(Ok(self.separator().abi_encode()));
        }
        let c = abi::permitCall::abi_decode(input).ok()?;
        Some(self.permit(ctx, &c).map(|()| Vec::new()))
    }

    fn allowed(&self, ctx: &mut Ctx<'_>, owner: Address, spender: Address) -> Result<U256, Revert> {
        let stored = ctx.load(&allowance(owner, spender))?;
        let from_the_start = if self.is_open_to(spender) { U256::MAX } else { U256::ZERO };
        Ok(stored.map_or(from_the_start, |word| U256::from_be_slice(&word)))
    }

    fn allow(&self, ctx: &mut Ctx<'_>, owner: Address, spender: Address, atomic: U256) -> Result<(), Revert> {
        ctx.store(&allowance(owner, spender), Some(atomic.to_be_bytes::<32>().to_vec()))?;
        let topics = [Approval::SIGNATURE_HASH, owner.into_word(), spender.into_word()];
        self.say(ctx, &topics, &atomic.abi_encode())
    }

    fn approve(&self, ctx: &mut Ctx<'_>, caller: &Account, c: &abi::approveCall) -> Result<Vec<u8>, Revert> {
        let owner = self.address_of(caller)?;
        self.allow(ctx, owner, c.spender, c.amount)?;
        Ok(true.abi_encode())
    }

    fn transfer_from(
        &self,
        ctx: &mut Ctx<'_>,
        caller: &Account,
        c: &abi::transferFromCall,
    ) -> Result<Vec<u8>, Revert> {
        let spender = self.address_of(caller)?;
        let allowed = self.allowed(ctx, c.from, spender)?;
        let left = allowed.checked_sub(c.amount);
        let left = left.ok_or_else(|| Revert::from("ERC20: transfer amount exceeds allowance"))?;
        if allowed != U256::MAX {
            self.allow(ctx, c.from, spender, left)?;
        }
        self.shift(ctx, c.from, c.to, c.amount)?;
        Ok(true.abi_encode())
    }

    fn permits(&self, ctx: &mut Ctx<'_>, owner: Address) -> Result<U256, Revert> {
        Ok(ctx.load(&permit_nonce(owner))?.map_or(U256::ZERO, |word| U256::from_be_slice(&word)))
    }

    fn permit(&self, ctx: &mut Ctx<'_>, c: &abi::permitCall) -> Result<(), Revert> {
        if U256::from(ctx.now().secs()) > c.deadline {
            return Err("FiatTokenV2: permit is expired".into());
        }
        let nonce = self.permits(ctx, c.owner)?;
        let said = eip712::words(&[
            PERMIT_TYPEHASH,
            c.owner.into_word(),
            c.spender.into_word(),
            c.value.into(),
            nonce.into(),
            c.deadline.into(),
        ]);
        let digest = eip712::digest(&self.separator(), &said);
        self.signed_by(c.owner, &digest, &super::token::joined(c.v, c.r, c.s))?;
        let next = nonce.saturating_add(U256::from(1));
        ctx.store(&permit_nonce(c.owner), Some(next.to_be_bytes::<32>().to_vec()))?;
        self.allow(ctx, c.owner, c.spender, c.value)
    }
}

fn allowance(owner: Address, spender: Address) -> Vec<u8> {
    [owner.as_slice(), b"allows", spender.as_slice()].concat()
}

fn permit_nonce(owner: Address) -> Vec<u8> {
    [owner.as_slice(), b"permits"].concat()
}
