//! Who is let in: without a look at the ledger where none is needed, by the best offer that stands, and never on the
//! word of a settler that is not there.

mod kit;

use kit::*;
use std::sync::Arc;
use tollway_core::flow::Handler;
use tollway_core::*;
use tollway_route::*;

const URL: &str = "https://a.example/x";

fn gate(world: &Arc<World>) -> Gate {
    GateBuilder {
        registry: registry(world, &[1, 2]),
        pool: None,
        quotes: book(world),
        ledger: world.books.clone(),
        clock: world.clone(),
        policy: SellerPolicy { settlement_share_bps_max: None, ..SellerPolicy::default() },
        owner: "me".into(),
        patience_ms: 0,
    }
    .build()
}

fn offer(world: &Arc<World>, gate: &Gate, atomic: u128) -> Offer {
    let rail = Rail {
        scheme: Name::new("fake").unwrap(),
        method: None,
        asset: usdc(1),
        pay_to: payee(1, PAYEE),
        flow: Flow::Authorization,
        timeout_s: 60,
    };
    let tag = Tag::Amounts(vec![Amount::new(usdc(1), atomic)]);
    run(world, gate.post("shop", &tag, &[rail])).unwrap().offers[0].offer.clone()
}

fn payload(world: &World, value: u128) -> Json {
    let until = world.now().plus_ms(60_000).ms();
    Json::of(&serde_json::json!({ "nonce": "n", "value": value.to_string(), "to": PAYEE, "until": until }))
}

fn in_v1(world: &World, value: u128) -> Json {
    let payload = payload(world, value);
    Json::of(&serde_json::json!({ "x402Version": 1, "scheme": "fake", "network": "one", "payload": payload }))
}

fn in_v2(world: &World, offer: &Offer) -> Json {
    let (accepted, payload) = (offer.requirement.clone(), payload(world, offer.requirement.price.atomic()));
    wire::write_payment(&Payment { accepted, payload, extensions: None, resource: None }, &[FAMILY]).unwrap()
}

fn admit(world: &World, gate: &Gate, payment: &Json) -> Result<Admitted> {
    run(world, gate.admit("shop", payment, &[], b"GET /x", URL))
}

#[test]
fn what_this_process_has_shown_takes_no_look_at_the_ledger() {
    let world = World::new();
    let gate = gate(&world);
    let shown = offer(&world, &gate, 100);
    for payment in [in_v2(&world, &shown), in_v1(&world, 100)] {
        let before = world.books.calls();
        assert_eq!(admit(&world, &gate, &payment).unwrap().arrival.offer.requirement.price.atomic(), 100);
        assert_eq!(world.books.calls(), before);
    }
}

#[test]
fn what_cannot_be_read_takes_no_look_at_the_ledger() {
    let world = World::new();
    let gate = gate(&world);
    offer(&world, &gate, 100);
    for text in ["{}", r#"{"x402Version":2}"#, r#"{"x402Version":3,"payload":{}}"#, "[]"] {
        let before = world.books.calls();
        assert!(admit(&world, &gate, &Json::parse(text).unwrap()).is_err(), "{text}");
        assert_eq!(world.books.calls(), before, "{text}");
    }
}

#[test]
fn a_v1_payment_is_for_the_offer_that_it_was_signed_for_wherever_that_was_shown() {
    let world = World::new();
    let (here, there) = (gate(&world), gate(&world));
    offer(&world, &there, 120);
    offer(&world, &here, 100);
    for (signed, price) in [(100, 100), (120, 120), (130, 120)] {
        let Admitted { arrival, .. } = admit(&world, &here, &in_v1(&world, signed)).unwrap();
        let (offered, accepted) = (arrival.offer.requirement, arrival.payment.accepted);
        assert_eq!(offered.price.atomic(), price, "signed {signed}");
        assert_eq!((offered.version, &accepted), (Version::V1, &offered), "in its own version throughout");
    }
}

struct Served(usize);

#[async_trait]
impl Handler for Served {
    async fn run(&mut self, ceiling: &Ceiling) -> Option<Charge> {
        self.0 += 1;
        Some(ceiling.full())
    }
}

#[test]
fn nobody_is_served_on_the_word_of_a_settler_that_is_not_there() {
    let world = World::new();
    let gate = gate(&world);
    let shown = offer(&world, &gate, 100);
    world.direct(|script| script.no_own_settler = true);
    let admitted = admit(&world, &gate, &in_v2(&world, &shown)).unwrap();
    let mut handler = Served(0);
    let refused = run(&world, gate.serve(admitted, &mut handler)).unwrap_err();
    assert_eq!((refused.code, handler.0), (Code::RoleMissing, 0));
    // Nothing is left claimed: with a settler it is as good as ever.
    world.direct(|script| script.no_own_settler = false);
    let admitted = admit(&world, &gate, &in_v2(&world, &shown)).unwrap();
    assert!(run(&world, gate.serve(admitted, &mut handler)).is_ok());
    assert_eq!(handler.0, 1);
}

#[test]
fn a_v1_payment_is_for_the_chain_that_it_names() {
    let world = World::new();
    let gate = gate(&world);
    let on = |n: u8, atomic: u128| {
        let entry = accept(n, atomic).requirement.unwrap();
        Offer { requirement: entry, bound_to: None, volatile: Vec::new() }
    };
    let payload = payload(&world, 200);
    let text =
        serde_json::json!({ "x402Version": 1, "scheme": "fake", "network": "two", "payload": payload });
    let current = [on(2, 100), on(1, 200)];
    let admitted = run(&world, gate.admit("shop", &Json::of(&text), &current, b"GET /x", URL)).unwrap();
    assert_eq!(admitted.arrival.offer.requirement.chain, chain(2));
}

/// Windows are 120 s here, and what is written stands for two of them.
#[test]
fn an_offer_shown_by_another_process_too_stands_as_long_as_the_later_showing() {
    let world = World::new();
    let shown = offer(&world, &gate(&world), 100);
    // An echo is looked up by its text, a v1 payment among all that stands.
    let lives = |world: &Arc<World>| {
        let echo = admit(world, &gate(world), &in_v2(world, &shown)).is_ok();
        assert_eq!(admit(world, &gate(world), &in_v1(world, 100)).is_ok(), echo);
        echo
    };
    world.advance(200_000);
    assert!(lives(&world));
    assert_eq!(offer(&world, &gate(&world), 100), shown);
    world.advance(100_000);
    assert!(lives(&world), "the first showing alone would be over");
    world.advance(139_999);
    assert!(lives(&world));
    world.advance(1);
    assert!(!lives(&world));
}
