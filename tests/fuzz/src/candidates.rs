use crate::naive::{self, DEPTH_MAX, Members};
use crate::shop::{self, BALANCE, BANNED, CAP_USD, GAS, PLACES, Place};
use futures::FutureExt;
use std::collections::BTreeSet;
use std::sync::LazyLock;
use tollway_core::{Challenge, Code, Flow, Next, Requirement, wire};
use tollway_evm::FAMILY;
use tollway_route::{Considered, Context, Router};

static ROUTER: LazyLock<Router> = LazyLock::new(shop::router);

/// What a signature may at most bind, in seconds; and what a settler needs.
const TIMEOUT_S: std::ops::RangeInclusive<u64> = 7..=600;

/// A 402, of either version, through the router.
pub fn candidates(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if naive::depth(data) > DEPTH_MAX {
        return;
    }
    let Ok(challenge) = wire::parse_challenge(text, &[FAMILY]) else { return };
    let considered = consider(&challenge);
    every_entry_once(&challenge, &considered);
    let payable: Vec<_> =
        challenge.requirements().filter(|(_, r)| bill(r).is_some()).map(|(at, _)| at).collect();
    let routed: BTreeSet<_> = considered.routes.iter().map(|route| route.index).collect();
    assert_eq!(routed.into_iter().collect::<Vec<_>>(), payable, "{:?}", considered.rejected);
    priced(&considered);
    refused(&considered);
    assert_eq!(rows(&consider(&challenge)), rows(&considered), "the same question has the same answer");
    turned_round(&challenge, &considered);
}

fn consider(challenge: &Challenge) -> Considered<'_> {
    let context = Context { host: Some("api.example") };
    ROUTER.consider(challenge, context).now_or_never().expect("nothing here keeps anybody waiting")
}

fn every_entry_once(challenge: &Challenge, considered: &Considered<'_>) {
    let routes = considered.routes.iter().map(|route| route.index);
    let mut all: Vec<_> = routes.chain(considered.rejected.iter().map(|entry| entry.index)).collect();
    all.sort_unstable();
    assert_eq!(all, (0..challenge.accepts.len()).collect::<Vec<_>>());
    for route in &considered.routes {
        assert_eq!(challenge.accepts[route.index].requirement.as_ref(), Ok(route.requirement));
    }
    for entry in &considered.rejected {
        let read = challenge.accepts[entry.index].requirement.as_ref();
        assert_eq!(entry.requirement, read.ok());
        assert!(read.is_ok() || read.err() == Some(&entry.reason));
    }
    let explained = considered.explain(ROUTER.registry());
    assert_eq!(explained.routes.len(), considered.routes.len());
    assert_eq!(explained.rejected.len(), considered.rejected.len());
}

fn place(r: &Requirement) -> Option<&'static Place> {
    PLACES.iter().find(|place| place.asset() == r.price.asset())
}

/// What paying an entry costs in 10⁻¹⁸ USD, where it may be paid at all.
fn bill(r: &Requirement) -> Option<u128> {
    let place = place(r).filter(|place| place.chain() == r.chain)?;
    let method = r.method.as_ref().is_none_or(|method| method.as_str() == "eip3009");
    let flow = matches!(r.flow, Flow::Authorization | Flow::Upfront);
    let known = FAMILY.known(&r.price.asset())?;
    let extra = r.extra.map();
    let twice = Members::of(r.extra.0.as_str()).is_some_and(|extra| extra.repeats(&["name", "version"]));
    let domain =
        known.extra.iter().all(|(key, value)| extra.get(*key).and_then(|v| v.as_str()) == Some(value));
    let banned = naive::address(r.pay_to.address()) == naive::address(BANNED);
    let allowed = r.scheme == "exact"
        && method
        && flow
        && domain
        && !twice
        && !banned
        && TIMEOUT_S.contains(&r.timeout_s);
    let affordable = allowed && r.price.atomic() <= BALANCE;
    // Six digits of the token and eight of the feed: four are missing to eighteen.
    let bill = affordable.then(|| r.price.atomic() * place.token_usd_e8 * 10_000)?;
    (bill <= u128::from(CAP_USD) * 10u128.pow(18)).then_some(bill)
}

fn priced(considered: &Considered<'_>) {
    for route in &considered.routes {
        let place = place(route.requirement).expect("it is payable");
        let gas = u128::from(GAS) * place.gas_wei * place.coin_usd_e8;
        assert_eq!(Some(route.bill.e18()), bill(route.requirement));
        assert_eq!(route.at_stake, route.bill, "exact binds what it costs");
        assert_eq!(route.settlement.e18(), gas.div_ceil(100_000_000));
        assert_eq!(route.plan.price, route.requirement.price);
        assert_eq!(route.plan.spendable_until.secs(), shop::NOW_S + route.requirement.timeout_s);
    }
    let order: Vec<_> =
        rows(considered).into_iter().map(|row| (row.bill, row.settlement, row.name, row.index)).collect();
    assert!(order.is_sorted(), "{order:?}");
}

fn refused(considered: &Considered<'_>) {
    for entry in &considered.rejected {
        assert_ne!(entry.reason.code, Code::Internal, "{}", entry.reason);
        assert!(!matches!(entry.reason.next, Next::Unknown(_)), "nothing was signed: {}", entry.reason);
        assert!(!entry.reason.detail.is_empty(), "{} without a word", entry.reason);
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    bill: u128,
    settlement: u128,
    name: [String; 4],
    index: usize,
}

fn rows(considered: &Considered<'_>) -> Vec<Row> {
    let row = |route: &tollway_route::Route<'_>| {
        let r = route.requirement;
        let name = [r.chain.as_str(), r.scheme.as_str(), r.price.asset().key(), r.pay_to.address()]
            .map(str::to_owned);
        Row { bill: route.bill.e18(), settlement: route.settlement.e18(), name, index: route.index }
    };
    considered.routes.iter().map(row).collect()
}

/// The server's order decides between twins alone.
fn turned_round(challenge: &Challenge, considered: &Considered<'_>) {
    let mut turned = challenge.clone();
    turned.accepts.reverse();
    let nameless = |rows: Vec<Row>| rows.into_iter().map(|row| Row { index: 0, ..row }).collect::<Vec<_>>();
    assert_eq!(nameless(rows(&consider(&turned))), nameless(rows(considered)));
}
