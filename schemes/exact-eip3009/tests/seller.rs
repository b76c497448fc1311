//! The side that sells, and the plugin's entry.

mod support;

use serde_json::{Value, json};
use support::*;
use tollway_core::wire::{find_offer, read_requirement};
use tollway_core::*;
use tollway_exact_eip3009::ENTRY;

#[test]
fn an_offer_carries_the_domain_and_reads_back_as_itself() {
    let bench = Bench::new();
    for flow in [Flow::Authorization, Flow::Upfront] {
        let kinds = block_on(bench.settling().kinds()).unwrap();
        let offer = bench.selling().offer(&bench.price(flow), &kinds[0]).unwrap();
        let text = offer.requirement.raw.as_str();
        assert!(text.contains(TOKEN), "EIP-55 on the wire: {text}");
        assert_eq!(text.contains("paymentFlow"), flow == Flow::Upfront, "{text}");
        let read = read_requirement(&offer.requirement.raw, Version::V2, &[FAMILY]).unwrap();
        assert_eq!(read, offer.requirement);
        assert_eq!(find_offer(&read, [&offer]), Some(0));
        assert_eq!(bench.registry.cell(&read).unwrap().id, ENTRY.id);
        assert!(offer.bound_to.is_none() && offer.volatile.is_empty());
        let extra = offer.requirement.extra.map();
        assert_eq!((&extra["name"], &extra["version"]), (&json!("USDC"), &json!("2")));
    }
}

#[test]
fn what_a_settler_insists_on_stays_but_not_a_false_domain() {
    let bench = Bench::new();
    let kind = |extra| Kind {
        version: Version::V2,
        scheme: Name::new("exact").unwrap(),
        chain: bench.evm.chain,
        extra: Extra(Json::of(&extra)),
        extensions: Vec::new(),
    };
    let offer = |extra: Value| bench.selling().offer(&bench.price(Flow::Authorization), &kind(extra));
    let made = offer(json!({"feePayer": "x", "name": "Fake", "assetTransferMethod": "eip3009"})).unwrap();
    let extra = made.requirement.extra.map();
    assert_eq!((&extra["feePayer"], &extra["name"]), (&json!("x"), &json!("USDC")));
    assert_eq!(made.requirement.method, Some(Name::new("eip3009").unwrap()));
    let other = offer(json!({"assetTransferMethod": "permit2"})).unwrap_err();
    assert_eq!(other.code, Code::UnsupportedMethod);
}

#[test]
fn what_cannot_be_offered_says_why() {
    let bench = Bench::new();
    let kinds = block_on(bench.settling().kinds()).unwrap();
    let offer = |price: &Price| bench.selling().offer(price, &kinds[0]).map_err(|e| e.code);
    let ok = bench.price(Flow::Authorization);
    assert!(offer(&ok).is_ok());
    assert_eq!(offer(&Price { flow: Flow::Escrow, ..ok }).unwrap_err(), Code::UnsupportedFlow);
    let elsewhere = ChainId::new("eip155:8453").unwrap();
    assert_eq!(offer(&Price { chain: elsewhere, ..ok }).unwrap_err(), Code::InvalidNetwork);
    let unknown = Ceiling(Amount::new(FAMILY.asset(bench.evm.chain, PAYEE).unwrap(), 1));
    assert_eq!(offer(&Price { ceiling: unknown, ..ok }).unwrap_err(), Code::UnknownAsset);
}

#[test]
fn kinds_are_v2_everywhere_and_v1_where_v1_has_a_name() {
    let versions = |bench: &Bench| -> Vec<Version> {
        block_on(bench.settling().kinds()).unwrap().iter().map(|k| k.version).collect()
    };
    assert_eq!(versions(&Bench::new()), [Version::V2, Version::V1]);
    let nameless =
        Bench::with(TOKEN, ("USDC", "2"), Value::Null, |c| c.chain = ChainId::new("eip155:10").unwrap());
    assert_eq!(versions(&nameless), [Version::V2]);
}

/// A handler that counts and charges in full.
struct Serving(u32);
#[async_trait]
impl flow::Handler for Serving {
    async fn run(&mut self, ceiling: &Ceiling) -> Option<Charge> {
        self.0 += 1;
        Some(ceiling.full())
    }
}

#[test]
fn both_flows_run_through_the_driver_and_serve_once() {
    for flow in [Flow::Authorization, Flow::Upfront] {
        let bench = Bench::new();
        let kinds = block_on(bench.settling().kinds()).unwrap();
        let offer = bench.selling().offer(&bench.price(flow), &kinds[0]).unwrap();
        let payment = bench.authorize(&offer.requirement).payment;
        let (settler, seller) = (bench.settling(), bench.selling());
        let once = flow::SettleOnce {
            read: ENTRY.read,
            settler: &*settler,
            ledger: &*bench.ledger,
            clock: &*bench.clock,
            room: "visit/gate",
            owner: "test",
            patience_ms: 1_000,
        };
        let driver = flow::Driver { once, seller: &*seller };
        let arrival = Arrival { payment, offer, print: "p".into() };
        let mut serving = Serving(0);
        let first = block_on(driver.drive(arrival.clone(), &mut serving)).unwrap();
        let flow::Delivered::Paid(receipt) = first else { panic!("{flow}: {first:?}") };
        let again = block_on(driver.drive(arrival, &mut serving)).unwrap();
        assert_eq!(again, flow::Delivered::Again(receipt), "{flow}");
        assert_eq!((serving.0, bench.world().txs.len()), (1, 1), "{flow}");
    }
}

#[test]
fn the_plugin_is_found_by_discovery() {
    let found =
        inventory::iter::<Plugin>.into_iter().any(|p| matches!(p, Plugin::Scheme(e) if e.id == ENTRY.id));
    assert!(found);
    assert_eq!(ENTRY.capability, Capability::fixed(&[Flow::Authorization, Flow::Upfront]));
    assert_eq!(ENTRY.id.to_string(), "exact/eip155/eip3009");
}
