//! What is offered, at what price and in which order.

use super::*;

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
