use super::stand::{Others, Place, Probe};
use crate::fault::{FaultPlan, Faults, FaultyNetwork, Trouble};
use crate::sim::{At, Sim, SimChain, SimKey, SimSettings, account};
use crate::suite::secret::Secret;
use crate::weave::Weave;
use futures::future::BoxFuture;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tollway_core::ledger::MemoryLedger;
use tollway_core::{
    Account, Amount, AssetId, Ceiling, Clock, Dice, Flow, Handle, Order, Price, Result, Time, async_trait,
};

/// Who looks at a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Person {
    /// The side that signs.
    Payer,
    /// The side that settles.
    Settler,
    /// Another house that settles.
    Rival,
}

impl Person {
    /// The key this person signs or sends with on every [`SimPlace`]: whoever deploys a program may have to name them.
    pub fn key(self) -> SimKey {
        SimKey::named(match self {
            Self::Payer => "payer",
            Self::Settler => "settler",
            Self::Rival => "rival",
        })
    }
    /// This person's account on a chain.
    ///
    /// # Errors
    /// None that a valid chain id can cause.
    pub fn account(self, chain: &SimChain) -> Result<Account> {
        self.key().account(chain.id())
    }
}

/// What money depends on in a scheme: how often an order has been settled, by the chain's events.
type Settlements = Arc<dyn Fn(&SimChain, &Order) -> usize + Send + Sync>;

/// A [`Place`] on two simulated chains, with a payer, a settler and a rival: the stand of a scheme says what is deployed,
/// and how its settlements are counted.
///
/// ```
/// use tollway_testkit::sim::{SimChain, SimKey};
/// use tollway_testkit::suite::scheme::{Place, SimPlace};
///
/// fn place(seed: u64) -> tollway_core::Result<Place> {
///     // The same programs on both chains: a price is asked in the first token, the second one is just there.
///     let deploy = |chain: &SimChain| {
///         let payer = chain.know(&SimKey::named("payer"))?;
///         let tokens = [chain.token("dollar")?, chain.token("pound")?];
///         tokens.iter().try_for_each(|token| chain.endow(&payer, token, 1_000_000))?;
///         Ok(tokens)
///     };
///     let paid = |chain: &SimChain, _: &tollway_core::Order| chain.events().len();
///     SimPlace::new(seed, ["sim:1", "sim:2"], deploy)?.price_atomic(5_000).build(paid)
/// }
/// # place(1).map(|_| ())?;
/// # Ok::<(), tollway_core::Error>(())
/// ```
pub struct SimPlace {
    weave: Weave,
    home: Arc<SimChain>,
    abroad: Arc<SimChain>,
    assets: [AssetId; 2],
    price: Price,
    thief: Account,
    settings: Value,
    secrets: Vec<Secret>,
    faults: Arc<Faults>,
    signatures: Option<Arc<AtomicUsize>>,
    handle: Arc<dyn Fn(Arc<dyn Sim>, Person) -> Handle + Send + Sync>,
}

impl std::fmt::Debug for SimPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SimPlace({:?}, {:?})", self.home, self.abroad)
    }
}

impl SimPlace {
    /// Two chains of these names on which the same is deployed: two assets of which the payer has plenty.
    ///
    /// # Errors
    /// Those of `deploy`; none that valid chain ids can cause.
    pub fn new(
        seed: u64,
        chains: [&str; 2],
        deploy: impl Fn(&SimChain) -> Result<[AssetId; 2]>,
    ) -> Result<Self> {
        let weave = Weave::new(seed);
        let chain = |name| SimChain::new(SimSettings::calm(name)?, weave.clock(), &weave.dice());
        let [home, abroad] = chains;
        let (home, abroad) = (chain(home)?, chain(abroad)?);
        let assets = deploy(&home)?;
        deploy(&abroad)?;
        // Payments begin to be good a little before they are signed, and chain time lags behind by a block.
        let clock = weave.clock();
        let _ = weave.run(clock.sleep(20_000));
        let price = Price {
            ceiling: Ceiling(Amount::new(assets[0], 10_000)),
            pay_to: account(home.id(), "payee")?,
            timeout_s: 60,
            flow: Flow::Authorization,
            chain: home.id(),
        };
        Ok(Self {
            faults: Faults::new(FaultPlan::NONE, weave.clock(), seed),
            thief: account(home.id(), "thief")?,
            weave,
            home,
            abroad,
            assets,
            price,
            settings: Value::Null,
            secrets: Vec::new(),
            signatures: None,
            handle: Arc::new(|sim, _| Handle::new::<dyn Sim>(sim.clone(), sim)),
        })
    }

    /// The chain on which the price is paid.
    pub fn chain(&self) -> &Arc<SimChain> {
        &self.home
    }
    /// Time and order of everything here.
    pub fn weave(&self) -> &Weave {
        &self.weave
    }
    /// Asks for so many atomic units of the first asset. Default 10,000.
    #[must_use]
    pub fn price_atomic(mut self, atomic: u128) -> Self {
        self.price.ceiling = Ceiling(Amount::new(self.assets[0], atomic));
        self
    }
    /// For how long a payment must stay good, in seconds. Default 60.
    #[must_use]
    pub fn timeout_s(mut self, seconds: u64) -> Self {
        self.price.timeout_s = seconds;
        self
    }
    /// The scheme's settings.
    #[must_use]
    pub fn settings(mut self, settings: Value) -> Self {
        self.settings = settings;
        self
    }
    /// Something that must never be printed.
    #[must_use]
    pub fn secret(mut self, name: &'static str, bytes: &[u8]) -> Self {
        self.secrets.push(Secret::new(name, bytes));
        self
    }
    /// Counts the payer's signatures.
    #[must_use]
    pub fn signatures(mut self, count: Arc<AtomicUsize>) -> Self {
        self.signatures = Some(count);
        self
    }
    /// Puts each person's node behind these faults.
    #[must_use]
    pub fn faults(mut self, plan: FaultPlan) -> Self {
        self.faults = Faults::new(plan, self.weave.clock(), self.weave.seed());
        self
    }
    /// Makes what the registry gets of a person's node, for a scheme that asks for another typed trait than [`Sim`].
    #[must_use]
    pub fn handles(
        mut self,
        handle: impl Fn(Arc<dyn Sim>, Person) -> Handle + Send + Sync + 'static,
    ) -> Self {
        self.handle = Arc::new(handle);
        self
    }

    /// The place. `settlements` counts how often the authorization in an order has moved money.
    ///
    /// # Errors
    /// None that a valid chain id can cause.
    pub fn build(
        self,
        settlements: impl Fn(&SimChain, &Order) -> usize + Send + Sync + 'static,
    ) -> Result<Place> {
        let node = |chain: &Arc<SimChain>, person: Person| -> Result<Arc<dyn Sim>> {
            let mut node = chain.node(Arc::new(MemoryLedger::new()));
            let key = person.key();
            if person == Person::Payer {
                return Ok(node.signer(key)?.build());
            }
            chain.endow(&chain.know(&key)?, &chain.coin(), 10u128.pow(24))?;
            node = node.sender(&key)?;
            Ok(Arc::new(FaultyNetwork::new(node.build(), &self.faults)))
        };
        let handle = |chain, person| Ok(Some((self.handle)(node(chain, person)?, person)));
        let clock = self.weave.clock();
        let dice: Arc<dyn Dice> = self.weave.dice();
        Ok(Place {
            payer: handle(&self.home, Person::Payer)?,
            seller: None,
            settler: handle(&self.home, Person::Settler)?,
            rival: handle(&self.home, Person::Rival)?,
            settings: self.settings.clone(),
            clock,
            dice,
            price: self.price,
            others: Others {
                payee: self.thief,
                asset: self.assets[1],
                chain: self.abroad.id(),
                network: handle(&self.abroad, Person::Settler)?,
            },
            secrets: self.secrets.clone(),
            probe: Arc::new(World {
                node: node(&self.home, Person::Payer)?,
                weave: self.weave,
                chain: self.home,
                faults: self.faults,
                signatures: self.signatures,
                settlements: Arc::new(settlements),
            }),
        })
    }
}

/// The chain's world, as the suite sees it.
struct World {
    weave: Weave,
    chain: Arc<SimChain>,
    node: Arc<dyn Sim>,
    faults: Arc<Faults>,
    signatures: Option<Arc<AtomicUsize>>,
    settlements: Settlements,
}

#[async_trait]
impl Probe for World {
    fn run(&self, work: BoxFuture<'static, ()>) {
        // What did not end is seen by whoever waits for the check's word.
        let _ = self.weave.run(work);
    }
    async fn balance(&self, owner: &Account, asset: &AssetId) -> u128 {
        self.chain.balance(owner, asset)
    }
    async fn settlements(&self, order: &Order) -> usize {
        (self.settlements)(&self.chain, order)
    }
    async fn transactions(&self) -> usize {
        let mined = self.chain.transactions().into_iter().map(|mined| mined.tx);
        mined.chain(self.chain.waiting()).collect::<BTreeSet<_>>().len()
    }
    async fn state(&self) -> String {
        format!("{:?}", self.chain.picture())
    }
    async fn final_time(&self) -> Time {
        self.node.chain_time(At::Final).await.map_or(Time::ZERO, |(_, time)| time)
    }
    async fn advance(&self, to: Time) {
        let clock = self.weave.clock();
        clock.sleep(to.ms_since(clock.now())).await;
    }
    async fn trouble(&self, trouble: Trouble) -> bool {
        self.faults.trouble_next_send(trouble);
        true
    }
    fn signatures(&self) -> Option<usize> {
        self.signatures.as_ref().map(|count| count.load(Ordering::SeqCst))
    }
}
