//! What a price in dollars comes to, and which rails are worth it, each at the value where it turns.

mod kit;

use kit::*;
use std::sync::Arc;
use tollway_core::*;
use tollway_route::*;

/// What settling costs here: 100 units at 1 gwei and a tenth more for the bytes, the coin at $2000.
const SETTLING: Usd = Usd::from_e18(220_000_000_000_000);

fn gate(world: &Arc<World>, policy: SellerPolicy) -> Gate {
    GateBuilder {
        registry: registry(world, &[1, 2, 3, 4]),
        pool: None,
        quotes: book(world),
        ledger: world.books.clone(),
        clock: world.clone(),
        policy,
        owner: "me".into(),
        patience_ms: 0,
    }
    .build()
}

fn rail(asset: AssetId) -> Rail {
    Rail {
        scheme: Name::new("fake").unwrap(),
        method: None,
        asset,
        pay_to: Account::new(asset.chain, PAYEE).unwrap(),
        flow: Flow::Authorization,
        timeout_s: 60,
    }
}

fn post(world: &Arc<World>, policy: SellerPolicy, tag: &Tag, assets: &[AssetId]) -> Posted {
    let rails: Vec<_> = assets.iter().map(|asset| rail(*asset)).collect();
    run(world, gate(world, policy).post("shop", tag, &rails)).unwrap()
}

fn any_cost() -> SellerPolicy {
    SellerPolicy { settlement_share_bps_max: None, ..SellerPolicy::default() }
}

fn prices(posted: &Posted) -> Vec<u128> {
    posted.offers.iter().map(|posted| posted.offer.requirement.price.atomic()).collect()
}

#[test]
fn dollars_are_rounded_up_to_the_tokens_last_digit() {
    for (usd, six, two) in [
        ("$0", 0, 0),
        ("$0.000001", 1, 1),
        ("$0.0000011", 2, 1),
        ("$0.01", 10_000, 1),
        ("$0.010000000000000001", 10_001, 2),
        ("$1.005", 1_005_000, 101),
        ("$12", 12_000_000, 1_200),
    ] {
        let world = World::new();
        let tag = Tag::Usd(Usd::parse(usd).unwrap());
        assert_eq!(prices(&post(&world, any_cost(), &tag, &[usdc(1)])), [six], "{usd}");
        assert_eq!(prices(&post(&world, any_cost(), &tag, &[usdc(4)])), [two], "{usd} with two digits");
    }
}

#[test]
fn what_is_no_dollar_is_priced_by_the_oracle() {
    let world = World::new();
    let weth = asset(1, "weth");
    world.price(weth, Ok((250_000_000_000, 18)));
    let tag = Tag::Usd(Usd::parse("$5").unwrap());
    assert_eq!(prices(&post(&world, any_cost(), &tag, &[weth])), [2_000_000_000_000_000]);
    world.price(weth, Err(Error::caller(Code::NoPrice)));
    let posted = post(&world, any_cost(), &tag, &[weth]);
    assert_eq!(
        posted.rejected.iter().map(|(at, e)| (*at, &e.code)).collect::<Vec<_>>(),
        [(0, &Code::NoPrice)]
    );
}

#[test]
fn settling_may_eat_its_share_of_a_price_and_no_more() {
    // Half of 440 millionths of a dollar, and not of 439.
    for (bps, price, offered) in [
        (5_000, 440, true),
        (5_000, 439, false),
        (10_000, 220, true),
        (10_000, 219, false),
        (0, 10_000_000, false),
    ] {
        let world = World::new();
        let policy = SellerPolicy { settlement_share_bps_max: Some(bps), ..SellerPolicy::default() };
        let tag = Tag::Amounts(vec![Amount::new(usdc(1), price)]);
        let posted = post(&world, policy, &tag, &[usdc(1)]);
        assert_eq!(posted.offers.len(), usize::from(offered), "{price} at {bps}");
        for posted in &posted.offers {
            assert_eq!(posted.costs.settlement(), Ok(SETTLING));
        }
        for (_, why) in &posted.rejected {
            assert_eq!((&why.code, &why.next), (&Code::Unprofitable, &Next::OtherRoute));
        }
    }
}

#[test]
fn a_price_that_is_too_low_is_raised_to_the_least_that_is_not() {
    let reprice = |bps| SellerPolicy {
        settlement_share_bps_max: Some(bps),
        unprofitable: Unprofitable::Reprice,
        ..SellerPolicy::default()
    };
    for (bps, price, raised) in
        [(5_000, 1, 440), (5_000, 439, 440), (5_000, 440, 440), (5_000, 441, 441), (1, 1, 2_200_000)]
    {
        let world = World::new();
        let tag = Tag::Amounts(vec![Amount::new(usdc(1), price)]);
        assert_eq!(prices(&post(&world, reprice(bps), &tag, &[usdc(1)])), [raised], "{price} at {bps}");
    }
    let world = World::new();
    let tag = Tag::Amounts(vec![Amount::new(usdc(1), 10_000)]);
    let posted = post(&world, reprice(0), &tag, &[usdc(1)]);
    assert_eq!(posted.rejected.iter().map(|(_, e)| &e.code).collect::<Vec<_>>(), [&Code::Unprofitable]);
}

#[test]
fn settling_for_nothing_is_worth_it_at_any_price() {
    let world = World::new();
    world.direct(|script| script.compute = 0);
    let policy = SellerPolicy { settlement_share_bps_max: Some(0), ..SellerPolicy::default() };
    let tag = Tag::Amounts(vec![Amount::new(usdc(1), 0)]);
    assert_eq!(prices(&post(&world, policy, &tag, &[usdc(1)])), [0]);
}

#[test]
fn the_cheapest_to_settle_comes_first_and_what_is_left_out_says_where_it_stood() {
    let world = World::new();
    for (n, each) in [(1, 3_000_000_000), (2, 1_000_000_000), (3, 2_000_000_000)] {
        world.net(n, Net::Gas(each));
    }
    let amount = |n| Amount::new(usdc(n), 10_000);
    let tag = Tag::Amounts(vec![amount(1), amount(2), amount(3)]);
    let posted = post(&world, any_cost(), &tag, &[asset(1, "weth"), usdc(1), usdc(2), usdc(4), usdc(3)]);
    let chains: Vec<_> = posted.offers.iter().map(|posted| posted.offer.requirement.chain).collect();
    assert_eq!(chains, [chain(2), chain(3), chain(1)]);
    let settling: Vec<_> = posted.offers.iter().map(|posted| posted.costs.settlement().unwrap()).collect();
    assert_eq!(settling, [1, 2, 3].map(|times| Usd::from_e18(SETTLING.e18() * times)));
    assert!(posted.offers.iter().all(|posted| posted.costs.latency_ms == 2_000));
    assert_eq!(posted.rejected.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0, 3]);
}
