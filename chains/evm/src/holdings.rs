//! What accounts hold, kept warm.
//!
//! The first question about an account and a token looks at the chain. After that the answer comes from memory; once
//! it is older than a few seconds it is still given, and renewed in the background together with everything else
//! that was asked for lately, in one request. Only an answer that is older than the patience is waited for.

use crate::address;
use crate::contracts::{IErc20, IMulticall3};
use crate::look::Looker;
use crate::single::Single;
use crate::tasks::Tasks;
use crate::{At, EvmCall, Held};
use alloy::primitives::{Address, Bytes, U256};
use alloy::sol_types::SolCall;
use foldhash::fast::RandomState;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tollway_core::{Account, Amount, AssetId, ChainId, Clock, Code, Error, Funds, Result, Time};

/// An answer younger than this is simply given.
const FRESH_MS: u64 = 3_000;
/// An answer older than this is not given any more.
const USABLE_MS: u64 = 30_000;
/// What nobody asked for in so long is not renewed any more.
const WANTED_MS: u64 = 120_000;
/// Balances remembered.
const REMEMBERED_MAX: usize = 1024;

/// Whose, of which token, and how much of it who may draw; without the last, how much is there.
type Key = (Address, Address, Option<Address>);

type Known = HashMap<Key, Kept, RandomState>;

#[derive(Debug, Clone, Copy)]
struct Kept {
    held: Held,
    asked_at: Time,
}

/// Balances of one chain.
pub(crate) struct Holdings {
    looker: Arc<Looker>,
    chain: ChainId,
    clock: Arc<dyn Clock>,
    held: Arc<Mutex<Known>>,
    /// What somebody waits for: the next look reads all of it.
    wanted: Arc<Mutex<HashSet<Key>>>,
    fetch: Single<Result<()>>,
}

impl Holdings {
    pub(crate) fn new(looker: Arc<Looker>, chain: ChainId, clock: Arc<dyn Clock>) -> Arc<Self> {
        let (held, wanted) = (Arc::default(), Arc::default());
        Arc::new(Self { looker, chain, clock, held, wanted, fetch: Single::default() })
    }

    /// What `owner` holds of `token`.
    pub(crate) async fn funds(
        self: &Arc<Self>,
        owner: &Account,
        token: Address,
        tasks: &Tasks,
    ) -> Result<Funds> {
        let asset = address::asset(self.chain, &token)?;
        let who = address::of_account(owner)?;
        let held = match self.now((who, token, None), self.clock.now(), tasks) {
            Some(held) => held,
            None => {
                let key = (who, token, None);
                self.renew(Some(key)).await?;
                let kept = lock(&self.held).get(&key).copied().ok_or_else(|| {
                    Error::network(Code::InvalidAnswer).detail(format!("{token} does not tell balances"))
                })?;
                kept.held
            }
        };
        Ok(Funds { owner: *owner, balance: Amount::new(asset, held.atomic), as_of: held.as_of })
    }

    /// How much of what `owner` holds of `token` `spender` may draw.
    pub(crate) async fn allowance(self: &Arc<Self>, key: Key, tasks: &Tasks) -> Result<Held> {
        if let Some(held) = self.now(key, self.clock.now(), tasks) {
            return Ok(held);
        }
        self.renew(Some(key)).await?;
        let kept = lock(&self.held).get(&key).copied();
        kept.map(|kept| kept.held).ok_or_else(|| {
            Error::network(Code::InvalidAnswer).detail(format!("{} does not tell allowances", key.1))
        })
    }

    /// The same from memory; `None` where it would have to be asked for and waited for.
    pub(crate) fn now(self: &Arc<Self>, key: Key, now: Time, tasks: &Tasks) -> Option<Held> {
        let held = {
            let mut known = lock(&self.held);
            let kept = known.get_mut(&key)?;
            kept.asked_at = now;
            kept.held
        };
        let age_ms = now.ms_since(held.as_of);
        if age_ms >= USABLE_MS {
            return None;
        }
        if age_ms >= FRESH_MS && !self.fetch.busy() {
            let holdings = self.clone();
            tasks.spawn(async move {
                // A renewal that fails is no harm: the next question tries again.
                let _ = holdings.renew(None).await;
            });
        }
        Some(held)
    }

    /// Reads everything that is wanted, and `also`, in one look.
    async fn renew(&self, also: Option<Key>) -> Result<()> {
        // A look that was under way already may lack `also`. The next one begins after it was said to be wanted, so
        // it does not, however many others wait beside us.
        for _ in 0..2 {
            if let Some(key) = also {
                lock(&self.wanted).insert(key);
            }
            let (looker, held, clock) = (self.looker.clone(), self.held.clone(), self.clock.clone());
            let wanted = self.wanted.clone();
            self.fetch.join(|| read_all(looker, held, clock, wanted)).await?;
            if also.is_none_or(|key| lock(&self.held).contains_key(&key)) {
                break;
            }
        }
        Ok(())
    }
}

async fn read_all(
    looker: Arc<Looker>,
    held: Arc<Mutex<Known>>,
    clock: Arc<dyn Clock>,
    wanted: Arc<Mutex<HashSet<Key>>>,
) -> Result<()> {
    let now = clock.now();
    let mut keys: Vec<Key> = {
        let mut held = lock(&held);
        held.retain(|_, kept| now.ms_since(kept.asked_at) < WANTED_MS);
        held.keys().copied().take(REMEMBERED_MAX.saturating_sub(1)).collect()
    };
    let known: HashSet<Key> = keys.iter().copied().collect();
    let asked: Vec<Key> = lock(&wanted).iter().copied().take(REMEMBERED_MAX).collect();
    keys.extend(asked.iter().filter(|key| !known.contains(key)));
    let calls: Vec<_> = keys.iter().map(question).collect();
    let looked = looker.look(&calls, At::Latest).await?;
    lock(&wanted).retain(|key| !asked.contains(key));
    let mut held = lock(&held);
    for (key, answer) in keys.into_iter().zip(looked.results) {
        let Some(atomic) = answer.ok().as_ref().and_then(atomic_of) else { continue };
        let asked_at = held.get(&key).map_or(now, |kept| kept.asked_at);
        if held.len() < REMEMBERED_MAX || held.contains_key(&key) {
            held.insert(key, Kept { held: Held { atomic, as_of: now }, asked_at });
        }
    }
    Ok(())
}

/// Balances of many assets in one look, without memory.
pub(crate) async fn balances(
    looker: &Looker,
    multicall: Address,
    owner: &Account,
    assets: &[AssetId],
) -> Result<Vec<Amount>> {
    let who = address::of_account(owner)?;
    let mut calls = Vec::with_capacity(assets.len());
    for asset in assets {
        if asset.chain != owner.chain {
            return Err(
                Error::caller(Code::AssetMismatch).detail(format!("{asset} is not on {}", owner.chain))
            );
        }
        calls.push(if asset.is_native() {
            let data = IMulticall3::getEthBalanceCall { addr: who }.abi_encode().into();
            EvmCall { to: multicall, data }
        } else {
            balance_of(&who, &address::parse(asset.key())?)
        });
    }
    let looked = looker.look(&calls, At::Latest).await?;
    let mut amounts = Vec::with_capacity(assets.len());
    for (asset, answer) in assets.iter().zip(looked.results) {
        let atomic = answer.ok().as_ref().and_then(atomic_of).ok_or_else(|| {
            Error::network(Code::AssetNotDeployed).detail(format!("{asset} does not tell balances"))
        })?;
        amounts.push(Amount::new(*asset, atomic));
    }
    Ok(amounts)
}

fn question((owner, token, spender): &Key) -> EvmCall {
    match spender {
        None => balance_of(owner, token),
        Some(spender) => allowance_of(*owner, *token, *spender),
    }
}

/// `token.allowance(owner, spender)`.
pub(crate) fn allowance_of(owner: Address, token: Address, spender: Address) -> EvmCall {
    EvmCall { to: token, data: IErc20::allowanceCall { owner, spender }.abi_encode().into() }
}

fn balance_of(owner: &Address, token: &Address) -> EvmCall {
    EvmCall { to: *token, data: IErc20::balanceOfCall { owner: *owner }.abi_encode().into() }
}

/// A balance. One beyond 128 bits, which no real token has, counts as the most that 128 bits hold: at least that much
/// is there. An answer without a word in it (no contract) is none.
pub(crate) fn atomic_of(bytes: &Bytes) -> Option<u128> {
    let word = U256::from_be_slice(bytes.get(..32)?);
    Some(u128::try_from(word).unwrap_or(u128::MAX))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
