//! What settling does on chain, in gas.
//!
//! Gas is learned per token, kind of payee and judge of the signature from receipts ([`Evm::learned_gas`]); the table
//! below is only where learning starts. What a payer's own code uses is measured before each payment (`trial`), and the
//! measured counts more than the learned: one account's code says nothing about another's. Measured on the real USDC (FiatTokenV2_2 behind its proxy): a payee that holds none of the token
//! yet needs a fresh storage slot, which costs 17,100 gas more.

use crate::payload::Signed;
use crate::terms::Token;
use crate::token;
use alloy::primitives::{Address, B256, U256, keccak256};
use std::sync::LazyLock;
use tollway_core::{Bearer, Effort, Recent, Result, Sample, Work};
use tollway_evm::eip712::Transfer;
use tollway_evm::gas::believed;
use tollway_evm::signature::{Deployment, Signature, veiled};
use tollway_evm::{At, Evm, EvmCall, GasKey, trial};

/// What a payee's balance means for the gas of paying it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Payee {
    /// Holds none of the token: its balance slot is made now.
    New,
    /// Holds some.
    Holder,
}

/// Who judges the signature on chain, which makes most of the difference between one transfer's gas and another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Path {
    /// The curve: a plain account's key.
    Key,
    /// The account's code, by ERC-1271.
    Account,
    /// The same, once the transaction has deployed it (ERC-6492).
    Deploy,
}

impl Payee {
    pub(crate) fn of_balance(balance: U256) -> Self {
        if balance.is_zero() { Self::New } else { Self::Holder }
    }
    const fn what(self, path: Path) -> &'static str {
        match (path, self) {
            (Path::Key, Self::New) => "transferWithAuthorization/new",
            (Path::Key, Self::Holder) => "transferWithAuthorization/holder",
            (Path::Account, Self::New) => "transferWithAuthorization/account/new",
            (Path::Account, Self::Holder) => "transferWithAuthorization/account/holder",
            (Path::Deploy, Self::New) => "transferWithAuthorization/deploy/new",
            (Path::Deploy, Self::Holder) => "transferWithAuthorization/deploy/holder",
        }
    }
    /// Before anything was learned. A token in no table starts a quarter dearer than USDC, so that the unknown never
    /// looks cheaper than the known.
    const fn table(self, known: bool) -> u64 {
        match (self, known) {
            (Self::New, true) => 102_628,
            (Self::Holder, true) => 85_708,
            (Self::New, false) => 128_285,
            (Self::Holder, false) => 107_135,
        }
    }
}

impl Path {
    /// What it takes beside a plain account's transfer, before anything was learned or measured. A Safe with one owner
    /// and a passkey on a chain with its precompile take about 35,000; wallets behind a proxy deploy for about 300,000.
    const fn table(self) -> u64 {
        match self {
            Self::Key => 0,
            Self::Account => 35_000,
            Self::Deploy => 335_000,
        }
    }
}

/// Gas of `cancelAuthorization` before anything was learned: 21,000 for the transaction, 22,100 for the nonce's slot,
/// the rest for proxy, signature check and calldata.
const CANCEL_GAS: u64 = 57_000;
const CANCEL: &str = "cancelAuthorization";

/// What a transfer's gas is learned by.
pub(crate) fn gas_key(token: Address, payee: Payee, path: Path) -> GasKey {
    GasKey { contract: token, what: payee.what(path) }
}

/// What a cancellation's gas is learned by.
pub(crate) fn cancel_key(token: Address) -> GasKey {
    GasKey { contract: token, what: CANCEL }
}

/// Gas that a transfer of a token will use; `known` tokens stand in the table. What was learned counts up to three times the
/// table: a payer's code that burns our gas would teach us to give more the next time, and make everybody else look dear.
pub(crate) fn gas(evm: &dyn Evm, (token, known): (Address, bool), payee: Payee, path: Path) -> u64 {
    let table = payee.table(known).saturating_add(path.table());
    believed(evm.learned_gas(&gas_key(token, payee, path)), table)
}

/// Gas that a cancellation will use.
pub(crate) fn cancel_gas(evm: &dyn Evm, token: Address) -> u64 {
    evm.learned_gas(&cancel_key(token)).unwrap_or(CANCEL_GAS)
}

/// The most gas that a transfer of a token outside the table may use, whatever was learned: about three times the
/// dearest token that is known.
const UNKNOWN_GAS_MAX: u64 = 600_000;

/// The most gas that a plain account's transfer may use: twice the dearer kind.
///
/// Twice, because the payee may have emptied its account since the look and tokens are upgraded under their proxies;
/// what is not used costs nothing, while running out of gas costs all of it and fails the payment. Not more, because
/// a hostile token could burn whatever it is given; and for a token that is in no table never more than a fixed bound,
/// because one that burnt all it was given would teach us to give twice as much the next time.
pub(crate) fn gas_limit(evm: &dyn Evm, token: &Token) -> u64 {
    let of = |payee| gas(evm, (token.address, token.known), payee, Path::Key);
    let limit = of(Payee::New).max(of(Payee::Holder)).saturating_mul(2);
    if token.known { limit } else { limit.min(UNKNOWN_GAS_MAX) }
}

/// The settler's one transaction.
pub(crate) fn settlement(gas: u64, sample: Sample) -> Effort {
    Effort::one(Work::new(Bearer::Settler, "transferWithAuthorization", gas, sample))
}

/// The payer's one transaction to cancel.
pub(crate) fn cancellation(evm: &dyn Evm, token: Address, from: Address, nonce: B256) -> Effort {
    let gas = cancel_gas(evm, token);
    let sample = evm.sample(&token::cancel(token, from, nonce, &NOISE), gas.saturating_mul(2));
    Effort::one(Work::new(Bearer::Payer, CANCEL, gas, sample))
}

/// The transaction that settling `signed` will be, for data fees. A sample can be shown in logs, so the signature in
/// it is noise: in the place of one for an account's code, which is as long as the payer likes, just as dear to publish.
pub(crate) fn sample(evm: &dyn Evm, token: &Token, signed: &Signed, path: Path) -> Sample {
    let (said, signature) = (&signed.transfer, &signed.signature);
    let call = match path {
        Path::Key => token::transfer(token.address, said, &NOISE),
        Path::Account | Path::Deploy => {
            token::transfer_by_account(token.address, said, &veiled(signature.for_account()))
        }
    };
    let call = match (path, signature.deployment()) {
        (Path::Deploy, Some(first)) => deployed(first, call),
        _ => call,
    };
    evm.sample(&call, gas_limit(evm, token))
}

/// The deployment of an account, and its transfer, in one transaction. Somebody else may deploy it first: that part may
/// fail, and the transfer alone decides. (A factory that burns all its gas when it comes too late takes the transfer's
/// with it: then all of it fails, and the authorization stays as it was.)
pub(crate) fn deployed(first: &Deployment, transfer: EvmCall) -> EvmCall {
    let deploy = EvmCall { to: first.factory, data: first.data.clone() };
    trial::together([(deploy, true), (transfer, false)])
}

/// A transfer such as settlement will make, before there is one: as long and as incompressible as a real one.
pub(crate) fn specimen() -> Signed {
    let transfer = Transfer {
        from: Address::from_word(keccak256("from")),
        to: Address::from_word(keccak256("to")),
        value: U256::from(10_000u64),
        valid_after: U256::ZERO,
        valid_before: U256::from(1_800_000_000u64),
        nonce: keccak256("nonce"),
    };
    Signed { transfer, signature: Signature::from(*NOISE) }
}

/// No signature, but as long and as incompressible as one.
static NOISE: LazyLock<[u8; 65]> = LazyLock::new(|| {
    let mut noise = [27; 65];
    for (place, byte) in noise.iter_mut().zip(keccak256("r").0.into_iter().chain(keccak256("s").0)) {
        *place = byte;
    }
    noise
});

/// What kind of payee somebody was at the last look, so that an effort is told without I/O.
#[derive(Debug)]
pub(crate) struct Payees(Recent<(Address, Address), Payee>);

impl Payees {
    pub(crate) fn new() -> Self {
        Self(Recent::new(1024))
    }
    pub(crate) fn seen(&self, token: Address, payee: Address) -> Option<Payee> {
        self.0.get(&(token, payee))
    }
    pub(crate) fn saw(&self, token: Address, payee: Address, kind: Payee) {
        self.0.put((token, payee), kind);
    }
    /// From memory, else by one look at the chain.
    pub(crate) async fn kind(&self, evm: &dyn Evm, token: Address, payee: Address) -> Result<Payee> {
        if let Some(kind) = self.seen(token, payee) {
            return Ok(kind);
        }
        let looked = evm.look(&[token::balance(token, payee)], At::Latest).await?;
        let kind = Payee::of_balance(token::number(&looked, 0)?);
        self.saw(token, payee, kind);
        Ok(kind)
    }
}
