//! Who judges a permit's signature on chain, which makes most of the difference between one payment's gas and another's.

use super::super::{Bound, Calls, Path, Payee, Proxy, Token};
use crate::gas::believed;
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

    /// What gas is learned by: one account's code says nothing about the gas of a key. `None` where nothing is learned:
    /// what nobody measured beforehand was the account's own choice, and would make all others dear.
    pub(super) fn gas_key(self, calls: &Calls, token: Address, path: Path, payee: Payee) -> Option<GasKey> {
        match (self, calls.proxy) {
            (Self::Key, _) => Some(calls.gas_key(token, path, payee)),
            (Self::Account, Proxy::Exact) => Some(GasKey { contract: token, what: by_account(path, payee) }),
            (Self::Account, Proxy::Upto) => None,
        }
    }

    /// Gas that a settlement will use, as far as that is known without trying it out.
    pub(super) fn gas(self, evm: &dyn Evm, calls: &Calls, token: &Token, path: Path, payee: Payee) -> u64 {
        let by_key = || calls.gas(evm, token, path, payee);
        let learned = || evm.learned_gas(&self.gas_key(calls, token.address, path, payee)?);
        match self {
            Self::Key => by_key(),
            Self::Account => match learned() {
                None => by_key().saturating_add(ACCOUNT_GAS),
                some => believed(some, calls.start(token, path, payee).saturating_add(ACCOUNT_GAS)),
            },
        }
    }
}

const fn by_account(path: Path, payee: Payee) -> &'static str {
    match (path, payee) {
        (Path::WithPermit, Payee::New) => "permit2.settleWithPermit/account/new",
        (Path::WithPermit, Payee::Holder) => "permit2.settleWithPermit/account/holder",
        (_, Payee::New) => "permit2.settle/account/new",
        (_, Payee::Holder) => "permit2.settle/account/holder",
    }
}
