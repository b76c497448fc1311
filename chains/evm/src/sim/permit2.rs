//! Permit2 and x402's proxies for it, as programs of the simulated chain. Written from their published interfaces; the
//! digest is made from the type string that the proxy hands over, as Permit2 makes it.

use super::abi::{self, permit2 as p2, proxy};
use super::event;
use crate::permit2::{PERMIT2, Proxy, separator};
use crate::{address, eip712, signature};
use alloy::primitives::{Address, Bytes, U256, keccak256};
use alloy::sol_types::{SolCall, SolEvent, SolValue};
use tollway_core::{Account, ChainId};
use tollway_testkit::sim::{Ctx, Program, Revert};

/// What Permit2 and the proxy cost beside what the chain itself counts.
const OVERHEAD_GAS: u64 = 20_000;

const PERMITTED: &str = "TokenPermissions(address token,uint256 amount)";
const WHOLE: &str =
    "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,";

fn words(error: tollway_core::Error) -> Revert {
    Revert(error.to_string())
}

/// The canonical Permit2.
#[derive(Debug)]
pub(super) struct SimPermit2 {
    pub(super) chain: ChainId,
    pub(super) chain_id: u64,
}

impl SimPermit2 {
    fn take(&self, ctx: &mut Ctx<'_>, owner: Address, nonce: U256) -> Result<(), Revert> {
        let key = word(owner, nonce >> 8);
        let bit = U256::from(1) << (nonce & U256::from(0xff));
        let before = ctx.load(&key)?.map_or(U256::ZERO, |word| U256::from_be_slice(&word));
        if !(before & bit).is_zero() {
            return Err("InvalidNonce()".into());
        }
        ctx.store(&key, Some((before | bit).to_be_bytes::<32>().to_vec()))
    }

    fn transfer(
        &self,
        ctx: &mut Ctx<'_>,
        spender: Address,
        c: &p2::permitWitnessTransferFromCall,
    ) -> Result<(), Revert> {
        ctx.use_gas(OVERHEAD_GAS)?;
        let permit = &c.permit;
        if U256::from(ctx.now().secs()) > permit.deadline {
            return Err("SignatureExpired(uint256)".into());
        }
        if c.transferDetails.requestedAmount > permit.permitted.amount {
            return Err("InvalidAmount(uint256)".into());
        }
        self.take(ctx, c.owner, permit.nonce)?;
        let typehash = keccak256([WHOLE, &c.witnessTypeString].concat());
        let permitted = eip712::words(&[
            keccak256(PERMITTED),
            permit.permitted.token.into_word(),
            permit.permitted.amount.into(),
        ]);
        let hash = eip712::words(&[
            typehash,
            permitted,
            spender.into_word(),
            permit.nonce.into(),
            permit.deadline.into(),
            c.witness,
        ]);
        let digest = eip712::digest(&separator(self.chain_id), &hash);
        match signature::recover(&digest, &c.signature) {
            Ok(signer) if signer == c.owner => {}
            _ => return Err("InvalidSigner()".into()),
        }
        let (from, to, amount) = (c.owner, c.transferDetails.to, c.transferDetails.requestedAmount);
        let call = abi::transferFromCall { from, to, amount }.abi_encode();
        let token = address::account(self.chain, &permit.permitted.token).map_err(words)?;
        ctx.call(&token, &call).map(drop).map_err(|_| "TRANSFER_FROM_FAILED".into())
    }
}

impl Program for SimPermit2 {
    fn call(&self, ctx: &mut Ctx<'_>, caller: &Account, input: &[u8]) -> Result<Vec<u8>, Revert> {
        let caller = address::of_account(caller);
        if let Ok(c) = p2::nonceBitmapCall::abi_decode(input) {
            let stored = ctx.load(&word(c.owner, c.word))?;
            return Ok(stored.map_or(U256::ZERO, |word| U256::from_be_slice(&word)).abi_encode());
        }
        if let Ok(c) = p2::invalidateUnorderedNoncesCall::abi_decode(input) {
            let owner = caller.map_err(words)?;
            let key = word(owner, c.wordPos);
            let before = ctx.load(&key)?.map_or(U256::ZERO, |word| U256::from_be_slice(&word));
            ctx.store(&key, Some((before | c.mask).to_be_bytes::<32>().to_vec()))?;
            let topics = [p2::UnorderedNonceInvalidation::SIGNATURE_HASH, owner.into_word()];
            ctx.emit(&event::topic(&topics), (c.wordPos, c.mask).abi_encode())?;
            return Ok(Vec::new());
        }
        let c = p2::permitWitnessTransferFromCall::abi_decode(input).map_err(|_| Revert(String::new()))?;
        self.transfer(ctx, caller.map_err(words)?, &c).map(|()| Vec::new())
    }
}

fn word(owner: Address, word: U256) -> Vec<u8> {
    [owner.as_slice(), &word.to_be_bytes::<32>()].concat()
}

/// One of x402's proxies.
#[derive(Debug)]
pub(super) struct SimProxy {
    pub(super) chain: ChainId,
    pub(super) which: Proxy,
}

/// A call to a proxy, whichever.
struct Asked {
    handed_in: Option<proxy::EIP2612Permit>,
    permit: proxy::PermitTransferFrom,
    amount: U256,
    owner: Address,
    to: Address,
    facilitator: Option<Address>,
    valid_after: U256,
    signature: Bytes,
}

impl SimProxy {
    fn asked(&self, input: &[u8]) -> Option<Asked> {
        match self.which {
            Proxy::Exact => exact(input),
            Proxy::Upto => upto(input),
        }
    }

    fn settle(&self, ctx: &mut Ctx<'_>, caller: &Account, c: &Asked) -> Result<(), Revert> {
        if let Some(facilitator) = c.facilitator {
            if address::of_account(caller).ok() != Some(facilitator) {
                return Err("UnauthorizedFacilitator()".into());
            }
            if c.amount > c.permit.permitted.amount {
                return Err("AmountExceedsPermitted()".into());
            }
        }
        if let Some(handed_in) = &c.handed_in {
            self.hand_in(ctx, c, handed_in)?;
        }
        if c.amount.is_zero() {
            return Err("InvalidAmount()".into());
        }
        if U256::from(ctx.now().secs()) < c.valid_after {
            return Err("PaymentTooEarly()".into());
        }
        let (fields, hash) = match c.facilitator {
            None => ("address to,uint256 validAfter", vec![c.to.into_word(), c.valid_after.into()]),
            Some(who) => (
                "address to,address facilitator,uint256 validAfter",
                vec![c.to.into_word(), who.into_word(), c.valid_after.into()],
            ),
        };
        let kind = format!("Witness({fields})");
        let witness = eip712::words(&[&[keccak256(&kind)], &hash[..]].concat());
        let call = p2::permitWitnessTransferFromCall {
            permit: p2::PermitTransferFrom {
                permitted: p2::TokenPermissions {
                    token: c.permit.permitted.token,
                    amount: c.permit.permitted.amount,
                },
                nonce: c.permit.nonce,
                deadline: c.permit.deadline,
            },
            transferDetails: p2::SignatureTransferDetails { to: c.to, requestedAmount: c.amount },
            owner: c.owner,
            witness,
            witnessTypeString: format!("Witness witness){PERMITTED}{kind}"),
            signature: c.signature.clone(),
        };
        let permit2 = address::account(self.chain, &PERMIT2).map_err(words)?;
        ctx.call(&permit2, &call.abi_encode()).map(drop)
    }

    /// A permit that the token refuses stops nothing: the allowance may be there all the same.
    fn hand_in(&self, ctx: &mut Ctx<'_>, c: &Asked, said: &proxy::EIP2612Permit) -> Result<(), Revert> {
        if said.value != c.permit.permitted.amount {
            return Err("Permit2612AmountMismatch()".into());
        }
        let call = abi::permitCall {
            owner: c.owner,
            spender: PERMIT2,
            value: said.value,
            deadline: said.deadline,
            v: said.v,
            r: said.r,
            s: said.s,
        };
        let token = address::account(self.chain, &c.permit.permitted.token).map_err(words)?;
        let _ = ctx.call(&token, &call.abi_encode());
        Ok(())
    }
}

impl Program for SimProxy {
    fn call(&self, ctx: &mut Ctx<'_>, caller: &Account, input: &[u8]) -> Result<Vec<u8>, Revert> {
        if proxy::PERMIT2Call::abi_decode(input).is_ok() {
            return Ok(PERMIT2.abi_encode());
        }
        let asked = self.asked(input).ok_or_else(|| Revert(String::new()))?;
        self.settle(ctx, caller, &asked)?;
        Ok(Vec::new())
    }
}

fn exact(input: &[u8]) -> Option<Asked> {
    use proxy::{settle_0Call as settleCall, settleWithPermit_0Call as settleWithPermitCall};
    let (handed_in, permit, owner, witness, signature) = match settleCall::abi_decode(input) {
        Ok(c) => (None, c.permit, c.owner, c.witness, c.signature),
        Err(_) => {
            let c = settleWithPermitCall::abi_decode(input).ok()?;
            (Some(c.permit2612), c.permit, c.owner, c.witness, c.signature)
        }
    };
    Some(Asked {
        handed_in,
        amount: permit.permitted.amount,
        permit,
        owner,
        to: witness.to,
        facilitator: None,
        valid_after: witness.validAfter,
        signature,
    })
}

fn upto(input: &[u8]) -> Option<Asked> {
    use proxy::{settle_1Call as settleCall, settleWithPermit_1Call as settleWithPermitCall};
    let (handed_in, permit, amount, owner, witness, signature) = match settleCall::abi_decode(input) {
        Ok(c) => (None, c.permit, c.amount, c.owner, c.witness, c.signature),
        Err(_) => {
            let c = settleWithPermitCall::abi_decode(input).ok()?;
            (Some(c.permit2612), c.permit, c.amount, c.owner, c.witness, c.signature)
        }
    };
    Some(Asked {
        handed_in,
        permit,
        amount,
        owner,
        to: witness.to,
        facilitator: Some(witness.facilitator),
        valid_after: witness.validAfter,
        signature,
    })
}
