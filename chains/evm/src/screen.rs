//! Screening by a sanctions list on chain.
//!
//! The interface is Chainalysis' sanctions oracle, `isSanctioned(address) returns (bool)`; others that speak it will do. Its
//! address is the user's to set: it differs between chains, and nobody here can vouch for one.

use crate::contracts::ISanctionsList;
use crate::{At, Evm, EvmCall, FAMILY, address};
use alloy::primitives::{Address, Bytes};
use alloy::sol_types::SolCall;
use std::sync::Arc;
use tollway_core::screen::{Subject, Verdict};
use tollway_core::{Clock, Code, Error, Recent, Result, Screen, Time, async_trait};

/// An answer is used for so long: within it, a new listing may pass once more.
const LASTS_MS: u64 = 30_000;
/// Answers that are remembered.
const ANSWERS: usize = 16_384;

/// A sanctions list on one chain. Asked of payer, payee and token in one look, for payments on any EVM chain: an account
/// has the same address on each.
pub struct SanctionsList {
    evm: Arc<dyn Evm>,
    contract: Address,
    clock: Arc<dyn Clock>,
    known: Recent<Address, (bool, Time)>,
}

impl std::fmt::Debug for SanctionsList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SanctionsList({})", self.source())
    }
}

impl SanctionsList {
    /// The list at `contract` on the chain of `evm`. That there is one shows when it is asked first; where there is none,
    /// nobody has looked.
    ///
    /// # Errors
    /// [`Code::InvalidAddress`].
    pub fn new(evm: Arc<dyn Evm>, contract: &str, clock: Arc<dyn Clock>) -> Result<Self> {
        let contract = address::parse(contract)?;
        Ok(Self { evm, contract, clock, known: Recent::new(ANSWERS) })
    }

    /// Everybody and everything that has an address of ours in this payment.
    fn addresses(subject: &Subject<'_>) -> Result<Vec<Address>> {
        let mut all = Vec::with_capacity(3);
        for party in subject.parties() {
            if party.chain.namespace() != FAMILY.namespace {
                return Err(Error::caller(Code::InvalidNetwork)
                    .detail(format!("{party} is no EVM account; this list knows nothing of it")));
            }
            all.push(address::parse(party.address())?);
        }
        let asset = subject.requirement.price.asset();
        if !asset.is_native() {
            all.push(address::parse(asset.key())?);
        }
        Ok(all)
    }

    async fn listed(&self, all: &[Address]) -> Result<Vec<bool>> {
        let calls: Vec<_> = all.iter().map(|address| self.call(*address)).collect();
        let looked = self.evm.look(&calls, At::Latest).await?;
        all.iter().enumerate().map(|(n, _)| answer(looked.results.get(n))).collect()
    }

    fn call(&self, addr: Address) -> EvmCall {
        EvmCall { to: self.contract, data: ISanctionsList::isSanctionedCall { addr }.abi_encode().into() }
    }
}

/// Only a well-formed yes or no is one. An account without code answers with nothing at all, which is no "no".
fn answer(result: Option<&Result<Bytes, Bytes>>) -> Result<bool> {
    let said = match result {
        Some(Ok(said)) => ISanctionsList::isSanctionedCall::abi_decode_returns_validate(said).ok(),
        _ => None,
    };
    said.ok_or_else(|| {
        Error::network(Code::InvalidAnswer).detail("the contract does not answer as a sanctions list does")
    })
}

#[async_trait]
impl Screen for SanctionsList {
    fn source(&self) -> String {
        format!("{}/{}", self.evm.id(), address::canonical(&self.contract))
    }

    async fn check(&self, subject: &Subject<'_>) -> Result<Verdict> {
        let all = Self::addresses(subject)?;
        let now = self.clock.now();
        let remembered = |a: &Address| {
            let (listed, at) = self.known.get(a)?;
            (now.ms_since(at) < LASTS_MS && at <= now).then_some(listed)
        };
        let mut fresh = Vec::with_capacity(all.len());
        for address in all {
            match remembered(&address) {
                Some(true) => return Ok(denied(address)),
                Some(false) => {}
                None => fresh.push(address),
            }
        }
        if fresh.is_empty() {
            return Ok(Verdict::Clear);
        }
        let listed = self.listed(&fresh).await?;
        let found = fresh.iter().zip(&listed).find(|(_, listed)| **listed);
        let verdict = found.map_or(Verdict::Clear, |(address, _)| denied(*address));
        fresh.into_iter().zip(listed).for_each(|(address, listed)| self.known.put(address, (listed, now)));
        Ok(verdict)
    }
}

fn denied(address: Address) -> Verdict {
    Verdict::Denied(format!("{address} is on the sanctions list"))
}
