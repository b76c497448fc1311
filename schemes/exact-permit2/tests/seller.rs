//! The side that sells.

mod support;

use serde_json::{Value, json};
use support::*;
use tollway_core::*;
use tollway_evm::permit2::Sponsoring;

#[test]
fn an_offer_names_the_method_and_the_domain_where_it_is_known() {
    let bench = Bench::new();
    let said = bench.requirement();
    assert_eq!(
        said.extra.0.value(),
        json!({"assetTransferMethod": "permit2", "name": "USDC", "version": "2"})
    );
    assert_eq!(said.method.unwrap().as_str(), "permit2");
    let plain = Bench::with(PAYEE, Value::Null, |_| {});
    assert_eq!(plain.requirement().extra.0.value(), json!({"assetTransferMethod": "permit2"}));
    let upfront = bench.selling().offer(&bench.price(Flow::Upfront), &bench.kind()).unwrap();
    assert_eq!(upfront.requirement.extra.map()["paymentFlow"], "upfront");
    let of =
        |method: &str| Kind { extra: Extra::of_pairs(&[("assetTransferMethod", method)]), ..bench.kind() };
    let offer = |kind| bench.selling().offer(&bench.price(Flow::Authorization), &kind).map_err(|e| e.code);
    assert!(offer(of("permit2")).is_ok());
    assert_eq!(offer(of("eip3009")).unwrap_err(), Code::UnsupportedMethod);
}

/// A facilitator's word counts, and not what this process would do itself.
#[test]
fn a_seller_promises_what_its_settler_lists_and_nothing_else() {
    let modest = json!({"permit2": {"gas_sponsoring": []}});
    for settings in [generous(), modest] {
        let bench = Bench::with(TOKEN, settings, |_| {});
        for listed in [&[][..], &Sponsoring::ALL[..1], &Sponsoring::ALL[1..], &Sponsoring::ALL] {
            let extensions = listed.iter().map(|how| how.key().to_owned()).chain(["bazaar".to_owned()]);
            let kind = Kind { extensions: extensions.collect(), ..bench.kind() };
            let offer = bench.selling().offer(&bench.price(Flow::Authorization), &kind).unwrap();
            let said = bench.selling().extensions(&offer, &kind);
            for how in Sponsoring::ALL {
                assert_eq!(how.is_offered(said.as_ref()), listed.contains(&how), "{how:?} of {listed:?}");
            }
            assert_eq!(said.is_some(), !listed.is_empty());
        }
    }
}

#[test]
fn what_is_sponsored_is_advertised_where_it_can_be_used() {
    let said = |settings, token| {
        let bench = Bench::with(token, settings, |_| {});
        let offer = bench.selling().offer(&bench.price(Flow::Authorization), &bench.kind()).unwrap();
        let said = bench.selling().extensions(&offer, &bench.kind());
        Sponsoring::ALL.map(|how| how.is_offered(said.as_ref()))
    };
    assert_eq!(said(Value::Null, TOKEN), [true, false], "permits, unless said otherwise");
    assert_eq!(said(generous(), TOKEN), [true, true]);
    assert_eq!(said(generous(), PAYEE), [false, true], "nobody can sign for a domain that is not known");
    let named =
        json!({"permit2": {"tokens": [{"chain": CHAIN, "address": PAYEE, "name": "Play", "version": "9"}]}});
    assert_eq!(said(named, PAYEE), [true, false]);
    assert_eq!(said(json!({"permit2": {"gas_sponsoring": []}}), TOKEN), [false, false]);
}
