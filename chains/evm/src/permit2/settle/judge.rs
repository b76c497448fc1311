//! Who judges a permit's signature on chain, which makes most of the difference between one payment's gas and another's.

use super::super::{Bound, Calls, Path, Payee, Proxy, Token};
use crate::signature::Check;
use crate::{Evm, GasKey};
use alloy::primitives::Address;

/// What an account's code takes to check a signature, before anything was learned or measured: a Safe with one owner and a
/// passkey on a chain with its precompile take about so much.
const ACCOUNT_GAS: u64 = 35_000;

/// Who says whether a signature is the payer's. Source: Permit2 (`SignatureVerification`), which asks an account's code
/// wherever there is some, whoever's key has signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judge {
    /// The curve: a plain account's key.
    Key,
    /// The account's code, by ERC-1271.
    Account,
}

impl Judge {
    /// Before the account's code is known.
    pub(super) fn likely(bound: &Bound) -> Self {
        match bound.check {
            Check::Key(_) => Self::Key,
            Check::AskAccount(_) => Self::Account,
        }
    }

    /// What gas is learned by: one account's code says nothing about the gas of a key.
    pub(super) fn gas_key(self, calls: &Calls, token: Address, path: Path, payee: Payee) -> GasKey {
        match self {
            Self::Key => calls.gas_key(token, path, payee),
            Self::Account => GasKey { contract: token, what: by_account(calls.proxy, path, payee) },
        }
    }

    /// Gas that a settlement will use, as far as that is known without trying it out.
    pub(super) fn gas(self, evm: &dyn Evm, calls: &Calls, token: &Token, path: Path, payee: Payee) -> u64 {
        let by_key = || calls.gas(evm, token, path, payee);
        match self {
            Self::Key => by_key(),
            Self::Account => evm
                .learned_gas(&self.gas_key(calls, token.address, path, payee))
                .unwrap_or_else(|| by_key().saturating_add(ACCOUNT_GAS)),
        }
    }
}

const fn by_account(proxy: Proxy, path: Path, payee: Payee) -> &'static str {
    match (proxy, path, payee) {
        (Proxy::Exact, Path::WithPermit, Payee::New) => "permit2.settleWithPermit/account/new",
        (Proxy::Exact, Path::WithPermit, Payee::Holder) => "permit2.settleWithPermit/account/holder",
        (Proxy::Exact, _, Payee::New) => "permit2.settle/account/new",
        (Proxy::Exact, _, Payee::Holder) => "permit2.settle/account/holder",
        (Proxy::Upto, Path::WithPermit, Payee::New) => "upto.settleWithPermit/account/new",
        (Proxy::Upto, Path::WithPermit, Payee::Holder) => "upto.settleWithPermit/account/holder",
        (Proxy::Upto, _, Payee::New) => "upto.settle/account/new",
        (Proxy::Upto, _, Payee::Holder) => "upto.settle/account/holder",
    }
}
