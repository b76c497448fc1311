//! Other people's facilitators.

use super::*;
use tollway_route::pool::{PoolBuilder, PoolSettings, Seat};

struct Remote {
    up: Mutex<bool>,
    asked: AtomicUsize,
    /// What it takes beside what it is asked to take.
    greed: u128,
    settled: AtomicUsize,
}

impl Remote {
    fn new() -> Arc<Self> {
        Self::greedy(0)
    }
    fn greedy(greed: u128) -> Arc<Self> {
        let (asked, settled) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Arc::new(Self { up: Mutex::new(true), asked, greed, settled })
    }
    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Settler for Remote {
    async fn kinds(&self) -> Result<Vec<Kind>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        step().await;
        if !*self.up.lock().unwrap() {
            return Err(Error::network(Code::Unreachable));
        }
        let scheme = Name::new("fake").unwrap();
        let kind = |version| Kind {
            version,
            scheme,
            chain: chain(1),
            extra: Extra::default(),
            extensions: Vec::new(),
        };
        Ok(vec![kind(Version::V2), kind(Version::V1)])
    }
    async fn effort(&self, _: &Order) -> Result<Effort> {
        Ok(Effort::default())
    }
    async fn verify(&self, _: &Order) -> Result<Proof> {
        Ok(Proof::default())
    }
    async fn settle(&self, due: Due) -> Result<Receipt> {
        self.settled.fetch_add(1, Ordering::SeqCst);
        let mut taken = due.charge().amount();
        taken.atomic += self.greed;
        let payer = due.verified().terms().payer.unwrap_or(due.verified().terms().payee);
        Ok(Receipt::on_chain(TxId("0xaa".to_owned()), taken, payer))
    }
    async fn resume(&self, _: &Order, _: Option<Amount>) -> Result<Fate> {
        Err(Error::us(Code::Internal))
    }
}

fn with_remotes(world: &Arc<World>, remotes: &[&Arc<Remote>]) -> Gate {
    world.direct(|s| s.no_own_settler = true);
    let remotes = remotes.iter().enumerate();
    let remotes = remotes.map(|(n, r)| {
        let settler: Arc<dyn Settler> = Arc::<Remote>::clone(r);
        Seat::new(SettlerId(format!("r{n}")), settler)
    });
    let parts = builder(world, seller());
    let spawner = world.clone();
    let pool = PoolBuilder {
        name: "me".to_owned(),
        registry: parts.registry.clone(),
        quotes: parts.quotes.clone(),
        ledger: parts.ledger.clone(),
        clock: parts.clock.clone(),
        dice: world.clone(),
        spawn: Arc::new(move |task| spawner.spawn(task)),
        settings: PoolSettings::default(),
    };
    GateBuilder { pool: Some(Arc::new(pool.build(remotes.collect()).unwrap())), ..parts }.build()
}

#[test]
fn what_a_facilitator_supports_is_asked_once_in_a_while() {
    let world = World::new();
    let remote = Remote::new();
    let gate = with_remotes(&world, &[&remote]);
    for _ in 0..50 {
        assert_eq!(post(&world, &gate, "s", &amounts(5), &[rail(1), rail(2)]).offers.len(), 1);
        world.advance(1_000);
    }
    assert_eq!(remote.asked(), 1);
}

#[test]
fn a_dead_facilitator_is_not_asked_for_every_402() {
    let world = World::new();
    let (dead, alive) = (Remote::new(), Remote::new());
    *dead.up.lock().unwrap() = false;
    let gate = with_remotes(&world, &[&dead, &alive]);
    for _ in 0..100 {
        assert_eq!(post(&world, &gate, "s", &amounts(5), &[rail(1)]).offers.len(), 1);
        world.advance(20);
    }
    assert!(dead.asked() <= 3, "asked {} times in two seconds", dead.asked());
    // Once it is back, that is noticed.
    *dead.up.lock().unwrap() = true;
    world.advance(60_000);
    post(&world, &gate, "s", &amounts(5), &[rail(1)]);
    world.settle_down();
    assert_eq!(alive.asked(), 1);
    world.advance(1_000);
    post(&world, &gate, "s", &amounts(5), &[rail(1)]);
    assert!(dead.asked() <= 5, "one probe, and what it supports");
}

#[test]
fn what_a_facilitator_supported_is_believed_while_it_is_away() {
    let world = World::new();
    let remote = Remote::new();
    let gate = with_remotes(&world, &[&remote]);
    post(&world, &gate, "s", &amounts(5), &[rail(1)]);
    *remote.up.lock().unwrap() = false;
    let post = || post(&world, &gate, "s", &amounts(5), &[rail(1)]);
    for _ in 0..35 {
        world.advance(100_000);
        assert_eq!(post().offers.len(), 1);
        world.settle_down();
    }
    // Not for ever.
    world.advance(3_600_000);
    assert_eq!(post().rejected[0].1.code, Code::Unreachable);
    *remote.up.lock().unwrap() = true;
    world.settle_down();
    world.advance(120_000);
    post();
    world.settle_down();
    assert_eq!(post().offers.len(), 1);
}

#[test]
fn without_anybody_who_settles_the_reason_is_told() {
    let world = World::new();
    let remote = Remote::new();
    *remote.up.lock().unwrap() = false;
    let gate = with_remotes(&world, &[&remote]);
    let posted = post(&world, &gate, "s", &amounts(5), &[rail(1)]);
    assert_eq!(posted.rejected[0].1.code, Code::Unreachable);
}

struct Serves;

#[async_trait]
impl Handler for Serves {
    async fn run(&mut self, ceiling: &Ceiling) -> Option<Charge> {
        Some(ceiling.full())
    }
}

#[test]
fn a_facilitator_that_takes_more_than_it_was_asked_to_leaves_the_pool() {
    let world = World::new();
    let (greedy, honest) = (Remote::greedy(1), Remote::new());
    let gate = with_remotes(&world, &[&greedy, &honest]);
    let buy = |nonce: &str| {
        let shown = offers(&post(&world, &gate, "s", &amounts(5), &[rail(1)]));
        let payment = pay_v2(&world, &shown[0], nonce);
        let admitted = admit(&world, &gate, "s", &payment, &shown).unwrap();
        run(&world, gate.serve(admitted, &mut Serves))
    };
    let e = buy("a").unwrap_err();
    let tx = Some(TxId("0xaa".to_owned()));
    assert_eq!((e.code, e.blame, e.next), (Code::Overcharged, Blame::Settler, Next::Unknown(tx)));
    for nonce in ["b", "c"] {
        assert!(matches!(buy(nonce), Ok(Delivered::Paid(_))));
    }
    let settled = |remote: &Remote| remote.settled.load(Ordering::SeqCst);
    assert_eq!((settled(&greedy), settled(&honest)), (1, 2), "it is not asked again");

    // Where it was the only one, nothing is offered, and that is why; after a restart too.
    let world = World::new();
    let gate = with_remotes(&world, &[&Remote::greedy(7)]);
    let shown = offers(&post(&world, &gate, "s", &amounts(5), &[rail(1)]));
    let payment = pay_v2(&world, &shown[0], "d");
    let admitted = admit(&world, &gate, "s", &payment, &shown).unwrap();
    assert_eq!(run(&world, gate.serve(admitted, &mut Serves)).unwrap_err().code, Code::Overcharged);
    for gate in [gate, with_remotes(&world, &[&Remote::new()])] {
        let posted = post(&world, &gate, "s", &amounts(5), &[rail(1)]);
        assert_eq!(posted.rejected[0].1.code, Code::Overcharged);
    }
}
