//! Permit2 and x402's proxies for it, as programs of the simulated chain.
//!
//! Written from the published interfaces, with their errors and their order of checks; the signature is checked over the
//! witness's type as the proxy hands it over, so that nothing is shared with the code that signs.

use super::event;
use crate::eip712::{digest, words};
use crate::permit2::{PERMIT2, Proxy, separator};
use crate::{address, signature};
use abi::{Details, PermitTransferFrom};
use alloy::primitives::{Address, B256, Keccak256, U256, keccak256};
use alloy::sol_types::{SolCall, SolEvent, SolValue};
use std::sync::Arc;
use tollway_core::{Account, ChainId, Result};
use tollway_testkit::sim::{Ctx, Program, Revert};

mod abi {
    alloy::sol! {
        struct TokenPermissions { address token; uint256 amount; }
        struct PermitTransferFrom { TokenPermissions permitted; uint256 nonce; uint256 deadline; }
        struct Details { address to; uint256 requestedAmount; }
        struct Eip2612 { uint256 value; uint256 deadline; bytes32 r; bytes32 s; uint8 v; }
        struct ExactWitness { address to; uint256 validAfter; }
        struct UptoWitness { address to; address facilitator; uint256 validAfter; }
        function nonceBitmap(address owner, uint256 word) external view returns (uint256);
        function invalidateUnorderedNonces(uint256 wordPos, uint256 mask) external;
        function permitWitnessTransferFrom(PermitTransferFrom permit, Details details, address owner, bytes32 witness,
            string witnessTypeString, bytes signature) external;
        function transferFrom(address from, address to, uint256 amount) external returns (bool);
        function PERMIT2() external view returns (address);
        function settle(PermitTransferFrom permit, address owner, ExactWitness witness, bytes signature) external;
        function settle(PermitTransferFrom permit, uint256 amount, address owner, UptoWitness witness, bytes signature)
            external;
        function settleWithPermit(Eip2612 permit2612, PermitTransferFrom permit, address owner, ExactWitness witness,
            bytes signature) external;
        function settleWithPermit(Eip2612 permit2612, PermitTransferFrom permit, uint256 amount, address owner,
            UptoWitness witness, bytes signature) external;
        event UnorderedNonceInvalidation(address indexed owner, uint256 word, uint256 mask);
        event Settled();
        event SettledWithPermit();
        event EIP2612PermitFailedWithData(address indexed token, address indexed owner, bytes data);
    }
}

const PERMISSIONS: &str = "TokenPermissions(address token,uint256 amount)";
const STUB: &str =
    "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,";
const EXACT_WITNESS: &str = "Witness(address to,uint256 validAfter)";
const UPTO_WITNESS: &str = "Witness(address to,address facilitator,uint256 validAfter)";
/// What signature and bitmap cost beside what the chain itself counts.
const OVERHEAD_GAS: u64 = 11_000;

/// What is deployed beside tokens, and where.
pub(super) fn programs(chain: ChainId) -> Result<Vec<(Address, Arc<dyn Program>)>> {
    let chain_id = address::eip155(&chain)?;
    Ok(vec![
        (PERMIT2, Arc::new(SimPermit2 { chain, chain_id })),
        (Proxy::Exact.address(), Arc::new(SimProxy { chain, proxy: Proxy::Exact })),
        (Proxy::Upto.address(), Arc::new(SimProxy { chain, proxy: Proxy::Upto })),
    ])
}

#[derive(Debug)]
struct SimPermit2 {
    chain: ChainId,
    chain_id: u64,
}

fn account(chain: ChainId, at: &Address) -> Result<Account, Revert> {
    address::account(chain, at).map_err(|e| Revert(e.to_string()))
}

fn of(account: &Account) -> Result<Address, Revert> {
    address::of_account(account).map_err(|e| Revert(e.to_string()))
}

fn say(ctx: &mut Ctx<'_>, topics: &[B256], data: Vec<u8>) -> Result<(), Revert> {
    ctx.emit(&event::topic(topics), data)
}

impl SimPermit2 {
    fn bitmap(ctx: &mut Ctx<'_>, owner: Address, word: U256) -> Result<U256, Revert> {
        let stored = ctx.load(&slot(owner, word))?;
        Ok(stored.map_or(U256::ZERO, |bytes| U256::from_be_slice(&bytes)))
    }

    fn set(ctx: &mut Ctx<'_>, owner: Address, word: U256, bits: U256) -> Result<(), Revert> {
        ctx.store(&slot(owner, word), Some(bits.to_be_bytes::<32>().to_vec()))
    }

    fn transfer(
        &self,
        ctx: &mut Ctx<'_>,
        spender: Address,
        c: &abi::permitWitnessTransferFromCall,
    ) -> Result<(), Revert> {
        ctx.use_gas(OVERHEAD_GAS)?;
        if U256::from(ctx.now().secs()) > c.permit.deadline {
            return Err("SignatureExpired(uint256)".into());
        }
        if c.details.requestedAmount > c.permit.permitted.amount {
            return Err("InvalidAmount(uint256)".into());
        }
        let (word, bit) = (c.permit.nonce >> 8, U256::from(1) << (c.permit.nonce & U256::from(0xff)));
        let used = Self::bitmap(ctx, c.owner, word)?;
        if !(used & bit).is_zero() {
            return Err("InvalidNonce()".into());
        }
        Self::set(ctx, c.owner, word, used | bit)?;
        let digest = self.digest(spender, c);
        let plain = matches!(c.signature.last(), Some(27 | 28));
        match signature::recover(&digest, &c.signature) {
            Ok(signer) if plain && signer == c.owner => {}
            _ => return Err("InvalidSigner()".into()),
        }
        let call =
            abi::transferFromCall { from: c.owner, to: c.details.to, amount: c.details.requestedAmount };
        let token = account(self.chain, &c.permit.permitted.token)?;
        ctx.call(&token, &call.abi_encode()).map(drop).map_err(|_| "TRANSFER_FROM_FAILED".into())
    }

    fn digest(&self, spender: Address, c: &abi::permitWitnessTransferFromCall) -> B256 {
        let mut kind = Keccak256::new();
        kind.update(STUB);
        kind.update(&c.witnessTypeString);
        let permitted = &c.permit.permitted;
        let permitted =
            words(&[keccak256(PERMISSIONS), permitted.token.into_word(), permitted.amount.into()]);
        let hash = words(&[
            kind.finalize(),
            permitted,
            spender.into_word(),
            c.permit.nonce.into(),
            c.permit.deadline.into(),
            c.witness,
        ]);
        digest(&separator(self.chain_id), &hash)
    }
}

impl Program for SimPermit2 {
    fn call(&self, ctx: &mut Ctx<'_>, caller: &Account, input: &[u8]) -> Result<Vec<u8>, Revert> {
        if let Ok(c) = abi::nonceBitmapCall::abi_decode(input) {
            return Ok(Self::bitmap(ctx, c.owner, c.word)?.abi_encode());
        }
        if let Ok(c) = abi::invalidateUnorderedNoncesCall::abi_decode(input) {
            let owner = of(caller)?;
            let used = Self::bitmap(ctx, owner, c.wordPos)?;
            Self::set(ctx, owner, c.wordPos, used | c.mask)?;
            let topics = [abi::UnorderedNonceInvalidation::SIGNATURE_HASH, owner.into_word()];
            return say(ctx, &topics, (c.wordPos, c.mask).abi_encode()).map(|()| Vec::new());
        }
        let c = abi::permitWitnessTransferFromCall::abi_decode(input).map_err(|_| Revert(String::new()))?;
        self.transfer(ctx, of(caller)?, &c).map(|()| Vec::new())
    }
}

fn slot(owner: Address, word: U256) -> Vec<u8> {
    [owner.as_slice(), &word.to_be_bytes::<32>()].concat()
}

/// Either of x402's proxies.
#[derive(Debug)]
struct SimProxy {
    chain: ChainId,
    proxy: Proxy,
}

/// What is to be moved, whichever function was called.
struct Order {
    permit: PermitTransferFrom,
    amount: U256,
    owner: Address,
    to: Address,
    valid_after: U256,
    witness: B256,
    witness_type: &'static str,
    signature: alloy::primitives::Bytes,
    /// The value of an EIP-2612 permit that goes with it.
    permit2612: Option<U256>,
}

impl SimProxy {
    fn order(&self, caller: &Account, input: &[u8]) -> Result<Order, Revert> {
        match self.proxy {
            Proxy::Exact => {
                let plain = abi::settle_0Call::abi_decode(input).map(|c| (None, c));
                let (value, c) =
                    plain.or_else(|_| exact_with_permit(input)).map_err(|()| Revert(String::new()))?;
                Ok(exact(c, value))
            }
            Proxy::Upto => {
                let plain = abi::settle_1Call::abi_decode(input).map(|c| (None, c));
                let (value, c) =
                    plain.or_else(|_| upto_with_permit(input)).map_err(|()| Revert(String::new()))?;
                if c.amount > c.permit.permitted.amount {
                    return Err("AmountExceedsPermitted()".into());
                }
                if of(caller).ok() != Some(c.witness.facilitator) {
                    return Err("UnauthorizedFacilitator()".into());
                }
                Ok(upto(c, value))
            }
        }
    }

    fn settle(&self, ctx: &mut Ctx<'_>, order: Order) -> Result<(), Revert> {
        let with_permit = order.permit2612.is_some();
        if let Some(value) = order.permit2612 {
            if value != order.permit.permitted.amount {
                return Err("Permit2612AmountMismatch()".into());
            }
            // The tokens here know no permits, so each of them fails, which does not end the settlement.
            let (token, owner) = (order.permit.permitted.token, order.owner);
            let topics =
                [abi::EIP2612PermitFailedWithData::SIGNATURE_HASH, token.into_word(), owner.into_word()];
            say(ctx, &topics, Vec::<u8>::new().abi_encode())?;
        }
        for (wrong, words) in [
            (order.amount.is_zero(), "InvalidAmount()"),
            (order.owner.is_zero(), "InvalidOwner()"),
            (order.to.is_zero(), "InvalidDestination()"),
            (U256::from(ctx.now().secs()) < order.valid_after, "PaymentTooEarly()"),
        ] {
            if wrong {
                return Err(words.into());
            }
        }
        let call = abi::permitWitnessTransferFromCall {
            permit: order.permit,
            details: Details { to: order.to, requestedAmount: order.amount },
            owner: order.owner,
            witness: order.witness,
            witnessTypeString: format!("Witness witness){PERMISSIONS}{}", order.witness_type),
            signature: order.signature,
        };
        ctx.call(&account(self.chain, &PERMIT2)?, &call.abi_encode())?;
        let done =
            if with_permit { abi::SettledWithPermit::SIGNATURE_HASH } else { abi::Settled::SIGNATURE_HASH };
        say(ctx, &[done], Vec::new())
    }
}

impl Program for SimProxy {
    fn call(&self, ctx: &mut Ctx<'_>, caller: &Account, input: &[u8]) -> Result<Vec<u8>, Revert> {
        if abi::PERMIT2Call::abi_decode(input).is_ok() {
            return Ok(PERMIT2.abi_encode());
        }
        let order = self.order(caller, input)?;
        self.settle(ctx, order).map(|()| Vec::new())
    }
}

fn exact_with_permit(input: &[u8]) -> Result<(Option<U256>, abi::settle_0Call), ()> {
    let c = abi::settleWithPermit_0Call::abi_decode(input).map_err(drop)?;
    let plain =
        abi::settle_0Call { permit: c.permit, owner: c.owner, witness: c.witness, signature: c.signature };
    Ok((Some(c.permit2612.value), plain))
}

fn upto_with_permit(input: &[u8]) -> Result<(Option<U256>, abi::settle_1Call), ()> {
    let c = abi::settleWithPermit_1Call::abi_decode(input).map_err(drop)?;
    let plain = abi::settle_1Call {
        permit: c.permit,
        amount: c.amount,
        owner: c.owner,
        witness: c.witness,
        signature: c.signature,
    };
    Ok((Some(c.permit2612.value), plain))
}

fn exact(c: abi::settle_0Call, permit2612: Option<U256>) -> Order {
    let witness = words(&[keccak256(EXACT_WITNESS), c.witness.to.into_word(), c.witness.validAfter.into()]);
    Order {
        amount: c.permit.permitted.amount,
        permit: c.permit,
        owner: c.owner,
        to: c.witness.to,
        valid_after: c.witness.validAfter,
        witness,
        witness_type: EXACT_WITNESS,
        signature: c.signature,
        permit2612,
    }
}

fn upto(c: abi::settle_1Call, permit2612: Option<U256>) -> Order {
    let witness = words(&[
        keccak256(UPTO_WITNESS),
        c.witness.to.into_word(),
        c.witness.facilitator.into_word(),
        c.witness.validAfter.into(),
    ]);
    Order {
        amount: c.amount,
        permit: c.permit,
        owner: c.owner,
        to: c.witness.to,
        valid_after: c.witness.validAfter,
        witness,
        witness_type: UPTO_WITNESS,
        signature: c.signature,
        permit2612,
    }
}
