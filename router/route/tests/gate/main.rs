//! The selling side: what is offered, what is honoured, who is admitted, and what a restart finds.

mod honour;
#[path = "../kit/mod.rs"]
mod kit;
mod offers;
mod remotes;
mod visits;

use kit::*;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tollway_core::flow::{Delivered, Handler, Tab};
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
        pool: None,
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
