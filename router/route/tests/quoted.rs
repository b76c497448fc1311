//! What a price says of its own age, and what an honest receipt spares.

mod kit;

use kit::*;
use std::sync::atomic::Ordering;
use tollway_core::*;
use tollway_route::*;

const FROM: Context<'_> = Context { host: Some("a.example") };

#[test]
fn a_quote_tells_when_its_fees_were_seen_and_how_long_they_hold() {
    let world = World::new();
    world.direct(|script| script.fee_bps = 100);
    world.tariff_ttl_ms.store(3_000, Ordering::SeqCst);
    let seen = world.now();
    let (router, asked) = (router(&world, policy()), challenge(vec![accept(1, 10_000)]));
    let considered = run(&world, router.consider(&asked, FROM));
    let quotes = &considered.routes[0].costs.quotes;
    let ages: Vec<_> =
        quotes.iter().map(|quote| (quote.label, quote.taken_at(), quote.valid_until())).collect();
    assert_eq!(ages, [("settle", Some(seen), Some(seen.plus_ms(3_000))), ("fee", None, None)]);
}

#[test]
fn an_honest_receipt_is_believed_without_a_look_at_the_chain() {
    let world = World::new();
    let (router, asked) = (router(&world, policy()), challenge(vec![accept(1, 10_000)]));
    let mut till = Till::new(&world, [Act::Settles]);
    let paid = run(&world, router.pay(&asked, FROM, &mut till)).unwrap();
    assert_eq!(
        (paid.receipt.charged, paid.charged),
        (Amount::new(usdc(1), 10_000), Amount::new(usdc(1), 10_000))
    );
    assert_eq!(world.resolves.load(Ordering::SeqCst), 0);
}
