use super::view::FeeView;
use crate::address;
use crate::profiles::Profile;
use crate::rpc::Rpc;
use crate::single::Single;
use crate::tasks::Tasks;
use solana_pubkey::Pubkey;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tollway_core::{Account, Clock, Code, Error, Purpose, Result, Time};

/// Sets of accounts whose market is remembered.
const MARKETS_MAX: usize = 512;
/// Markets that are looked at together.
const TOGETHER_MAX: usize = 32;
/// Accounts that a node takes in one question.
const ACCOUNTS_MAX: usize = 128;
/// A look older than so many slots is not used any more.
const USABLE_SLOTS: u64 = 50;
/// A market that nobody priced with for so long is not looked at any more.
const WANTED_MS: u64 = 120_000;

/// A set of accounts: in order, each once. The empty one stands for the chain as a whole.
type Key = Arc<[Pubkey]>;
type Views = Vec<(Key, Arc<FeeView>)>;
type Fetch = Arc<Single<Result<Views>>>;

/// One market.
struct Stall {
    newest: Option<Arc<FeeView>>,
    fetch: Fetch,
    /// When somebody last priced with it.
    asked_at: Time,
}

/// The fee markets of one chain, remembered for as long as they are true.
pub(crate) struct Market {
    rpc: Rpc,
    profile: Profile,
    clock: Arc<dyn Clock>,
    stalls: Mutex<HashMap<Key, Stall>>,
}

impl std::fmt::Debug for Market {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Market({} sets of accounts)", self.stalls().len())
    }
}

impl Market {
    pub(crate) fn new(rpc: Rpc, profile: Profile, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { rpc, profile, clock, stalls: Mutex::default() })
    }

    /// For offers, without I/O while a look of the last slots is there. One that is past its time but usable is given,
    /// and renewed in the background; one that is older is waited for.
    pub(crate) async fn view(self: &Arc<Self>, written: &[Pubkey], tasks: &Tasks) -> Result<Arc<FeeView>> {
        let key = key(written.to_vec());
        let now = self.clock.now();
        let (newest, fetch) = self.stall(&key);
        match newest {
            Some(view) if now < view.valid_until => Ok(view),
            Some(view) if self.usable(&view, now) => {
                if !fetch.busy() {
                    let market = self.clone();
                    tasks.spawn(async move {
                        // A look that fails is no harm: the old one is usable, and the next question tries again.
                        let _ = market.look(key).await;
                    });
                }
                Ok(view)
            }
            _ => self.look(key).await,
        }
    }

    /// For the quote book, which keeps what it gets: as new as one look can be that others share.
    pub(crate) async fn fresh(&self, touching: &[Account]) -> Result<Arc<FeeView>> {
        let key = key_of(touching)?;
        let (now, shared_ms) = (self.clock.now(), u64::from(self.profile.slot_ms / 4));
        match self.stall(&key).0.filter(|view| now.ms_since(view.taken_at) < shared_ms) {
            Some(view) => Ok(view),
            None => self.look(key).await,
        }
    }

    /// What work that writes these accounts is priced at, from memory alone; `None` while their market is not known.
    /// It is looked at from now on whenever the chain as a whole is.
    pub(crate) fn unit_price(&self, touching: &[Account], purpose: Purpose) -> Option<u64> {
        if touching.is_empty() {
            return None;
        }
        let view = self.stall(&key_of(touching).ok()?).0?;
        self.usable(&view, self.clock.now()).then(|| view.prices.of_purpose(purpose))
    }

    fn usable(&self, view: &FeeView, now: Time) -> bool {
        now.ms_since(view.taken_at) < u64::from(self.profile.slot_ms).saturating_mul(USABLE_SLOTS)
    }

    /// What is known of a market, and the way to look at it; it counts as asked for.
    fn stall(&self, key: &Key) -> (Option<Arc<FeeView>>, Fetch) {
        let now = self.clock.now();
        let mut stalls = self.stalls();
        if stalls.len() >= MARKETS_MAX && !stalls.contains_key(key) {
            let mut times: Vec<Time> = stalls.values().map(|stall| stall.asked_at).collect();
            times.sort_unstable();
            let middle = times.get(times.len() / 2).copied().unwrap_or(now);
            stalls.retain(|_, stall| stall.asked_at > middle);
        }
        let new = || Stall { newest: None, fetch: Fetch::default(), asked_at: now };
        let stall = stalls.entry(key.clone()).or_insert_with(new);
        stall.asked_at = now;
        (stall.newest.clone(), stall.fetch.clone())
    }

    /// Looks now; whoever asks for the same meanwhile gets the same look.
    async fn look(&self, key: Key) -> Result<Arc<FeeView>> {
        let (_, fetch) = self.stall(&key);
        let (rpc, profile, clock) = (self.rpc.clone(), self.profile, self.clock.clone());
        let keys = if key.is_empty() { self.together() } else { vec![key.clone()] };
        // The fetch holds none of `self`: a shared future that nobody drives any more keeps nothing alive.
        let views = fetch.join(|| async move { FeeView::take(rpc, profile, clock, keys).await }).await?;
        let mut stalls = self.stalls();
        for (key, view) in &views {
            if let Some(stall) = stalls.get_mut(key) {
                stall.newest = Some(view.clone());
            }
        }
        let view = views.into_iter().find_map(|(found, view)| (found == key).then_some(view));
        view.ok_or_else(|| Error::network(Code::NoQuote).detail("a look that left out what was asked for"))
    }

    /// The chain as a whole, and the markets that were priced with lately: one request for all of them.
    fn together(&self) -> Vec<Key> {
        let now = self.clock.now();
        let stalls = self.stalls();
        let mut wanted: Vec<(Time, Key)> = stalls
            .iter()
            .filter(|(key, stall)| !key.is_empty() && now.ms_since(stall.asked_at) < WANTED_MS)
            .map(|(key, stall)| (stall.asked_at, key.clone()))
            .collect();
        wanted.sort_unstable_by_key(|(asked_at, _)| std::cmp::Reverse(*asked_at));
        let wanted = wanted.into_iter().map(|(_, key)| key).take(TOGETHER_MAX);
        std::iter::once(Key::default()).chain(wanted).collect()
    }

    fn stalls(&self) -> MutexGuard<'_, HashMap<Key, Stall>> {
        self.stalls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key_of(touching: &[Account]) -> Result<Key> {
    Ok(key(touching.iter().map(address::of_account).collect::<Result<_>>()?))
}

fn key(mut written: Vec<Pubkey>) -> Key {
    written.sort_unstable();
    written.dedup();
    written.truncate(ACCOUNTS_MAX);
    written.into()
}
