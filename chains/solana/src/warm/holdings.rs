use super::mints::{self, Mints};
use crate::address;
use crate::read::Looker;
use crate::rpc::Level;
use crate::single::Single;
use crate::svm::State;
use crate::tasks::Tasks;
use crate::token::{Holding, HoldingState, TokenAccount, TokenProgram};
use solana_pubkey::Pubkey;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tollway_core::{Account, Amount, AssetId, ChainId, Clock, Code, Error, Funds, Result, Time};

/// An answer younger than this is simply given.
const FRESH_MS: u64 = 2_000;
/// An answer older than this is not given any more.
const USABLE_MS: u64 = 30_000;
/// What nobody asked for in so long is not renewed any more.
const WANTED_MS: u64 = 120_000;
/// Holdings remembered.
const REMEMBERED_MAX: usize = 1024;
/// Accounts that are read in one request.
const READ_AT_ONCE: usize = 99;

type Key = (Pubkey, Pubkey);

#[derive(Debug, Clone, Copy)]
struct Held {
    program: TokenProgram,
    account: Pubkey,
    state: HoldingState,
    amount: u64,
    as_of: Time,
    asked_at: Time,
}

/// Token balances of one chain.
pub(crate) struct Holdings {
    looker: Arc<Looker>,
    mints: Arc<Mints>,
    chain: ChainId,
    clock: Arc<dyn Clock>,
    held: Mutex<HashMap<Key, Held>>,
    /// First questions under way: whoever asks the same meanwhile gets the same answer.
    firsts: Mutex<HashMap<Key, Arc<Single<Result<Held>>>>>,
    renewing: AtomicBool,
}

impl Holdings {
    pub(crate) fn new(
        looker: Arc<Looker>,
        mints: Arc<Mints>,
        chain: ChainId,
        clock: Arc<dyn Clock>,
    ) -> Arc<Self> {
        let (held, firsts, renewing) = (Mutex::default(), Mutex::default(), AtomicBool::new(false));
        Arc::new(Self { looker, mints, chain, clock, held, firsts, renewing })
    }

    /// What `owner` holds of `mint`.
    pub(crate) async fn holding(
        self: &Arc<Self>,
        owner: &Account,
        mint: &Pubkey,
        tasks: &Tasks,
    ) -> Result<Holding> {
        let key = (address::of_account(owner)?, *mint);
        let now = self.clock.now();
        let known = lock(&self.held).get_mut(&key).map(|held| {
            held.asked_at = now;
            *held
        });
        let held = match known.filter(|held| now.ms_since(held.as_of) < USABLE_MS) {
            Some(held) => {
                if now.ms_since(held.as_of) >= FRESH_MS && !self.renewing.swap(true, Ordering::AcqRel) {
                    let holdings = self.clone();
                    tasks.spawn(async move {
                        holdings.renew().await;
                        holdings.renewing.store(false, Ordering::Release);
                    });
                }
                held
            }
            None => self.first(key).await?,
        };
        let asset = address::asset(self.chain, mint)?;
        Ok(Holding {
            funds: Funds {
                owner: *owner,
                balance: Amount::new(asset, held.amount.into()),
                as_of: held.as_of,
            },
            program: held.program,
            account: held.account,
            state: held.state,
        })
    }

    /// The first look at a holding, or one after a long time.
    async fn first(self: &Arc<Self>, key: Key) -> Result<Held> {
        let fetch = {
            let mut firsts = lock(&self.firsts);
            // Those of callers that went away.
            if firsts.len() >= REMEMBERED_MAX {
                firsts.clear();
            }
            firsts.entry(key).or_default().clone()
        };
        let (looker, mints, now) = (self.looker.clone(), self.mints.clone(), self.clock.now());
        // The fetch holds none of `self`: a shared future that nobody drives any more keeps nothing alive.
        let held = fetch.join(|| async move { look(&looker, &mints, key, now).await }).await;
        lock(&self.firsts).remove(&key);
        let held = held?;
        self.remember(key, held);
        Ok(held)
    }

    fn remember(&self, key: Key, new: Held) {
        let mut held = lock(&self.held);
        if held.len() >= REMEMBERED_MAX && !held.contains_key(&key) {
            let now = self.clock.now();
            held.retain(|_, held| now.ms_since(held.as_of) < USABLE_MS);
        }
        if held.len() < REMEMBERED_MAX || held.contains_key(&key) {
            held.insert(key, new);
        }
    }

    /// Reads everything again that was asked for lately. A renewal that fails is no harm: the next question tries
    /// again.
    async fn renew(&self) {
        let now = self.clock.now();
        let wanted: Vec<(Key, Held)> = {
            let mut held = lock(&self.held);
            held.retain(|_, held| now.ms_since(held.asked_at) < WANTED_MS);
            held.iter().map(|(key, held)| (*key, *held)).collect()
        };
        for some in wanted.chunks(READ_AT_ONCE) {
            let accounts: Vec<Pubkey> = some.iter().map(|(_, held)| held.account).collect();
            let Ok(looked) = self.looker.look(&accounts, Level::Confirmed).await else { return };
            let mut map = lock(&self.held);
            for ((key, old), state) in some.iter().zip(looked.accounts) {
                if let Some(slot) = map.get_mut(key) {
                    let asked_at = slot.asked_at;
                    *slot = Held { asked_at, ..held(key, old.program, old.account, state.as_ref(), now) };
                }
            }
        }
    }
}

/// One look: the token account, and the mint with it when it is not known yet.
async fn look(looker: &Looker, mints: &Mints, key: Key, now: Time) -> Result<Held> {
    let (owner, mint) = key;
    if let Some(known) = mints.known(&mint) {
        let account = address::ata(&owner, &mint, known.program);
        let looked = looker.look(&[account], Level::Confirmed).await?;
        let state = looked.accounts.first().and_then(Option::as_ref);
        return Ok(held(&key, known.program, account, state, now));
    }
    let [plain, newer] =
        [TokenProgram::Token, TokenProgram::Token2022].map(|program| address::ata(&owner, &mint, program));
    let looked = looker.look(&[mint, plain, newer], Level::Confirmed).await?;
    let facts = mints::read(&mint, looked.accounts.first().and_then(Option::as_ref))?;
    let program = facts.program;
    mints.saw(mint, facts);
    let (place, account) = if program == TokenProgram::Token { (1, plain) } else { (2, newer) };
    Ok(held(&key, program, account, looked.accounts.get(place).and_then(Option::as_ref), now))
}

/// What a token account's state means for its owner.
fn held(key: &Key, program: TokenProgram, account: Pubkey, state: Option<&State>, now: Time) -> Held {
    let (owner, mint) = key;
    let (state, amount) = match state {
        None => (HoldingState::Missing, 0),
        // Somebody may send lamports to the address before there is an account.
        Some(state) if state.data.is_empty() && state.owner == Pubkey::default() => {
            (HoldingState::Missing, 0)
        }
        Some(state) => match TokenAccount::parse(state) {
            Some(found) if found.program == program && found.mint == *mint && found.owner == *owner => {
                let usable = if found.frozen { HoldingState::Frozen } else { HoldingState::Ready };
                (usable, found.amount)
            }
            _ => (HoldingState::Unusable, 0),
        },
    };
    Held { program, account, state, amount, as_of: now, asked_at: now }
}

/// Balances of many assets in one look, without memory: of tokens, in the associated accounts of both programs.
pub(crate) async fn balances(looker: &Looker, owner: &Account, assets: &[AssetId]) -> Result<Vec<Amount>> {
    let who = address::of_account(owner)?;
    let mut keys = vec![who];
    let mut mints = HashSet::new();
    for asset in assets {
        if asset.chain != owner.chain {
            return Err(
                Error::caller(Code::AssetMismatch).detail(format!("{asset} is not on {}", owner.chain))
            );
        }
        if !asset.is_native() {
            let mint = address::parse(asset.key())?;
            if mints.insert(mint) {
                keys.extend(
                    [TokenProgram::Token, TokenProgram::Token2022].map(|p| address::ata(&who, &mint, p)),
                );
            }
        }
    }
    let mut by_key: HashMap<Pubkey, State> = HashMap::new();
    for some in keys.chunks(READ_AT_ONCE) {
        let looked = looker.look(some, Level::Confirmed).await?;
        by_key.extend(some.iter().zip(looked.accounts).filter_map(|(key, state)| Some((*key, state?))));
    }
    let mut amounts = Vec::with_capacity(assets.len());
    for asset in assets {
        let atomic = if asset.is_native() {
            by_key.get(&who).map_or(0, |state| state.lamports)
        } else {
            let mint = address::parse(asset.key())?;
            let of = |program| {
                let state = by_key.get(&address::ata(&who, &mint, program))?;
                TokenAccount::parse(state).filter(|found| found.mint == mint && found.owner == who)
            };
            let found = of(TokenProgram::Token).or_else(|| of(TokenProgram::Token2022));
            found.map_or(0, |account| account.amount)
        };
        amounts.push(Amount::new(*asset, atomic.into()));
    }
    Ok(amounts)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
