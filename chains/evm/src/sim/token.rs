//! A token with EIP-3009 and plain allowances, as a program of the simulated chain.
//!
//! Written from the EIPs, with the revert strings of FiatTokenV2 (USDC), whose gas it uses within a few percent.

use super::abi::{self, AuthorizationCanceled, AuthorizationUsed, Transfer as Moved};
use super::event;
use crate::eip712::{self, Transfer};
use crate::{FAMILY, address, signature};
use alloy::primitives::{Address, B256, Signature, U256, b256};
use alloy::sol_types::{SolCall, SolEvent, SolValue};
use tollway_core::{Account, AssetId, ChainId, Result};
use tollway_testkit::sim::{Ctx, Program, Revert};

/// `CancelAuthorization(address authorizer,bytes32 nonce)`. Source: EIP-3009.
const CANCEL_TYPEHASH: B256 = b256!("158b0a9edf7a828aad02f63cd515c68ef2f50ba807396f6d12842833a1597429");
/// What a proxy, a pause check, two block lists and an ecrecover cost beside what the chain itself counts.
const OVERHEAD_GAS: u64 = 26_400;

const USED: &str = "FiatTokenV2: authorization is used or canceled";

/// A token that can be paid with by EIP-3009.
#[derive(Debug, Clone)]
pub struct SimToken {
    chain: ChainId,
    address: Address,
    separator: B256,
    open_to: Option<Address>,
}

impl SimToken {
    /// The token at an address, with its EIP-712 domain.
    pub fn new(chain: ChainId, chain_id: u64, address: Address, name: &str, version: &str) -> Self {
        Self {
            chain,
            address,
            separator: eip712::hash_domain(name, version, chain_id, address),
            open_to: None,
        }
    }

    /// A token of the built-in table, with the domain that is known of it.
    ///
    /// # Errors
    /// [`tollway_core::Code::UnknownAsset`] when it is in no table; [`tollway_core::Code::InvalidAddress`] when that is no address.
    pub fn known(chain: ChainId, token: &str) -> Result<Self> {
        let asset = FAMILY.asset(chain, token)?;
        let separator = eip712::known_separator(&asset)?;
        Ok(Self { chain, address: address::parse(asset.key())?, separator, open_to: None })
    }

    /// Lets a contract draw on everybody without end, unless they say otherwise: as some tokens let Permit2.
    #[must_use]
    pub fn open_to(mut self, spender: Address) -> Self {
        self.open_to = Some(spender);
        self
    }

    /// Its address.
    pub fn address(&self) -> Address {
        self.address
    }

    /// What its units are called in amounts.
    ///
    /// # Errors
    /// Never for a real address.
    pub fn asset(&self) -> Result<AssetId> {
        address::asset(self.chain, &self.address)
    }

    fn own(&self) -> Result<AssetId, Revert> {
        self.asset().map_err(|e| Revert(e.to_string()))
    }

    fn account(&self, address: Address) -> Result<Account, Revert> {
        address::account(self.chain, &address).map_err(|e| Revert(e.to_string()))
    }

    fn signed_by(&self, from: Address, digest: &B256, signature: &[u8]) -> Result<(), Revert> {
        let plain = matches!(signature.last(), Some(27 | 28));
        match signature::recover(digest, signature) {
            Ok(signer) if plain && signer == from => Ok(()),
            _ => Err("FiatTokenV2: invalid signature".into()),
        }
    }

    fn unused(&self, ctx: &mut Ctx<'_>, authorizer: Address, nonce: B256) -> Result<(), Revert> {
        match ctx.load(&slot(authorizer, nonce))? {
            Some(_) => Err(USED.into()),
            None => Ok(()),
        }
    }

    fn transfer(&self, ctx: &mut Ctx<'_>, said: &Transfer, signature: &[u8]) -> Result<(), Revert> {
        ctx.use_gas(OVERHEAD_GAS)?;
        let now = U256::from(ctx.now().secs());
        if now <= said.valid_after {
            return Err("FiatTokenV2: authorization is not yet valid".into());
        }
        if now >= said.valid_before {
            return Err("FiatTokenV2: authorization is expired".into());
        }
        self.unused(ctx, said.from, said.nonce)?;
        self.signed_by(said.from, &said.digest(&self.separator), signature)?;
        ctx.store(&slot(said.from, said.nonce), Some(vec![1]))?;
        self.say(ctx, &[AuthorizationUsed::SIGNATURE_HASH, said.from.into_word(), said.nonce], &[])?;
        self.pay(ctx, said.from, said.to, said.value)
    }

    fn pay(&self, ctx: &mut Ctx<'_>, payer: Address, payee: Address, amount: U256) -> Result<(), Revert> {
        let (from, to) = (self.account(payer)?, self.account(payee)?);
        let short = || Revert::from("ERC20: transfer amount exceeds balance");
        let value = u128::try_from(amount).map_err(|_| short())?;
        if ctx.balance(&self.own()?, &from)? < value {
            return Err(short());
        }
        ctx.move_own(&from, &to, value)?;
        let topics = [Moved::SIGNATURE_HASH, payer.into_word(), payee.into_word()];
        self.say(ctx, &topics, &amount.abi_encode())
    }

    fn allowance(&self, ctx: &mut Ctx<'_>, owner: Address, spender: Address) -> Result<U256, Revert> {
        let stored = ctx.load(&allowance_slot(owner, spender))?;
        let open = if self.open_to == Some(spender) { U256::MAX } else { U256::ZERO };
        Ok(stored.map_or(open, |bytes| U256::from_be_slice(&bytes)))
    }

    fn approve(&self, ctx: &mut Ctx<'_>, owner: Address, c: &abi::approveCall) -> Result<(), Revert> {
        ctx.use_gas(OVERHEAD_GAS / 2)?;
        let amount = c.amount.to_be_bytes::<32>().to_vec();
        ctx.store(&allowance_slot(owner, c.spender), Some(amount))?;
        let topics = [abi::Approval::SIGNATURE_HASH, owner.into_word(), c.spender.into_word()];
        self.say(ctx, &topics, &c.amount.abi_encode())
    }

    fn draw(&self, ctx: &mut Ctx<'_>, spender: Address, c: &abi::transferFromCall) -> Result<(), Revert> {
        ctx.use_gas(OVERHEAD_GAS / 2)?;
        let allowed = self.allowance(ctx, c.from, spender)?;
        if allowed < c.amount {
            return Err("ERC20: transfer amount exceeds allowance".into());
        }
        if allowed != U256::MAX {
            let left = allowed.saturating_sub(c.amount).to_be_bytes::<32>().to_vec();
            ctx.store(&allowance_slot(c.from, spender), Some(left))?;
        }
        self.pay(ctx, c.from, c.to, c.amount)
    }

    fn cancel(&self, ctx: &mut Ctx<'_>, call: &abi::cancelAuthorizationCall) -> Result<(), Revert> {
        ctx.use_gas(OVERHEAD_GAS / 2)?;
        self.unused(ctx, call.authorizer, call.nonce)?;
        let said = eip712::words(&[CANCEL_TYPEHASH, call.authorizer.into_word(), call.nonce]);
        let digest = eip712::digest(&self.separator, &said);
        self.signed_by(call.authorizer, &digest, &joined(call.v, call.r, call.s))?;
        ctx.store(&slot(call.authorizer, call.nonce), Some(vec![2]))?;
        let topics = [AuthorizationCanceled::SIGNATURE_HASH, call.authorizer.into_word(), call.nonce];
        self.say(ctx, &topics, &[])
    }

    fn say(&self, ctx: &mut Ctx<'_>, topics: &[B256], data: &[u8]) -> Result<(), Revert> {
        ctx.emit(&event::topic(topics), data.to_vec())
    }
}

impl Program for SimToken {
    fn call(&self, ctx: &mut Ctx<'_>, caller: &Account, input: &[u8]) -> Result<Vec<u8>, Revert> {
        let caller = || address::of_account(caller).map_err(|e| Revert(e.to_string()));
        if let Ok(c) = abi::allowanceCall::abi_decode(input) {
            return Ok(self.allowance(ctx, c.owner, c.spender)?.abi_encode());
        }
        if let Ok(c) = abi::approveCall::abi_decode(input) {
            return self.approve(ctx, caller()?, &c).map(|()| true.abi_encode());
        }
        if let Ok(c) = abi::transferFromCall::abi_decode(input) {
            return self.draw(ctx, caller()?, &c).map(|()| true.abi_encode());
        }
        if let Ok(c) = abi::balanceOfCall::abi_decode(input) {
            let owner = self.account(c.account)?;
            return Ok(U256::from(ctx.balance(&self.own()?, &owner)?).abi_encode());
        }
        if let Ok(c) = abi::authorizationStateCall::abi_decode(input) {
            return Ok(ctx.load(&slot(c.authorizer, c.nonce))?.is_some().abi_encode());
        }
        if let Ok(c) = abi::cancelAuthorizationCall::abi_decode(input) {
            return self.cancel(ctx, &c).map(|()| Vec::new());
        }
        let (said, signature) = decoded(input).ok_or_else(|| Revert(String::new()))?;
        self.transfer(ctx, &said, &signature).map(|()| Vec::new())
    }
}

/// Either form of `transferWithAuthorization`.
fn decoded(input: &[u8]) -> Option<(Transfer, Vec<u8>)> {
    if let Ok(c) = abi::transferWithAuthorization_0Call::abi_decode(input) {
        let said = Transfer {
            from: c.from,
            to: c.to,
            value: c.value,
            valid_after: c.validAfter,
            valid_before: c.validBefore,
            nonce: c.nonce,
        };
        return Some((said, joined(c.v, c.r, c.s).to_vec()));
    }
    let c = abi::transferWithAuthorization_1Call::abi_decode(input).ok()?;
    let said = Transfer {
        from: c.from,
        to: c.to,
        value: c.value,
        valid_after: c.validAfter,
        valid_before: c.validBefore,
        nonce: c.nonce,
    };
    Some((said, c.signature.to_vec()))
}

fn joined(v: u8, r: B256, s: B256) -> [u8; 65] {
    let mut bytes = Signature::from_scalars_and_parity(r, s, v == 28).as_bytes();
    // A `v` that is neither 27 nor 28 must stay wrong.
    if let Some(last) = bytes.last_mut() {
        *last = v;
    }
    bytes
}

fn allowance_slot(owner: Address, spender: Address) -> Vec<u8> {
    [owner.as_slice(), spender.as_slice()].concat()
}

fn slot(authorizer: Address, nonce: B256) -> Vec<u8> {
    [authorizer.as_slice(), nonce.as_slice()].concat()
}
