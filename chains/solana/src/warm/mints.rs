use crate::read::Looker;
use crate::rpc::Level;
use crate::single::Single;
use crate::token::{Mint, TokenProgram};
use crate::{profiles, tasks::Tasks};
use solana_pubkey::Pubkey;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tollway_core::{Clock, Code, Error, Result, Time};

/// Mints remembered.
const MINTS_MAX: usize = 1024;
/// A Token-2022 mint's extensions may change: read again in the background after so long …
const FRESH_MS: u64 = 30_000;
/// … and waited for after so long.
const USABLE_MS: u64 = 600_000;

type Fetch = Arc<Single<Result<Mint>>>;

struct Known {
    mint: Option<Mint>,
    as_of: Time,
    fetch: Fetch,
}

/// Facts of tokens.
pub(crate) struct Mints {
    looker: Arc<Looker>,
    clock: Arc<dyn Clock>,
    known: Mutex<HashMap<Pubkey, Known>>,
}

impl Mints {
    pub(crate) fn new(looker: Arc<Looker>, clock: Arc<dyn Clock>) -> Arc<Self> {
        let seed =
            |(key, mint)| (key, Known { mint: Some(mint), as_of: Time::ZERO, fetch: Fetch::default() });
        let known = Mutex::new(profiles::plain().map(seed).collect());
        Arc::new(Self { looker, clock, known })
    }

    pub(crate) async fn mint(self: &Arc<Self>, key: &Pubkey, tasks: &Tasks) -> Result<Mint> {
        let now = self.clock.now();
        let known = self
            .map()
            .get(key)
            .and_then(|known| Some((known.mint.clone()?, known.as_of, known.fetch.clone())));
        match known {
            // Nothing of a plain mint that matters can change.
            Some((mint, as_of, _))
                if mint.program == TokenProgram::Token || now.ms_since(as_of) < FRESH_MS =>
            {
                Ok(mint)
            }
            Some((mint, as_of, fetch)) if now.ms_since(as_of) < USABLE_MS => {
                if !fetch.busy() {
                    let (mints, key) = (self.clone(), *key);
                    tasks.spawn(async move {
                        let _ = mints.look(key).await;
                    });
                }
                Ok(mint)
            }
            _ => self.look(*key).await,
        }
    }

    /// Remembers what was read in passing.
    pub(super) fn saw(&self, key: Pubkey, mint: Mint) {
        let as_of = self.clock.now();
        let mut map = self.map();
        make_room(&mut map, &key);
        let known = map.entry(key).or_insert_with(|| Known { mint: None, as_of, fetch: Fetch::default() });
        (known.mint, known.as_of) = (Some(mint), as_of);
    }

    /// What is remembered, however old; for what cannot change (program, decimals).
    pub(super) fn known(&self, key: &Pubkey) -> Option<Mint> {
        self.map().get(key)?.mint.clone()
    }

    async fn look(&self, key: Pubkey) -> Result<Mint> {
        let fetch = {
            let mut map = self.map();
            make_room(&mut map, &key);
            let new = || Known { mint: None, as_of: Time::ZERO, fetch: Fetch::default() };
            map.entry(key).or_insert_with(new).fetch.clone()
        };
        let looker = self.looker.clone();
        let mint = fetch
            .join(|| async move {
                let mut looked = looker.look(&[key], Level::Confirmed).await?;
                let state = looked.accounts.pop().flatten();
                read(&key, state.as_ref())
            })
            .await;
        match mint {
            Ok(mint) => {
                self.saw(key, mint.clone());
                Ok(mint)
            }
            Err(error) => {
                // What is no mint takes no room.
                let mut map = self.map();
                if map.get(&key).is_some_and(|known| known.mint.is_none()) {
                    map.remove(&key);
                }
                Err(error)
            }
        }
    }

    fn map(&self) -> MutexGuard<'_, HashMap<Pubkey, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A mint, by its name in errors.
pub(super) fn read(key: &Pubkey, state: Option<&crate::svm::State>) -> Result<Mint> {
    let state =
        state.ok_or_else(|| Error::payee(Code::AssetNotDeployed).detail(format!("nothing is at {key}")))?;
    Mint::parse(state).map_err(|e| {
        let words = format!("{key}: {}", e.detail);
        e.detail(words)
    })
}

fn make_room(map: &mut HashMap<Pubkey, Known>, key: &Pubkey) {
    if map.len() < MINTS_MAX || map.contains_key(key) {
        return;
    }
    // The oldest go; those of the tables are the oldest by their time, and are kept by their program.
    let mut times: Vec<Time> = map.values().map(|known| known.as_of).filter(|at| *at > Time::ZERO).collect();
    times.sort_unstable();
    let middle = times.get(times.len() / 2).copied().unwrap_or(Time::FAR);
    map.retain(|_, known| known.as_of > middle || (known.as_of == Time::ZERO && known.mint.is_some()));
}
