//! What every network must do: a fee market as a snapshot, balances, and what became of a transaction.

use super::Guise;
use super::Verdict;
use super::property::{Checked, OrSeen, Property, Subject, ensure, insist};
use crate::weave::SeededDice;
use futures::future::BoxFuture;
use std::collections::BTreeSet;
use std::sync::Arc;
use tollway_core::{
    Account, Amount, AssetId, Bearer, Blame, ChainId, Clock, Cost, Network, NetworkTraits, Next, Outcome,
    Purpose, Result as Core, Sample, Tariff, Time, TxId, Work, async_trait,
};

/// What the author of a network supplies.
pub trait Stand: Send + Sync + 'static {
    /// A chain with some history. The same seed builds the same place.
    fn place(&self, seed: u64) -> Place;
    /// Over how many seeds prices are compared.
    fn seeds(&self) -> u64 {
        24
    }
}

/// Where a network is tried.
pub struct Place {
    /// The network.
    pub network: Arc<dyn Network>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Somebody, with all that it holds of some assets.
    pub owner: Account,
    /// What the owner holds, the chain's own coin among it.
    pub holdings: Vec<Amount>,
    /// Somebody who holds nothing of them.
    pub pauper: Account,
    /// A transaction that did what it should, at the set finality.
    pub done: Option<TxId>,
    /// A transaction that is in a block and failed there.
    pub failed: Option<TxId>,
    /// A well-formed id of no transaction.
    pub unknown: TxId,
    /// What the suite may do beyond the contract.
    pub probe: Arc<dyn Probe>,
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Place({})", self.network.id())
    }
}

/// What lies under a place.
#[async_trait]
pub trait Probe: Send + Sync {
    /// Runs one piece of work to its end.
    fn run(&self, work: BoxFuture<'static, ()>);
    /// Lets the chain go on for so long, its fee market with it.
    async fn go_on(&self, ms: u64);
    /// How often the node was asked something; `None` where nobody counts.
    fn calls(&self) -> Option<usize> {
        None
    }
}

/// How often a read that says "later" is made again.
const TRIES: usize = 60;

/// Reads are safe to retry, so a node that fails now and then is asked again.
struct Patient(Arc<dyn Network>);

/// Makes a read until it has an answer, or an error that would only come again.
macro_rules! patiently {
    ($call:expr) => {{
        let mut answer = $call.await;
        for _ in 0..TRIES {
            if !answer.as_ref().is_err_and(|e| e.blame == Blame::Network && e.next == Next::Later) {
                break;
            }
            answer = $call.await;
        }
        answer
    }};
}

#[async_trait]
impl Network for Patient {
    fn id(&self) -> ChainId {
        self.0.id()
    }
    fn traits(&self) -> NetworkTraits {
        self.0.traits()
    }
    async fn tariff(&self, purpose: Purpose, touching: &[Account]) -> Core<Arc<dyn Tariff>> {
        patiently!(self.0.tariff(purpose, touching))
    }
    async fn balances(&self, owner: &Account, assets: &[AssetId]) -> Core<Vec<Amount>> {
        patiently!(self.0.balances(owner, assets))
    }
    async fn outcome(&self, tx: &TxId) -> Core<Outcome> {
        patiently!(self.0.outcome(tx))
    }
}

/// A network in its place, in one guise.
#[derive(Debug)]
pub struct Trial {
    place: Place,
    network: Wearing,
    seed: u64,
    guise: Guise,
}

struct Wearing(Arc<dyn Network>);

impl std::fmt::Debug for Wearing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Network")
    }
}

impl Subject for Trial {
    fn run(&self, work: BoxFuture<'static, ()>) {
        self.place.probe.run(work);
    }
    fn wears(&self) -> &'static str {
        self.guise.words()
    }
}

impl Trial {
    fn net(&self) -> &dyn Network {
        &*self.network.0
    }
    async fn tariff(&self, purpose: Purpose) -> Result<Arc<dyn Tariff>, String> {
        self.net().tariff(purpose, &[self.place.owner]).await.or_seen("tariff")
    }
}

macro_rules! properties {
    ($($name:ident, $seeds:expr, $says:literal;)*) => {
        /// What every network must do. The facts are the number of seeds.
        pub const PROPERTIES: &[Property<Trial, u64>] = &[$(Property {
            name: stringify!($name),
            says: $says,
            needs: |_| true,
            seeds: $seeds,
            check: |trial| Box::pin($name(trial)),
        }),*];
    };
}

properties! {
    names_its_chain, |_| 3, "id and traits are sane, and always the same";
    prices_without_io, |_| 3, "a tariff prices any work without asking a node, and says the same however the market moves on";
    parts_sum_to_the_total, |seeds| *seeds, "a price is in the chain's own coin, names each part once, and the parts fit together";
    more_work_is_never_cheaper, |seeds| *seeds, "more compute, bytes, signatures or state never costs less";
    sharing_is_left_to_others, |_| 3, "a price is that of the whole work, however many share it";
    tariffs_are_dated, |_| 3, "a tariff was taken before now, is good for a while, and says where it comes from";
    haste_is_never_cheaper, |seeds| *seeds, "the floor costs no more than the background, and that no more than haste";
    no_work_is_too_large_to_think_about, |_| 3, "work beyond all bounds has a price or an error, and never a small price";
    tells_what_became_of_transactions, |_| 3, "done is final, failed is failed, and nobody knows the unknown";
    balances_agree, |_| 3, "balances come in the order asked, and are what is held";
}

fn seeds(stand: &dyn Stand) -> u64 {
    stand.seeds()
}

/// The properties' names, in order.
pub fn names() -> Vec<&'static str> {
    PROPERTIES.iter().map(|p| p.name).collect()
}

/// Runs one property over its seeds; each seed wears the next guise.
pub fn check(stand: &dyn Stand, property: &Property<Trial, u64>) -> Checked {
    property.judge(&seeds(stand), |seed| {
        let (place, guise) = (stand.place(seed), Guise::of(seed));
        let patient: Arc<dyn Network> = Arc::new(Patient(Arc::clone(&place.network)));
        let network = Wearing(guise.network(patient));
        Ok(Trial { place, network, seed, guise })
    })
}

/// Runs every property that `wanted` names.
pub fn check_all(stand: &dyn Stand, wanted: impl Fn(&str) -> bool) -> Vec<(&'static str, Checked)> {
    PROPERTIES.iter().filter(|p| wanted(p.name)).map(|p| (p.name, check(stand, p))).collect()
}

/// One test: runs the property of that name, and panics with what was seen unless it holds.
pub fn prove(stand: impl Stand, name: &str) {
    let property = PROPERTIES.iter().find(|p| p.name == name);
    insist(&check(&stand, property.unwrap_or_else(|| panic!("no property {name}"))));
}

/// Proves a network: one `#[test]` for each property of [`network`](crate::suite::network). Takes a
/// [`Stand`](crate::suite::network::Stand).
#[macro_export]
macro_rules! network_suite {
    ($stand:expr) => {
        $crate::__tests! { network, $stand,
            names_its_chain
            prices_without_io
            parts_sum_to_the_total
            more_work_is_never_cheaper
            sharing_is_left_to_others
            tariffs_are_dated
            haste_is_never_cheaper
            no_work_is_too_large_to_think_about
            tells_what_became_of_transactions
            balances_agree
        }
    };
}

const PURPOSES: [Purpose; 3] = [Purpose::Floor, Purpose::Background, Purpose::Interactive];

/// Some work, as settlements are: drawn compute, drawn bytes.
fn work(dice: &SeededDice) -> Work {
    // A chain may refuse to price a transaction without bytes.
    let mut bytes = vec![0; dice.place(600).saturating_add(1)];
    tollway_core::Dice::fill(dice, &mut bytes);
    let mut work = Work::new(Bearer::Settler, "work", dice.between(0, 400_000), Sample::new(bytes));
    work.signatures = u16::try_from(dice.between(0, 4)).unwrap_or(0);
    work
}

/// A transaction of some length.
fn sample() -> Sample {
    Sample::new(vec![0x5a; 200])
}

/// More of one thing.
fn more(work: &Work, dice: &SeededDice) -> [Work; 4] {
    let mut all = [work.clone(), work.clone(), work.clone(), work.clone()];
    let [compute, bytes, signatures, state] = &mut all;
    compute.compute = work.compute.saturating_add(dice.between(1, 100_000));
    // Not compressible, so that chains which price what is left after compression see more, too.
    let mut tail = vec![0; 64 + dice.place(400)];
    tollway_core::Dice::fill(dice, &mut tail);
    bytes.sample = Sample::new([work.sample.bytes(), &tail].concat());
    signatures.signatures = work.signatures.saturating_add(1);
    state.creates_bytes.push(165);
    all
}

async fn names_its_chain(t: Arc<Trial>) -> Verdict {
    let (id, traits) = (t.net().id(), t.net().traits());
    ensure!(
        t.place.owner.chain == id,
        "the stand's owner is on {}, the network is {id}",
        t.place.owner.chain
    );
    ensure!((1..=3_600_000).contains(&traits.block_ms), "{} ms between blocks", traits.block_ms);
    t.place.probe.go_on(10_000).await;
    ensure!((id, traits) == (t.net().id(), t.net().traits()), "id or traits have changed");
    Ok(())
}

async fn prices_without_io(t: Arc<Trial>) -> Verdict {
    let dice = SeededDice::new(t.seed);
    let works: Vec<Work> = (0..10).map(|_| work(&dice)).collect();
    for purpose in PURPOSES {
        let tariff = t.tariff(purpose).await?;
        let before = t.place.probe.calls();
        let price = || works.iter().map(|w| tariff.price(w)).collect::<Core<Vec<Cost>>>().or_seen("price");
        let (first, dates) =
            (price()?, (tariff.taken_at(), tariff.valid_until(), tariff.source().to_owned()));
        ensure!(first == price()?, "one snapshot, asked twice, gives two prices");
        ensure!(before == t.place.probe.calls(), "pricing asked the node");
        t.place.probe.go_on(120_000).await;
        let before = t.place.probe.calls();
        ensure!(first == price()?, "a snapshot's prices changed when the market moved on");
        ensure!(before == t.place.probe.calls(), "pricing asked the node");
        let now = (tariff.taken_at(), tariff.valid_until(), tariff.source().to_owned());
        ensure!(dates == now, "a snapshot's dates changed: {dates:?}, then {now:?}");
    }
    Ok(())
}

async fn parts_sum_to_the_total(t: Arc<Trial>) -> Verdict {
    let dice = SeededDice::new(t.seed);
    for purpose in PURPOSES {
        let tariff = t.tariff(purpose).await?;
        for _ in 0..20 {
            let cost = tariff.price(&work(&dice)).or_seen("price")?;
            ensure!(cost.asset == AssetId::native(t.net().id()), "priced in {}", cost.asset);
            let named: BTreeSet<_> = cost.parts.iter().map(|(part, _)| *part).collect();
            ensure!(named.len() == cost.parts.len(), "a part comes twice: {:?}", cost.parts);
            let sum = cost.parts.iter().try_fold(0u128, |sum, (_, n)| sum.checked_add(*n));
            ensure!(sum == Some(cost.total()), "the parts {:?} do not sum to {}", cost.parts, cost.total());
        }
    }
    Ok(())
}

async fn more_work_is_never_cheaper(t: Arc<Trial>) -> Verdict {
    let dice = SeededDice::new(t.seed);
    let tariff = t.tariff(Purpose::Interactive).await?;
    for _ in 0..20 {
        let less = work(&dice);
        let cost = tariff.price(&less).or_seen("price")?.total();
        for (what, more) in ["compute", "bytes", "signatures", "state"].iter().zip(more(&less, &dice)) {
            let dear = tariff.price(&more).or_seen("price")?.total();
            ensure!(dear >= cost, "more {what} costs {dear}, less costs {cost}: {more:?}");
        }
    }
    let nothing =
        tariff.price(&Work::new(Bearer::Settler, "nothing", 0, Sample::default())).or_seen("price")?;
    let something = tariff.price(&Work::new(Bearer::Settler, "something", 10_000_000, sample()));
    ensure!(
        something.or_seen("price")?.total() > nothing.total(),
        "ten million units of compute cost nothing"
    );
    Ok(())
}

async fn sharing_is_left_to_others(t: Arc<Trial>) -> Verdict {
    let tariff = t.tariff(Purpose::Interactive).await?;
    let work = work(&SeededDice::new(t.seed));
    let whole = tariff.price(&work).or_seen("price")?;
    let many = std::num::NonZeroU32::new(50).ok_or("fifty")?;
    let shared = tariff.price(&work.shared_by(many)).or_seen("price")?;
    ensure!(whole == shared, "alone {whole:?}, shared by fifty {shared:?}");
    Ok(())
}

async fn tariffs_are_dated(t: Arc<Trial>) -> Verdict {
    for purpose in PURPOSES {
        let tariff = t.tariff(purpose).await?;
        let (taken, until, now) = (tariff.taken_at(), tariff.valid_until(), t.place.clock.now());
        ensure!(taken <= now, "taken at {taken:?}, now it is {now:?}");
        ensure!(until > taken, "taken at {taken:?}, good until {until:?}");
        ensure!(until != Time::FAR, "good for ever");
        ensure!(!tariff.source().is_empty(), "from nowhere");
        t.place.probe.go_on(until.ms_since(now).saturating_add(1)).await;
        // A node behind others may show an old block now and then; whoever looks again sees the new one.
        let mut next = t.tariff(purpose).await?;
        for _ in 0..TRIES {
            if next.taken_at() <= taken {
                next = t.tariff(purpose).await?;
            }
        }
        ensure!(next.taken_at() > taken, "a new look shows what was there at {taken:?}");
    }
    Ok(())
}

async fn haste_is_never_cheaper(t: Arc<Trial>) -> Verdict {
    let dice = SeededDice::new(t.seed);
    let mut tariffs = Vec::new();
    for purpose in PURPOSES {
        tariffs.push((purpose, t.tariff(purpose).await?));
    }
    // Of one market: a look that came a block later is of another.
    let one =
        tariffs.iter().all(|(_, tariff)| tariff.source() == tariffs.first().map_or("", |(_, t)| t.source()));
    let work = work(&dice);
    let mut last: Option<(Purpose, u128)> = None;
    for (purpose, tariff) in tariffs {
        let cost = tariff.price(&work).or_seen("price")?.total();
        if let Some((before, less)) = last.filter(|_| one) {
            ensure!(cost >= less, "{purpose:?} costs {cost}, {before:?} costs {less}");
        }
        last = Some((purpose, cost));
    }
    Ok(())
}

async fn no_work_is_too_large_to_think_about(t: Arc<Trial>) -> Verdict {
    let tariff = t.tariff(Purpose::Interactive).await?;
    let plain = tariff.price(&Work::new(Bearer::Payer, "plain", 100_000, sample())).or_seen("price")?.total();
    let huge = |change: fn(&mut Work)| {
        let mut work = Work::new(Bearer::Payer, "huge", 100_000, sample());
        change(&mut work);
        work
    };
    for work in [
        huge(|w| w.compute = u64::MAX),
        huge(|w| w.signatures = u16::MAX),
        huge(|w| w.sample = Sample::new(vec![0xa5; 1 << 20])),
        huge(|w| w.creates_bytes = vec![u32::MAX; 1_000]),
    ] {
        match tariff.price(&work) {
            Ok(cost) => ensure!(cost.total() >= plain, "costs {}, a small one {plain}", cost.total()),
            Err(e) => ensure!(!e.is_unknown_outcome(), "{e}"),
        }
    }
    Ok(())
}

async fn tells_what_became_of_transactions(t: Arc<Trial>) -> Verdict {
    for _ in 0..2 {
        let unknown = t.net().outcome(&t.place.unknown).await.or_seen("outcome of the unknown")?;
        ensure!(unknown == Outcome::Unseen, "nobody sent it, and it is {unknown:?}");
        if let Some(done) = &t.place.done {
            let outcome = t.net().outcome(done).await.or_seen("outcome of what was done")?;
            ensure!(
                matches!(outcome, Outcome::Included { finalized: true, .. }),
                "done and final, and it is {outcome:?}"
            );
        }
        if let Some(failed) = &t.place.failed {
            let outcome = t.net().outcome(failed).await.or_seen("outcome of what failed")?;
            ensure!(outcome == Outcome::Failed, "it failed, and it is {outcome:?}");
        }
    }
    for odd in ["", "0x", "not a transaction", &"x".repeat(10_000)] {
        match t.net().outcome(&TxId(odd.to_owned())).await {
            Ok(outcome) => ensure!(outcome == Outcome::Unseen, "{odd:.32?} is {outcome:?}"),
            Err(e) => ensure!(!e.is_unknown_outcome(), "{e}"),
        }
    }
    Ok(())
}

async fn balances_agree(t: Arc<Trial>) -> Verdict {
    let own = &t.place.holdings;
    let assets: Vec<AssetId> = own.iter().map(|a| a.asset).collect();
    let held = t.net().balances(&t.place.owner, &assets).await.or_seen("balances")?;
    ensure!(held == *own, "held {own:?}, said {held:?}");
    let back: Vec<AssetId> = assets.iter().rev().chain(&assets).copied().collect();
    let held = t.net().balances(&t.place.owner, &back).await.or_seen("balances, in another order")?;
    let want: Vec<Amount> = own.iter().rev().chain(own).copied().collect();
    ensure!(held == want, "held {want:?}, said {held:?}");
    let nothing = t.net().balances(&t.place.owner, &[]).await.or_seen("balances of nothing")?;
    ensure!(nothing.is_empty(), "asked for nothing, said {nothing:?}");
    let poor = t.net().balances(&t.place.pauper, &assets).await.or_seen("a pauper's balances")?;
    ensure!(poor.iter().all(|a| a.atomic == 0), "a pauper holds {poor:?}");
    let elsewhere =
        ChainId::new("nowhere:1").and_then(|chain| AssetId::new(chain, "coin")).or_seen("an asset")?;
    if let Ok(held) = t.net().balances(&t.place.owner, &[elsewhere]).await {
        ensure!(held.iter().all(|a| a.atomic == 0), "holds {held:?} of an asset of another chain");
    }
    Ok(())
}
