//! What things cost and in which order they come: total, deterministic, nothing lost, nothing for free.

mod kit;

use kit::*;
use proptest::prelude::*;
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use tollway_core::*;
use tollway_route::cost::Market;
use tollway_route::rank;
use tollway_route::*;

const FROM: Context<'_> = Context { host: Some("a.example") };

/// A recorded market: one unit of compute costs `gas` on every chain that is there.
#[derive(Default)]
struct Recorded {
    gas: HashMap<ChainId, u128>,
    prices: HashMap<AssetId, (u128, u8)>,
    /// What tariffs charge in, when it is not the chain's own coin.
    coin: Option<AssetId>,
}

#[derive(Debug)]
struct Flat(AssetId, u128);

impl Tariff for Flat {
    fn price(&self, work: &Work) -> Result<Cost> {
        let mut cost = Cost::new(self.0);
        cost.add(Part::Execution, u128::from(work.compute) * self.1)?;
        cost.add(Part::L1Data, u128::from(work.compute) * 3)?;
        Ok(cost)
    }
    fn taken_at(&self) -> Time {
        Time::ZERO
    }
    fn valid_until(&self) -> Time {
        Time::FAR
    }
    fn source(&self) -> &str {
        "recorded"
    }
}

impl Market for Recorded {
    fn tariff(&self, chain: ChainId, _: Purpose) -> Result<Arc<dyn Tariff>> {
        let gas = self.gas.get(&chain).ok_or_else(|| Error::network(Code::NoQuote))?;
        Ok(Arc::new(Flat(self.coin.unwrap_or_else(|| AssetId::native(chain)), *gas)))
    }
    fn price(&self, asset: &AssetId) -> Result<UsdPrice> {
        let (answer, asset_decimals) =
            self.prices.get(asset).copied().ok_or_else(|| Error::network(Code::NoPrice))?;
        Ok(UsdPrice { answer, answer_decimals: 8, asset_decimals, at: Time::ZERO })
    }
}

fn market() -> Recorded {
    let mut market = Recorded::default();
    market.gas.insert(chain(1), 7);
    market.prices.insert(AssetId::native(chain(1)), (300_000_000_000, 18));
    market.prices.insert(usdc(1), (100_000_000, 6));
    market
}

fn cost(market: &Recorded, effort: &Effort) -> Result<Costs> {
    let mut costs = Costs::default();
    costs.add(market, chain(1), effort, Purpose::Interactive).map(|()| costs)
}

fn work(bearer: Bearer, compute: u64) -> Work {
    Work::new(bearer, "w", compute, Sample::default())
}

#[test]
fn what_has_no_quote_is_an_error_never_nothing() {
    let effort = Effort::one(work(Bearer::Settler, 10));
    let mut market = market();
    assert!(cost(&market, &effort).is_ok());
    market.gas.clear();
    assert_eq!(cost(&market, &effort).unwrap_err().code, Code::NoQuote);
    assert_eq!(cost(&market, &Effort::default()).unwrap().settlement().unwrap(), Usd::ZERO, "a statement");
    market.gas.insert(chain(1), 7);
    market.prices.remove(&AssetId::native(chain(1)));
    assert_eq!(cost(&market, &effort).unwrap_err().code, Code::NoPrice);
    let fee = Fee { bearer: Bearer::Payee, amount: Amount::new(asset(1, "odd"), 1), label: "fee" };
    let fees = Effort { works: Few::new(), fees: vec![fee] };
    assert_eq!(cost(&market, &fees).unwrap_err().code, Code::NoPrice);
}

/// A tariff that charges in another coin must not be priced as the chain's own.
#[test]
fn a_cost_is_priced_in_the_coin_it_is_charged_in() {
    let effort = Effort::one(work(Bearer::Settler, 10));
    let mut market = market();
    market.coin = Some(usdc(1));
    let got = cost(&market, &effort);
    let native = AssetId::native(chain(1));
    assert!(
        got.as_ref().is_err() || market.coin == Some(native),
        "{:?} units of USDC priced as ETH: {:?}",
        got.as_ref().unwrap().quotes[0].native,
        got.as_ref().unwrap().settler_work
    );
}

#[test]
fn overflow_is_an_error() {
    let market = market();
    let dear = Fee {
        bearer: Bearer::Payer,
        amount: Amount::new(usdc(1), u128::MAX / 2_000_000_000_000),
        label: "f",
    };
    let effort = Effort { works: Few::new(), fees: vec![dear.clone()] };
    let one = cost(&market, &effort).unwrap();
    assert!(one.payer().is_ok());
    let effort = Effort { works: Few::new(), fees: vec![dear.clone(), dear.clone(), dear] };
    assert_eq!(cost(&market, &effort).unwrap_err().code, Code::InvalidAmount);
    let all = Costs { price: Usd::from_e18(u128::MAX), penalty: Usd::from_e18(1), ..Costs::default() };
    assert_eq!(all.payer().unwrap_err().code, Code::InvalidAmount);
    assert!(PointOfView::Payer.costs(&all).is_err());
}

fn bearer() -> impl Strategy<Value = Bearer> {
    prop_oneof![Just(Bearer::Payer), Just(Bearer::Payee), Just(Bearer::Settler)]
}

fn effort() -> impl Strategy<Value = Effort> {
    let work = (bearer(), 0..1_000_000u64, any::<bool>(), 1..300u32).prop_map(|(b, compute, back, n)| {
        let mut work = work(b, compute).shared_by(NonZeroU32::new(n).unwrap());
        work.refundable = back;
        work
    });
    let fee = (bearer(), 0..1_000_000u128).prop_map(|(bearer, n)| Fee {
        bearer,
        amount: Amount::new(usdc(1), n),
        label: "fee",
    });
    (prop::collection::vec(work, 0..6), prop::collection::vec(fee, 0..4))
        .prop_map(|(works, fees)| Effort { works: works.into(), fees })
}

proptest! {
    #[test]
    fn totals_are_the_sums_of_their_parts(effort in effort()) {
        let costs = cost(&market(), &effort).unwrap();
        prop_assert_eq!(costs.quotes.len(), effort.works.len() + effort.fees.len());
        let of = |b: Bearer| costs.quotes.iter().filter(|q| q.bearer == b && !q.refundable).map(|q| q.usd.e18()).sum::<u128>();
        prop_assert_eq!(costs.payer_work.e18(), of(Bearer::Payer));
        prop_assert_eq!(costs.payee_work.e18(), of(Bearer::Payee));
        prop_assert_eq!(costs.settler_work.e18(), of(Bearer::Settler));
        prop_assert_eq!(costs.settlement().unwrap().e18(), of(Bearer::Payee) + of(Bearer::Settler));
        for quote in &costs.quotes {
            prop_assert_eq!(quote.usd.e18(), quote.parts.iter().map(|p| p.usd.e18()).sum::<u128>());
            prop_assert_eq!(quote.native.atomic, quote.parts.iter().map(|p| p.atomic).sum::<u128>());
        }
        for (work, quote) in effort.works.iter().zip(&costs.quotes) {
            // A share is never understated, and overstated by less than one unit a part.
            let whole = quote.native.atomic * 3_000;
            let n = u128::from(work.shared_by.get());
            prop_assert!(quote.usd.e18() * n >= whole);
            prop_assert!(quote.usd.e18() * n < whole + n * 2);
        }
    }

    /// The same ranks in any order of input come out in one order.
    #[test]
    fn the_order_is_total_and_independent_of_the_input(
        rows in prop::collection::vec((0..3u128, 0..3u128, 0..2u64, 0..2usize, 0..2usize), 1..40),
        seed in any::<u64>(),
    ) {
        const NAMES: [[&str; 4]; 2] = [["a", "s", "x", "p"], ["a", "s", "y", "p"]];
        let rank = |(i, (first, second, latency_ms, name, _)): (usize, &(u128, u128, u64, usize, usize))| Rank {
            first: Usd::from_e18(*first), second: Usd::from_e18(*second),
            latency_ms: *latency_ms, name: NAMES[*name], index: i,
        };
        let mut one: Vec<_> = rows.iter().enumerate().map(rank).collect();
        let mut other = one.clone();
        let mut random = seed;
        for i in (1..other.len()).rev() {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            other.swap(i, usize::try_from(random >> 33).unwrap() % (i + 1));
        }
        rank::sort(&mut one);
        rank::sort(&mut other);
        prop_assert_eq!(&one, &other);
        for pair in one.windows(2) {
            let key = |r: &Rank<'_>| (r.first, r.second, r.latency_ms, r.name.map(str::to_owned), r.index);
            prop_assert!(key(&pair[0]) < key(&pair[1]));
        }
    }
}

#[test]
fn each_point_of_view_has_its_own_objective() {
    let usd = Usd::from_micros;
    let costs = Costs {
        price: usd(1_000),
        penalty: usd(5),
        payer_work: usd(70),
        payee_work: usd(20),
        settler_work: usd(300),
        ..Costs::default()
    };
    assert_eq!(PointOfView::Payer.costs(&costs).unwrap(), (usd(1_075), usd(320)));
    assert_eq!(PointOfView::Payee.costs(&costs).unwrap(), (usd(325), usd(320)));
    assert_eq!(PointOfView::Settler.costs(&costs).unwrap(), (usd(305), usd(320)));
}

fn order(world: &Arc<World>, router: &Router, asked: &Challenge) -> Vec<usize> {
    run(world, router.consider(asked, FROM)).routes.iter().map(|r| r.index).collect()
}

#[test]
fn ties_are_broken_as_documented() {
    let world = World::new();
    let router = router(&world, policy());
    // The payer's bill first, whatever settling costs.
    world.net(1, Net::Gas(9_000_000_000));
    let asked = challenge(vec![accept(1, 10_000), accept(2, 10_001), accept(3, 9_999)]);
    assert_eq!(order(&world, &router, &asked), [2, 0, 1]);
    // The same bill: what settling costs.
    let asked = challenge(vec![accept(1, 10_000), accept(2, 10_000)]);
    assert_eq!(order(&world, &router, &asked), [1, 0]);
    // The same cost and latency: by name; alike in all: as the server has them.
    let asked = challenge(vec![
        accept(3, 10_000),
        accept(2, 10_000),
        accept_in(asset(2, "dai"), 10_000, PAYEE, 60),
        accept_in(usdc(2), 10_000, "another", 60),
        accept(2, 10_000),
    ]);
    assert_eq!(order(&world, &router, &asked), [2, 3, 1, 4, 0]);
}

#[test]
fn penalties_are_money_and_latency_is_not() {
    struct Taste;
    impl Scorer for Taste {
        fn penalty(&self, route: &RouteKey) -> Usd {
            Usd::from_micros(if route.chain == chain(1) { 2 } else { 0 })
        }
        fn latency_ms(&self, route: &RouteKey) -> u64 {
            if route.chain == chain(2) { 900 } else { 100 }
        }
    }
    let world = World::new();
    let router = router_with(&world, policy(), Some(Arc::new(Taste)));
    let asked = challenge(vec![accept(1, 10_000), accept(2, 10_000), accept(3, 10_000), accept(3, 10_001)]);
    let considered = run(&world, router.consider(&asked, FROM));
    assert_eq!(considered.routes.iter().map(|r| r.index).collect::<Vec<_>>(), [2, 1, 3, 0]);
    assert_eq!(considered.routes[3].bill, Usd::from_micros(10_002));
}

#[test]
fn a_scorer_may_ask_the_book_that_routes_are_priced_by() {
    /// One dollar less than ten thousand coins are worth, in millionths: preferences are money, and money has a price.
    struct Asks(Arc<QuoteBook>);
    impl Scorer for Asks {
        fn penalty(&self, route: &RouteKey) -> Usd {
            self.0
                .price(&AssetId::native(route.chain))
                .and_then(|coin| coin.worth(1_000_000_000))
                .unwrap_or(Usd::ZERO)
        }
        fn latency_ms(&self, route: &RouteKey) -> u64 {
            u64::from(self.0.tariff(route.chain, Purpose::Interactive).is_ok())
        }
    }
    let (done, asked) = std::sync::mpsc::channel();
    // On a thread of its own, so that one that waits for itself is an answer as well.
    std::thread::spawn(move || {
        let world = World::new();
        let quotes = book(&world);
        let router = RouterBuilder {
            registry: registry(&world, &[1, 2]),
            quotes: quotes.clone(),
            ledger: world.books.clone(),
            clock: world.clone(),
            dice: world.clone(),
            policy: policy(),
            scorer: Some(Arc::new(Asks(quotes))),
        }
        .build();
        let asked = challenge(vec![accept(1, 10_000), accept(2, 10_000)]);
        let considered = run(&world, router.consider(&asked, FROM));
        let costs: Vec<_> = considered.routes.iter().map(|r| (r.costs.penalty, r.costs.latency_ms)).collect();
        let _ = done.send(costs);
    });
    let costs = asked
        .recv_timeout(std::time::Duration::from_secs(20))
        .expect("the book and the scorer wait for each other");
    assert_eq!(costs, [(Usd::from_micros(2), 1); 2]);
}

#[test]
fn planned_on_the_spot_or_waited_for_the_table_is_the_same() {
    let asked = challenge(vec![
        accept(3, 10_003),
        broken(),
        accept(2, 10_000),
        accept(2, 10_001),
        accept(7, 10_001),
        accept(1, 90_000_000_001),
        accept(4, 10_000),
        accept(1, 10_001),
        accept(2, 10_001),
        accept(1, 90_000_000_000),
    ]);
    let table = |odd_now| {
        let world = World::new();
        world.direct(|s| s.odd_now = odd_now);
        world.net(4, Net::Fails(Error::network(Code::Unreachable)));
        let router = router(&world, policy());
        let considered = run(&world, router.consider(&asked, FROM));
        serde_json::to_value(considered.explain(router.registry())).unwrap()
    };
    assert_eq!(table(true), table(false));
}

#[test]
fn a_wallet_is_asked_about_once_however_its_entries_are_mixed() {
    let world = World::new();
    let router = router(&world, policy());
    let asked = challenge((0..40).map(|n| accept(1 + n % 3, 10_000)).collect());
    let considered = run(&world, router.consider(&asked, FROM));
    assert_eq!(considered.routes.len(), 40);
    assert_eq!(world.books.lines.load(std::sync::atomic::Ordering::SeqCst), 3);
}

#[test]
fn the_payers_own_work_counts_in_the_bill() {
    let world = World::new();
    world.direct(|s| s.actions = 2);
    let router = router(&world, policy());
    let asked = challenge(vec![accept(1, 10_000)]);
    let considered = run(&world, router.consider(&asked, FROM));
    let route = &considered.routes[0];
    // 2 × 1,100 units at 10⁹ of a coin worth 2,000 dollars.
    assert_eq!(route.costs.payer_work, Usd::from_micros(2 * 1_100 * 2_000 / 1_000));
    assert_eq!(route.bill.e18(), route.costs.price.e18() + route.costs.payer_work.e18());
    assert_eq!(route.costs.quotes.len(), 3);
    let told = serde_json::to_value(considered.explain(router.registry())).unwrap();
    assert_eq!(told["routes"][0]["parts"].as_array().unwrap().len(), 3);
    assert_eq!(told["routes"][0]["payer_cost_usd"], "0.0144");
}

#[derive(Debug, Clone)]
enum Row {
    Good(u8, u128, u64),
    Broken,
    Elsewhere,
    Window,
}

fn row() -> impl Strategy<Value = Row> {
    prop_oneof![
        8 => (1..5u8, 0..40_000_000u128, 1..601u64).prop_map(|(n, a, t)| Row::Good(n, a, t)),
        1 => Just(Row::Broken),
        1 => Just(Row::Elsewhere),
        1 => Just(Row::Window),
    ]
}

fn entry(row: &Row) -> Entry {
    match row {
        Row::Good(n, atomic, t) => accept_in(usdc(*n), *atomic, PAYEE, *t),
        Row::Broken => broken(),
        Row::Elsewhere => accept(8, 5),
        Row::Window => accept_in(usdc(1), 5, PAYEE, 601),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Every entry comes back exactly once, ranked with all its costs or rejected with a reason; the order does not
    /// depend on the server's, but for entries that are alike in everything.
    #[test]
    fn every_entry_comes_back_once(rows in prop::collection::vec(row(), 0..24), sick in 0..5u8, poor in any::<bool>()) {
        let world = World::new();
        world.net(sick, Net::Fails(Error::network(Code::Unreachable)));
        if poor {
            world.price(usdc(2), Err(Error::network(Code::StalePrice)));
        }
        let router = router(&world, policy());
        let asked = challenge(rows.iter().map(entry).collect());
        let considered = run(&world, router.consider(&asked, FROM));
        let mut seen: Vec<_> = considered.routes.iter().map(|r| r.index)
            .chain(considered.rejected.iter().map(|r| r.index)).collect();
        seen.sort_unstable();
        prop_assert_eq!(seen, (0..rows.len()).collect::<Vec<_>>());
        prop_assert!(considered.rejected.windows(2).all(|w| w[0].index < w[1].index));
        for route in &considered.routes {
            prop_assert!(route.requirement.chain != chain(sick));
            prop_assert!(!(poor && route.requirement.chain == chain(2)));
            prop_assert!(route.bill <= Usd::from_micros(10_000_000));
            prop_assert!(route.settlement > Usd::ZERO, "settling is never free here");
        }
        for out in &considered.rejected {
            if let Row::Good(n, atomic, _) = &rows[out.index] {
                let dear = *n == 4 || *atomic > 10_000_000;
                prop_assert!(dear || *n == sick || (poor && *n == 2), "{:?}", out.reason);
            }
        }
        // The table says the same.
        let told = considered.explain(router.registry());
        prop_assert_eq!(told.routes.len() + told.rejected.len(), rows.len());

        let turned: Vec<_> = rows.iter().rev().map(entry).collect();
        let turned = challenge(turned);
        let again = run(&world, router.consider(&turned, FROM));
        let key = |c: &Considered<'_>| c.routes.iter()
            .map(|r| (r.bill, r.settlement, r.requirement.chain, r.requirement.price.atomic())).collect::<Vec<_>>();
        prop_assert_eq!(key(&considered), key(&again));
    }
}
