//! What one look tells of a permit: who has what, and whether it can still be used.

use super::{PERMIT2, Permit};
use crate::{EvmCall, Landing, Looked};
use alloy::primitives::{Address, Bytes, U256};
use alloy::sol_types::{SolCall, SolEvent};
use tollway_core::{Blame, Code, Error, Next, Result, Time};

mod abi {
    alloy::sol! {
        function balanceOf(address account) external view returns (uint256);
        function allowance(address owner, address spender) external view returns (uint256);
        function nonceBitmap(address owner, uint256 word) external view returns (uint256);
        function PERMIT2() external view returns (address);
        event Transfer(address indexed from, address indexed to, uint256 value);
        event UnorderedNonceInvalidation(address indexed owner, uint256 word, uint256 mask);
    }
}

/// `Transfer(address,address,uint256)`, the topics of the log in which `from` pays `to`.
pub(super) fn transfer_topics(from: Address, to: Address) -> [alloy::primitives::B256; 3] {
    [abi::Transfer::SIGNATURE_HASH, from.into_word(), to.into_word()]
}

/// The topics of the log in which `owner` takes nonces back. Source: Permit2, `ISignatureTransfer`.
pub(super) fn invalidation_topics(owner: Address) -> [alloy::primitives::B256; 2] {
    [abi::UnorderedNonceInvalidation::SIGNATURE_HASH, owner.into_word()]
}

/// True for Permit2's log that takes this permit's nonce back.
pub(super) fn invalidates(log: &Landing, permit: &Permit) -> bool {
    let (word, bit) = permit.place();
    let said = log.data.get(..32).zip(log.data.get(32..64)).filter(|_| log.data.len() == 64);
    let fits = said.is_some_and(|(at, mask)| {
        U256::from_be_slice(at) == word && !(U256::from_be_slice(mask) & bit).is_zero()
    });
    fits && log.address == PERMIT2 && log.topics == invalidation_topics(permit.from)
}

/// `token.balanceOf(account)`.
pub fn balance_call(token: Address, account: Address) -> EvmCall {
    EvmCall { to: token, data: abi::balanceOfCall { account }.abi_encode().into() }
}

/// `token.allowance(owner, Permit2)`.
pub fn allowance_call(token: Address, owner: Address) -> EvmCall {
    EvmCall { to: token, data: abi::allowanceCall { owner, spender: PERMIT2 }.abi_encode().into() }
}

/// `Permit2.nonceBitmap(owner, word)`.
pub(super) fn bitmap_call(permit: &Permit) -> EvmCall {
    let (word, _) = permit.place();
    EvmCall { to: PERMIT2, data: abi::nonceBitmapCall { owner: permit.from, word }.abi_encode().into() }
}

/// True when a look's first answer says that the permit's nonce is used.
pub(super) fn is_used(looked: &Looked, permit: &Permit) -> Result<bool> {
    let (_, bit) = permit.place();
    Ok(!(bitmap(looked, 0)? & bit).is_zero())
}

/// One word of an answer; `None` when nothing, or something else, came back.
fn word(answer: &Bytes) -> Option<U256> {
    (answer.len() == 32).then(|| U256::from_be_slice(answer))
}

/// The number that a token answered to call `at` of a look.
///
/// # Errors
/// [`Code::AssetNotDeployed`] for an empty answer, as an address without code gives; [`Code::UnsupportedMethod`] when
/// the contract knows no such call; [`Code::InvalidAnswer`] for anything else.
pub fn number(looked: &Looked, at: usize) -> Result<U256> {
    let unanswered = || Error::network(Code::InvalidAnswer).detail("the node left a call unanswered");
    number_of(looked.results.get(at).ok_or_else(unanswered)?)
}

/// The number that a token answered.
///
/// # Errors
/// Those of [`number`].
pub(super) fn number_of(answer: &Result<Bytes, Bytes>) -> Result<U256> {
    match answer {
        Ok(answer) if answer.is_empty() => Err(Error::payee(Code::AssetNotDeployed)
            .detail("nothing is deployed at the asset's address on this chain")),
        Ok(answer) => word(answer).ok_or_else(|| {
            let found = answer.len();
            Error::network(Code::InvalidAnswer)
                .detail(format!("the token answered {found} bytes where 32 are right"))
        }),
        Err(_) => Err(Error::payee(Code::UnsupportedMethod)
            .detail("the asset's contract is not an ERC-20 token (balanceOf, allowance)")),
    }
}

fn bitmap(looked: &Looked, at: usize) -> Result<U256> {
    let answered = looked.results.get(at).and_then(|answer| answer.as_ref().ok()).and_then(word);
    answered.ok_or_else(|| {
        Error::payee(Code::ProxyNotDeployed).detail(format!("there is no Permit2 at {PERMIT2} on this chain"))
    })
}

/// How much a transaction moved from one account to the other, by the token's own logs; `None` when it logged no such
/// transfer.
pub fn moved(logs: &[Landing], token: Address, from: Address, to: Address) -> Option<U256> {
    let ours = logs.iter().filter(|log| log.address == token && log.topics == transfer_topics(from, to));
    ours.filter_map(|log| word(&log.data)).reduce(U256::saturating_add)
}

/// True for the log of this very transfer, from the token itself.
pub fn is_transfer(log: &Landing, token: Address, (from, to): (Address, Address), value: U256) -> bool {
    log.address == token && log.topics == transfer_topics(from, to) && word(&log.data) == Some(value)
}

/// The questions about a permit, to which a cell adds the simulation of its own call, and [`Reads::after`] behind that.
#[derive(Debug)]
pub struct Reads;

impl Reads {
    /// How many calls [`Reads::of`] makes.
    pub const COUNT: usize = 5;

    /// What [`Standing::of`] wants to know, in its order.
    pub fn of(permit: &Permit) -> [EvmCall; Self::COUNT] {
        let data = abi::PERMIT2Call {}.abi_encode().into();
        [
            balance_call(permit.token, permit.from),
            allowance_call(permit.token, permit.from),
            bitmap_call(permit),
            balance_call(permit.token, permit.witness.to),
            EvmCall { to: permit.spender, data },
        ]
    }

    /// What the payee would hold after the simulation: asked right behind it, for tokens that keep a fee. The calls of
    /// one look run one after another on the same state wherever the chain has Multicall3.
    pub fn after(permit: &Permit) -> EvmCall {
        balance_call(permit.token, permit.witness.to)
    }
}

/// What a look says of a permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// What the payer holds of the token.
    pub balance: U256,
    /// What Permit2 may draw from the payer.
    pub allowance: U256,
    /// What the payee holds already.
    pub payee_balance: U256,
    /// True when the nonce is used up, by a transfer or by the payer's word.
    pub used: bool,
    /// Chain time.
    pub time: Time,
}

impl Standing {
    /// From the answers to [`Reads::of`], which come first in the look.
    ///
    /// # Errors
    /// Those of [`number`]; [`Code::ProxyNotDeployed`] where Permit2 or the proxy is missing.
    pub fn of(permit: &Permit, looked: &Looked) -> Result<Self> {
        let (_, bit) = permit.place();
        let standing = Self {
            balance: number(looked, 0)?,
            allowance: number(looked, 1)?,
            used: !(bitmap(looked, 2)? & bit).is_zero(),
            payee_balance: number(looked, 3)?,
            time: looked.time,
        };
        let proxy = looked.results.get(4).and_then(|answer| answer.as_ref().ok()).and_then(word);
        if proxy != Some(PERMIT2.into_word().into()) {
            return Err(Error::payee(Code::ProxyNotDeployed)
                .detail(format!("x402's proxy is not at {} on this chain", permit.spender)));
        }
        Ok(standing)
    }

    /// Unused, in time by the chain's clock, and covered: `needs` is how much the payer must hold.
    ///
    /// # Errors
    /// [`Code::NonceUsed`], [`Code::Expired`], [`Code::NotYetValid`], [`Code::InsufficientFunds`].
    pub fn check(&self, permit: &Permit, needs: U256, margin_ms: u64) -> Result<()> {
        if self.used {
            return Err(Error::payer(Code::NonceUsed)
                .detail("the permit's nonce is used or invalidated on chain; a fresh one would be right"));
        }
        let (from, until) = permit.window();
        let now = self.time;
        if until != Time::FAR && now >= until.minus_ms(margin_ms) {
            return Err(Error::payer(Code::Expired).detail(format!(
                "less than {} s are left before the deadline {}, chain time is {} (s)",
                margin_ms / 1_000,
                permit.deadline,
                now.secs()
            )));
        }
        if now < from {
            return Err(Error::payer(Code::NotYetValid).next(Next::Later).detail(format!(
                "only valid from {}, chain time is {} (s)",
                permit.witness.valid_after,
                now.secs()
            )));
        }
        if self.balance < needs {
            return Err(Error::new(Code::InsufficientFunds, Blame::Payer, Next::OtherRoute)
                .detail(format!("{} holds {} atomic units, {needs} are needed", permit.from, self.balance)));
        }
        Ok(())
    }

    /// Enough allowance for the permit.
    ///
    /// # Errors
    /// [`Code::AllowanceRequired`]: the payer must act first.
    pub fn check_allowance(&self, permit: &Permit) -> Result<()> {
        if self.allowance >= permit.amount {
            return Ok(());
        }
        Err(missing_allowance(permit, self.allowance))
    }

    /// What the payee would receive, by the answer to [`Reads::after`]: a token that keeps a part of each transfer would
    /// pay less than was asked.
    ///
    /// # Errors
    /// [`Code::TokenKeepsPart`].
    pub fn check_received(&self, permit: &Permit, after: U256, value: U256) -> Result<()> {
        // Where calls do not build on each other nothing has changed, and the receipt alone can tell.
        if after == self.payee_balance || permit.from == permit.witness.to {
            return Ok(());
        }
        let received = after.saturating_sub(self.payee_balance);
        if received == value {
            return Ok(());
        }
        Err(Error::payee(Code::TokenKeepsPart).next(Next::OtherRoute).detail(format!(
            "of {value} atomic units {received} would arrive: the token keeps a part, or adds one"
        )))
    }
}

#[cold]
fn missing_allowance(permit: &Permit, allowance: U256) -> Error {
    Error::new(Code::AllowanceRequired, Blame::Payer, Next::Prepare).detail(format!(
        "{} lets Permit2 draw {allowance} atomic units of {}, {} are needed: approve Permit2 ({PERMIT2}) once, or \
         have the approval sponsored where that is offered",
        permit.from, permit.token, permit.amount
    ))
}
