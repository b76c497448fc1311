//! The selling side: what is offered, what is honoured, who is admitted, and what a restart finds.

mod kit;

use kit::*;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tollway_core::flow::{Delivered, Handler};
use tollway_core::*;
use tollway_route::*;

const URL: &str = "https://a.example/x";
const CENT: Usd = Usd::from_micros(10_000);

fn seller() -> SellerPolicy {
    SellerPolicy { settlement_share_bps_max: None, ..SellerPolicy::default() }
}

fn builder(world: &Arc<World>, policy: SellerPolicy) -> GateBuilder {
    GateBuilder {
        registry: registry(world, &[1, 2, 3, 4, 9]),
        remotes: Vec::new(),
        quotes: book(world),
        ledger: world.books.clone(),
        clock: world.clone(),
        policy,
        owner: "me".into(),
        patience_ms: 0,
    }
}

fn gate(world: &Arc<World>, policy: SellerPolicy) -> Gate {
    builder(world, policy).build()
}

fn rail_in(asset: AssetId) -> Rail {
    Rail {
        scheme: Name::new("fake").unwrap(),
        method: None,
        asset,
        pay_to: Account::new(asset.chain, PAYEE).unwrap(),
        flow: Flow::Authorization,
        timeout_s: 60,
    }
}

fn rail(n: u8) -> Rail {
    rail_in(usdc(n))
}

fn post(world: &Arc<World>, gate: &Gate, scope: &str, tag: &Tag, rails: &[Rail]) -> Posted {
    run(world, gate.post(scope, tag, rails)).unwrap()
}

fn prices(posted: &Posted) -> Vec<(String, u128)> {
    posted
        .offers
        .iter()
        .map(|o| &o.offer.requirement)
        .map(|r| (r.chain.to_string(), r.price.atomic()))
        .collect()
}

fn amounts(atomic: u128) -> Tag {
    Tag::Amounts((1..5).map(|n| Amount::new(usdc(n), atomic)).collect())
}

/// A v2 payment that echoes `offer`, signed for its price.
fn pay_v2(world: &World, offer: &Offer, nonce: &str) -> Json {
    let r = &offer.requirement;
    let payload = payload_of(world, nonce, r.price.atomic(), r.pay_to.address());
    let payment = Payment { accepted: r.clone(), payload, extensions: None, resource: None };
    wire::write_payment(&payment, &[FAMILY]).unwrap()
}

fn pay_v1(world: &World, network: &str, nonce: &str, value: u128) -> Json {
    let payload = payload_of(world, nonce, value, PAYEE);
    Json::of(
        &serde_json::json!({ "x402Version": 1, "scheme": "fake", "network": network, "payload": payload }),
    )
}

fn payload_of(world: &World, nonce: &str, value: u128, to: &str) -> Json {
    let (value, until) = (value.to_string(), world.now().plus_ms(60_000).ms());
    Json::of(&serde_json::json!({ "nonce": nonce, "value": value, "to": to, "until": until }))
}

fn admit(world: &World, gate: &Gate, scope: &str, payment: &Json, current: &[Offer]) -> Result<Admitted> {
    run(world, gate.admit(scope, payment, current, b"GET /x", URL))
}

fn offers(posted: &Posted) -> Vec<Offer> {
    posted.offers.iter().map(|o| o.offer.clone()).collect()
}

fn records(world: &World, prefix: &str) -> usize {
    futures::executor::block_on(world.books.inner.scan(prefix, None, 1_000_000)).unwrap().len()
}

#[test]
fn offers_come_cheapest_to_settle_first() {
    let world = World::new();
    world.net(1, Net::Gas(5_000_000_000));
    world.net(2, Net::Gas(1_000_000_000));
    world.net(3, Net::Gas(3_000_000_000));
    world.net(4, Net::Fails(Error::network(Code::Unreachable)));
    let gate = gate(&world, seller());
    for rails in [vec![rail(1), rail(4), rail(2), rail(3)], vec![rail(3), rail(4), rail(2), rail(1)]] {
        let posted = post(&world, &gate, "s", &amounts(10_000), &rails);
        let order: Vec<_> = prices(&posted).into_iter().map(|p| p.0).collect();
        assert_eq!(order, ["test:2", "test:3", "test:1"]);
        assert_eq!(posted.rejected.len(), 1, "no quote is no offer");
        assert_eq!((posted.rejected[0].0, posted.rejected[0].1.code.clone()), (1, Code::NoQuote));
        let costs: Vec<_> = posted.offers.iter().map(|o| o.costs.settlement().unwrap()).collect();
        assert!(costs.is_sorted());
    }
}

/// What settling `offer` would cost now, of its price, in 1/10,000.
fn share_bps(posted: &PostedOffer) -> u128 {
    (posted.costs.settlement().unwrap().e18() * 10_000).div_ceil(posted.costs.price.e18())
}

#[test]
fn what_eats_too_much_of_the_price_is_dropped() {
    let world = World::new();
    // 110 units at 10⁹ of a coin worth 2,000 dollars: 220 millionths of a dollar.
    let gate = gate(&world, SellerPolicy::default());
    assert_eq!(post(&world, &gate, "s", &amounts(440), &[rail(1)]).offers.len(), 1);
    let posted = post(&world, &gate, "s", &amounts(439), &[rail(1)]);
    assert_eq!(posted.rejected[0].1.code, Code::Unprofitable);
    let posted = post(&world, &gate, "s", &amounts(0), &[rail(1)]);
    assert_eq!(posted.rejected[0].1.code, Code::Unprofitable);
}

#[test]
fn what_is_repriced_is_profitable() {
    for (fee_bps, price) in [(0, 440), (500, 489), (1_000, 550), (2_500, 880)] {
        let world = World::new();
        world.direct(|s| s.fee_bps = fee_bps);
        let reprice = SellerPolicy { unprofitable: Unprofitable::Reprice, ..SellerPolicy::default() };
        let gate = gate(&world, reprice);
        for atomic in [0, 1, 100, 300] {
            let posted = post(&world, &gate, "s", &amounts(atomic), &[rail(1)]);
            let offer = posted.offers.first().unwrap_or_else(|| panic!("{:?}", posted.rejected));
            assert!(share_bps(offer) <= 5_000, "fee {fee_bps}: {} of 10000", share_bps(offer));
            let asked = offer.offer.requirement.price.atomic();
            // The costs are those of the offer that is made, fee included.
            let fee = (asked * fee_bps).div_ceil(10_000);
            assert_eq!(
                offer.costs.settlement().unwrap(),
                Usd::from_micros(u64::try_from(220 + fee).unwrap())
            );
            assert_eq!(offer.costs.price, Usd::from_micros(u64::try_from(asked).unwrap()));
            assert!(asked >= price && asked <= price + price / 50 + 2, "fee {fee_bps}: {asked} of {price}");
        }
    }
    // A fee of more than the share can never be earned.
    let world = World::new();
    world.direct(|s| s.fee_bps = 5_001);
    let reprice = SellerPolicy { unprofitable: Unprofitable::Reprice, ..SellerPolicy::default() };
    let gate = gate(&world, reprice);
    let posted = post(&world, &gate, "s", &amounts(100), &[rail(1)]);
    assert_eq!(posted.rejected[0].1.code, Code::Unprofitable);
}

#[test]
fn dollars_become_atomic_units_rounded_up() {
    let world = World::new();
    let gate = gate(&world, seller());
    let weth = asset(1, "weth");
    world.price(usdc(1), Ok((99_000_000, 6)));
    world.price(usdc(4), Ok((100_000_000, 2)));
    world.price(weth, Ok((300_000_000_001, 18)));
    let rails = [rail(1), rail(4), rail_in(weth)];
    let of = |usd: Usd| {
        let posted = post(&world, &gate, "s", &Tag::Usd(usd), &rails);
        assert!(posted.rejected.is_empty(), "{:?}", posted.rejected);
        let find = |asset| {
            let found = posted.offers.iter().find(|o| o.offer.requirement.price.asset() == asset);
            found.unwrap().offer.requirement.price.atomic()
        };
        (find(usdc(1)), find(usdc(4)), find(weth))
    };
    let (one, two, eth) = of(CENT);
    assert_eq!((one, two), (10_000, 1), "a dollar token counts one to one, whatever the feed says");
    let price = UsdPrice { answer: 300_000_000_001, answer_decimals: 8, asset_decimals: 18, at: Time::ZERO };
    assert!(price.worth(eth).unwrap() >= CENT && price.worth(eth - 1).unwrap() < CENT);
    assert_eq!(of(Usd::from_e18(1)).0, 1);
    let odd = of(Usd::from_e18(10_000_000_000_000_001));
    assert_eq!((odd.0, odd.1), (10_001, 2), "never less than asked");
}

#[test]
fn without_a_price_there_is_no_offer() {
    let world = World::new();
    let gate = gate(&world, seller());
    let weth = asset(1, "weth");
    world.price(weth, Err(Error::network(Code::StalePrice)));
    let posted = post(&world, &gate, "s", &Tag::Usd(CENT), &[rail_in(weth), rail(1)]);
    assert_eq!((posted.offers.len(), posted.rejected[0].0), (1, 0));
    assert_eq!(posted.rejected[0].1.code, Code::StalePrice);
    let posted = post(&world, &gate, "s", &Tag::Amounts(vec![Amount::new(usdc(2), 5)]), &[rail(1), rail(2)]);
    assert_eq!(prices(&posted), [("test:2".to_owned(), 5)]);
}

#[test]
fn v1_shows_one_entry_for_each_scheme_and_network() {
    let world = World::new();
    let gate = gate(&world, seller());
    let rails = [rail(1), rail_in(asset(1, "weth")), rail(2), rail(3)];
    let posted = post(&world, &gate, "s", &Tag::Usd(CENT), &rails);
    let v1 = posted.challenge(Version::V1, URL, None, &gate);
    let mut shown: Vec<_> = v1.requirements().map(|(_, r)| r.chain.to_string()).collect();
    shown.sort();
    assert_eq!(shown, ["test:1", "test:2"], "chain 3 has no v1 name");
    assert!(v1.accepts.iter().all(|e| e.raw.as_str().contains("maxAmountRequired")));
    assert_eq!(posted.challenge(Version::V2, URL, None, &gate).accepts.len(), 4);
}

#[test]
fn the_same_offers_again_cost_no_io() {
    let world = World::new();
    let gate = gate(&world, SellerPolicy::default());
    let tag = amounts(10_000);
    post(&world, &gate, "s", &tag, &[rail(1), rail(2)]);
    let (quotes, books) = (world.calls(), world.books.calls());
    for _ in 0..100 {
        world.advance(20);
        post(&world, &gate, "s", &tag, &[rail(1), rail(2)]);
    }
    assert_eq!((world.calls(), world.books.calls()), (quotes, books));
}

/// A 402 that was never made before costs one write, however many rails there are.
#[test]
fn new_offers_cost_one_write() {
    let world = World::new();
    let gate = gate(&world, SellerPolicy::default());
    post(&world, &gate, "s", &amounts(10_000), &[rail(1), rail(2), rail(3)]);
    assert_eq!((world.books.writes(), records(&world, "offer/")), (1, 3));
    post(&world, &gate, "s", &amounts(10_001), &[rail(1), rail(2), rail(3)]);
    assert_eq!((world.books.writes(), records(&world, "offer/")), (2, 6));
}

#[test]
fn an_offer_is_honoured_after_the_price_has_changed_and_after_a_restart() {
    let world = World::new();
    let first = gate(&world, seller());
    let old = offers(&post(&world, &first, "s", &amounts(10_000), &[rail(1)]));
    let new = offers(&post(&world, &first, "s", &amounts(20_000), &[rail(1)]));
    let payment = pay_v2(&world, &old[0], "n1");
    let restarted = gate(&world, seller());
    for gate in [&first, &restarted] {
        let admitted = admit(&world, gate, "s", &payment, &new).unwrap();
        assert_eq!(admitted.arrival.offer, old[0]);
        // Not elsewhere.
        let e = admit(&world, gate, "other", &payment, &new).unwrap_err();
        assert_eq!(e.code, Code::NoMatchingOffer);
    }
    // Until its own time and a minute more have passed, and not for ever.
    world.advance(60_000 + 60_000 - 1_000);
    let late = pay_v2(&world, &old[0], "n2");
    for gate in [&first, &gate(&world, seller())] {
        assert!(admit(&world, gate, "s", &late, &new).is_ok());
    }
    world.advance(1_000_000);
    let later = pay_v2(&world, &old[0], "n3");
    for gate in [&first, &gate(&world, seller())] {
        assert_eq!(admit(&world, gate, "s", &later, &new).unwrap_err().code, Code::NoMatchingOffer);
    }
}

/// Shown again and again, it stands for its whole time after each showing.
#[test]
fn each_showing_counts() {
    let world = World::new();
    let gate = gate(&world, seller());
    let mut shown = Vec::new();
    for step_ms in [1, 50_000, 70_000, 100_000, 119_999, 130_000] {
        world.advance(step_ms);
        shown = offers(&post(&world, &gate, "s", &amounts(10_000), &[rail(1)]));
    }
    for _ in 0..30 {
        world.advance(7_000);
        shown = offers(&post(&world, &gate, "s", &amounts(10_000), &[rail(1)]));
        let payment = pay_v2(&world, &shown[0], "n");
        world.advance(119_999);
        assert!(admit(&world, &gate, "s", &payment, &[]).is_ok());
        world.now.fetch_sub(119_999, Ordering::SeqCst);
    }
    world.advance(119_000);
    let payment = pay_v2(&world, &shown[0], "n");
    let restarted = builder(&world, seller()).build();
    assert!(admit(&world, &restarted, "s", &payment, &[]).is_ok());
}

/// However many other prices were computed in one scope, an offer that was made is found again.
#[test]
fn an_offer_is_found_among_thousands() {
    let world = World::new();
    let first = gate(&world, seller());
    let old = offers(&post(&world, &first, "s", &amounts(10_000), &[rail(1)]));
    for n in 0..3_000 {
        post(&world, &first, "s", &amounts(20_000 + n), &[rail(1)]);
    }
    let payment = pay_v2(&world, &old[0], "n1");
    for gate in [&first, &gate(&world, seller())] {
        assert!(admit(&world, gate, "s", &payment, &[]).is_ok());
    }
}

/// Memory is bounded: what was shown long ago in one of many scopes is in the ledger alone.
#[test]
fn not_everything_is_kept_in_memory() {
    let world = World::new();
    let gate = gate(&world, seller());
    let rails = [rail(1), rail(2), rail(3), rail(4)];
    let first = offers(&post(&world, &gate, "query 0", &amounts(10_000), &rails));
    for n in 1..5_001u32 {
        post(&world, &gate, &format!("query {n}"), &amounts(10_000), &rails);
    }
    let writes = world.books.writes();
    post(&world, &gate, "query 0", &amounts(10_000), &rails);
    assert!(world.books.writes() > writes, "20,000 others push it out");
    assert!(admit(&world, &gate, "query 0", &pay_v2(&world, &first[0], "n"), &[]).is_ok());
}

/// An offer that is shown is on record first; one that could not be written is not shown.
#[test]
fn posting_survives_a_ledger_that_fails_and_callers_that_leave() {
    for n in 0.. {
        for how in [Some(Fails::Before), Some(Fails::After), None] {
            let world = World::new();
            let first = gate(&world, seller());
            let tag = amounts(10_000);
            let rails = [rail(1), rail(2)];
            let (struck, ended) = match how {
                Some(how) => {
                    *world.books.trouble.lock().unwrap() = Some((n, how));
                    let got = run(&world, first.post("s", &tag, &rails));
                    let struck = world.books.calls() > n;
                    assert_eq!(got.is_err(), struck, "call {n} fails {how:?}");
                    (struck, !struck)
                }
                None => (false, poll(&world, first.post("s", &tag, &rails), n).is_some()),
            };
            *world.books.trouble.lock().unwrap() = None;
            let shown = offers(&post(&world, &first, "s", &tag, &rails));
            for offer in &shown {
                let payment = pay_v2(&world, offer, "n");
                let restarted = gate(&world, seller());
                assert!(admit(&world, &restarted, "s", &payment, &[]).is_ok(), "{n} {how:?} {struck}");
            }
            if ended && how.is_none() {
                return;
            }
        }
    }
}

/// Scopes that nobody asks for again do not pile up: a price for each request is a record for each request.
#[test]
fn forgotten_offers_are_swept_out() {
    let world = World::new();
    let gate = gate(&world, seller());
    for n in 0..4_000u32 {
        post(&world, &gate, &format!("query {n}"), &amounts(10_000), &[rail(1)]);
        world.advance(1_000);
    }
    // Each stands for four minutes at most.
    let left = records(&world, "offer/");
    assert!(left < 1_500, "{left} records of 240 that still stand");
}

#[test]
fn v1_is_matched_by_what_was_signed() {
    let world = World::new();
    let gate = gate(&world, seller());
    post(&world, &gate, "s", &amounts(20_000), &[rail(1)]);
    let now = offers(&post(&world, &gate, "s", &amounts(10_000), &[rail(1)]));
    for (value, price) in
        [(10_000, Some(10_000)), (20_000, Some(20_000)), (15_000, Some(10_000)), (9_999, None)]
    {
        let payment = pay_v1(&world, "one", &format!("n{value}"), value);
        let admitted = admit(&world, &gate, "s", &payment, &now);
        match price {
            Some(price) => {
                assert_eq!(admitted.unwrap().arrival.offer.requirement.price.atomic(), price, "{value}")
            }
            None => assert_eq!(admitted.unwrap_err().code, Code::ValueMismatch),
        }
    }
}

#[test]
fn v1_finds_its_offer_in_the_ledger_whatever_else_is_offered() {
    let world = World::new();
    let first = gate(&world, seller());
    post(&world, &first, "s", &amounts(20_000), &[rail(1)]);
    // The shop moved: another payee now, and this process has shown nothing else.
    let restarted = gate(&world, seller());
    let moved = Rail { pay_to: payee(1, "branch"), ..rail(1) };
    let now = offers(&post(&world, &restarted, "s", &amounts(20_000), &[moved]));
    let payment = pay_v1(&world, "one", "n", 20_000);
    let admitted = admit(&world, &restarted, "s", &payment, &now).unwrap();
    assert_eq!(admitted.arrival.offer.requirement.pay_to, payee(1, PAYEE));
}

struct Remote {
    up: Mutex<bool>,
    asked: AtomicUsize,
}

impl Remote {
    fn new() -> Arc<Self> {
        Arc::new(Self { up: Mutex::new(true), asked: AtomicUsize::new(0) })
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
        let kind = |version| Kind { version, scheme, chain: chain(1), extra: Extra::default() };
        Ok(vec![kind(Version::V2), kind(Version::V1)])
    }
    async fn effort(&self, _: &Order) -> Result<Effort> {
        Ok(Effort::default())
    }
    async fn verify(&self, _: &Order) -> Result<Proof> {
        Ok(Proof::default())
    }
    async fn settle(&self, _: Due) -> Result<Receipt> {
        Err(Error::us(Code::Internal))
    }
    async fn resume(&self, _: &Order) -> Result<Fate> {
        Err(Error::us(Code::Internal))
    }
}

fn with_remotes(world: &Arc<World>, remotes: &[&Arc<Remote>]) -> Gate {
    world.direct(|s| s.no_own_settler = true);
    let remotes = remotes.iter().enumerate();
    let remotes = remotes.map(|(n, r)| {
        let settler: Arc<dyn Settler> = Arc::<Remote>::clone(r);
        (SettlerId(format!("r{n}")), settler)
    });
    GateBuilder { remotes: remotes.collect(), ..builder(world, seller()) }.build()
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
    assert!(dead.asked() <= 2, "asked {} times in two seconds", dead.asked());
    // Once it is back, that is noticed.
    *dead.up.lock().unwrap() = true;
    world.advance(60_000);
    post(&world, &gate, "s", &amounts(5), &[rail(1)]);
    assert_eq!(alive.asked(), 1);
    world.advance(1_000);
    post(&world, &gate, "s", &amounts(5), &[rail(1)]);
    assert!(dead.asked() <= 3);
}

#[test]
fn what_a_facilitator_supported_is_believed_while_it_is_away() {
    let world = World::new();
    let remote = Remote::new();
    let gate = with_remotes(&world, &[&remote]);
    post(&world, &gate, "s", &amounts(5), &[rail(1)]);
    *remote.up.lock().unwrap() = false;
    for _ in 0..100 {
        world.advance(100_000);
        assert_eq!(post(&world, &gate, "s", &amounts(5), &[rail(1)]).offers.len(), 1);
    }
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

struct Cook<'a> {
    runs: &'a AtomicUsize,
    works: bool,
}

#[async_trait]
impl Handler for Cook<'_> {
    async fn run(&mut self, ceiling: &Ceiling) -> Option<Charge> {
        step().await;
        self.runs.fetch_add(1, Ordering::SeqCst);
        step().await;
        self.works.then(|| ceiling.full())
    }
}

/// Admits and serves.
async fn visit(gate: &Gate, payment: &Json, current: &[Offer], runs: &AtomicUsize) -> Result<Delivered> {
    let admitted = gate.admit("s", payment, current, b"GET /x", URL).await?;
    gate.serve(admitted, &mut Cook { runs, works: true }).await
}

fn settles(world: &World) -> usize {
    world.settles.load(Ordering::SeqCst)
}

#[test]
fn a_payment_is_served_once_and_another_request_with_it_never() {
    let world = World::new();
    let gate = GateBuilder { patience_ms: 1_000, ..builder(&world, seller()) }.build();
    let shown = offers(&post(&world, &gate, "s", &amounts(5), &[rail(1)]));
    let (payment, runs) = (pay_v2(&world, &shown[0], "n"), AtomicUsize::new(0));
    assert!(matches!(run(&world, visit(&gate, &payment, &shown, &runs)), Ok(Delivered::Paid(_))));
    assert!(matches!(run(&world, visit(&gate, &payment, &shown, &runs)), Ok(Delivered::Again(_))));
    let other = run(&world, gate.admit("s", &payment, &shown, b"GET /y", URL)).unwrap();
    let e = run(&world, gate.serve(other, &mut Cook { runs: &runs, works: true })).unwrap_err();
    assert_eq!(e.code, Code::ReplayedPayment);
    assert_eq!((runs.load(Ordering::SeqCst), settles(&world)), (1, 1));
    assert_eq!(records(&world, "visit/"), 0);
}

/// Killed after any number of polls, a new process of the same name releases or resumes, and the same payment again
/// is settled at most once, with at most one transaction.
#[test]
fn killed_at_every_await_and_restarted() {
    for lost in [false, true] {
        for n in 0.. {
            let world = World::new();
            let first = gate(&world, seller());
            let shown = offers(&post(&world, &first, "s", &amounts(5), &[rail(1)]));
            let (payment, runs) = (pay_v2(&world, &shown[0], "n"), AtomicUsize::new(0));
            world.direct(|s| s.settle_lost = lost);
            let done = poll(&world, visit(&first, &payment, &shown, &runs), n);
            drop(first);
            let restarted = GateBuilder { patience_ms: 1_000, ..builder(&world, seller()) }.build();
            let open = run(&world, restarted.recover()).unwrap();
            let sent = settles(&world);
            // What was sent and not settled stays open; everything else is over.
            let landed = world.chain.lock().unwrap().len();
            assert_eq!(open, records(&world, "visit/"), "{n}");
            if sent == 0 {
                assert!(open <= 1);
            } else {
                assert_eq!(open, if landed == 1 { 0 } else { 1 }, "{n}, lost {lost}");
            }
            let again = run(&world, visit(&restarted, &payment, &shown, &runs));
            assert!(settles(&world) <= 1 || landed == 0 && !lost, "{n}: {} sendings", settles(&world));
            if landed == 1 {
                assert!(matches!(again, Ok(Delivered::Again(_))), "{n}: {again:?}");
            }
            if done.is_some() {
                break;
            }
        }
    }
}

/// A recovery that read the journal before a visit went on must not free what that visit has sent since.
#[test]
fn recovery_does_not_act_on_what_it_read_long_ago() {
    for n in 0..40 {
        for m in 0..24 {
            let world = World::new();
            let gate = gate(&world, seller());
            let shown = offers(&post(&world, &gate, "s", &amounts(5), &[rail(1)]));
            let runs = AtomicUsize::new(0);
            world.direct(|s| s.settle_lost = true);
            // An earlier visit keeps the recovery busy.
            let earlier = pay_v2(&world, &shown[0], "a");
            run(&world, visit(&gate, &earlier, &shown, &runs)).unwrap_err();
            let payment = pay_v2(&world, &shown[0], "b");
            let mut serving = Box::pin(visit(&gate, &payment, &shown, &runs));
            let mut recovering = Box::pin(gate.recover());
            let early = poll(&world, serving.as_mut(), n);
            let looked = poll(&world, recovering.as_mut(), m);
            if early.is_none() {
                let _ = run(&world, serving.as_mut());
            }
            if looked.is_none() {
                run(&world, recovering.as_mut()).unwrap();
            }
            let before = settles(&world);
            let _ = run(&world, visit(&gate, &payment, &shown, &runs));
            assert_eq!(settles(&world), before, "{n} polls, {m} polls: sent twice");
            // What was sent lands after all: the payer gets its receipt, and nothing is forgotten.
            if before == 2 {
                let r = shown[0].requirement.clone();
                let payload = payload_of(&world, "b", 5, PAYEE);
                let sent = Payment { accepted: r, payload, extensions: None, resource: None };
                world.chain.lock().unwrap().insert("b".into(), ok_receipt(&sent));
                run(&world, gate.recover()).unwrap();
                let again = run(&world, visit(&gate, &payment, &shown, &runs));
                assert!(matches!(again, Ok(Delivered::Again(_))), "{n} polls, {m} polls: {again:?}");
            }
        }
    }
}

#[test]
fn a_ledger_that_fails_during_recovery_leaves_the_visit_open() {
    for how in [Fails::Before, Fails::After] {
        for n in 0.. {
            let world = World::new();
            let first = gate(&world, seller());
            let shown = offers(&post(&world, &first, "s", &amounts(5), &[rail(1)]));
            let (payment, runs) = (pay_v2(&world, &shown[0], "n"), AtomicUsize::new(0));
            world.direct(|s| s.settle_lost = true);
            run(&world, visit(&first, &payment, &shown, &runs)).unwrap_err();
            // It was included all the same.
            let r = shown[0].requirement.clone();
            let sent = Payment {
                accepted: r,
                payload: payload_of(&world, "n", 5, PAYEE),
                extensions: None,
                resource: None,
            };
            world.chain.lock().unwrap().insert("n".into(), ok_receipt(&sent));
            let gate = gate(&world, seller());
            let first = world.books.calls();
            *world.books.trouble.lock().unwrap() = Some((first + n, how));
            let got = run(&world, gate.recover());
            let struck = world.books.calls() > first + n;
            if records(&world, "visit/") > 0 {
                assert!(!matches!(got, Ok(0)), "call {n} fails {how:?}: reported as over");
            }
            *world.books.trouble.lock().unwrap() = None;
            assert_eq!(run(&world, gate.recover()).unwrap(), 0);
            assert_eq!(records(&world, "visit/"), 0);
            let again = run(&world, visit(&gate, &payment, &shown, &runs));
            assert!(matches!(again, Ok(Delivered::Again(_))), "call {n} fails {how:?}: {again:?}");
            if !struck {
                break;
            }
        }
    }
}

/// One visit that cannot be looked after keeps no other from being.
#[test]
fn recovery_goes_on_past_what_it_cannot_do() {
    let world = World::new();
    let first = gate(&world, seller());
    let rails = [rail(1), rail(2)];
    let shown = offers(&post(&world, &first, "s", &amounts(5), &rails));
    let of = |n: u8| shown.iter().find(|o| o.requirement.chain == chain(n)).unwrap();
    let runs = AtomicUsize::new(0);
    for (n, nonce) in [(2, "a"), (1, "b")] {
        let payment = pay_v2(&world, of(n), nonce);
        assert!(poll(&world, visit(&first, &payment, &shown, &runs), 8).is_none());
    }
    let junk = Write { key: "visit/gate/!".into(), expect: None, value: Some("junk".into()) };
    futures::executor::block_on(world.books.inner.store(&[junk])).unwrap();
    assert_eq!(records(&world, "visit/"), 3);
    // Chain 2 is not configured any more.
    let gate = GateBuilder { registry: registry(&world, &[1]), ..builder(&world, seller()) }.build();
    assert_eq!(run(&world, gate.recover()).unwrap(), 2, "one unreadable, one on a chain that is gone");
    assert_eq!(records(&world, "visit/"), 2);
}

/// What somebody is serving right now is neither released nor, at first, reported as over.
#[test]
fn recovery_leaves_a_living_visit_alone() {
    for n in 0.. {
        let world = World::new();
        let gate = gate(&world, seller());
        let shown = offers(&post(&world, &gate, "s", &amounts(5), &[rail(1)]));
        let (payment, runs) = (pay_v2(&world, &shown[0], "n"), AtomicUsize::new(0));
        let mut serving = Box::pin(visit(&gate, &payment, &shown, &runs));
        if poll(&world, serving.as_mut(), n).is_some() {
            break;
        }
        assert_eq!(run(&world, gate.recover()).unwrap(), records(&world, "visit/"), "{n}");
        assert!(matches!(run(&world, serving), Ok(Delivered::Paid(_))), "{n}");
        assert_eq!(run(&world, gate.recover()).unwrap(), 0, "{n}");
        // A visit that begins after that is nothing to recover.
        let payment = pay_v2(&world, &shown[0], "m");
        let mut serving = Box::pin(visit(&gate, &payment, &shown, &runs));
        if poll(&world, serving.as_mut(), n).is_none() {
            assert_eq!(run(&world, gate.recover()).unwrap(), 0, "{n}");
            assert!(matches!(run(&world, serving), Ok(Delivered::Paid(_))), "{n}");
        }
    }
}
