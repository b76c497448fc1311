//! The strategies say the truth: valid is accepted, almost valid is refused as announced, hostile does no harm.

use proptest::prelude::*;
use tollway_core::wire::{self, SettleResponse, SupportedResponse, VerifyResponse};
use tollway_core::*;
use tollway_testkit::sim::{FAMILY, SimChain, SimSettings};
use tollway_testkit::strategies::{self as any, Almost, Says, Spelling, json, name, payment, requirement};
use tollway_testkit::weave::{SeededDice, VirtualClock};

const SIM: Spelling = Spelling::SIM;
const FAMILIES: &[Family] = &[FAMILY];
/// How much of everything an enemy may send here; counts grow to it, and depths and lengths.
const SIZE: usize = 10_000;

fn version() -> impl Strategy<Value = Version> {
    prop::sample::select(vec![Version::V1, Version::V2])
}
fn each<T: std::fmt::Debug + 'static>(
    of: impl Fn(Version) -> BoxedStrategy<T> + 'static,
) -> impl Strategy<Value = (Version, T)> {
    version().prop_flat_map(move |version| of(version).prop_map(move |value| (version, value)))
}
fn read(text: &str, version: Version) -> Result<Requirement> {
    wire::read_requirement(&Json::parse(text)?, version, FAMILIES)
}
fn offer(text: &str, version: Version) -> Offer {
    Offer { requirement: read(text, version).unwrap(), bound_to: None, volatile: Vec::new() }
}
/// What an error must be, however it came about: short, and no control characters in it.
fn fine(e: &Error) {
    let words = format!("{e} {e:?}");
    assert!(words.len() < 4_096 && !words.contains(char::is_control), "{words}");
}
fn whole(says: &Says) -> &Code {
    match says {
        Says::Whole(code) => code,
        Says::Entry(..) => panic!("an entry in a thing that has none"),
    }
}
fn with(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(with(256))]

    #[test]
    fn valid_requirements_are_read((version, text) in each(|v| requirement::valid(SIM, v))) {
        let read = read(&text, version).unwrap();
        prop_assert_eq!(read.version, version);
        let written = wire::write_requirement(&read, "", FAMILIES).unwrap();
        let again = wire::read_requirement(&written, version, FAMILIES).unwrap();
        prop_assert_eq!(Requirement { raw: read.raw.clone(), extra: read.extra.clone(), ..again }, read);
    }

    #[test]
    fn almost_requirements_are_refused_as_announced((version, bad) in each(|v| requirement::almost(SIM, v))) {
        let error = read(&bad.text, version).unwrap_err();
        fine(&error);
        prop_assert_eq!(&error.code, whole(&bad.says), "{}: {}", bad.fault, bad.text);
    }

    #[test]
    fn valid_challenges_are_read_whole((version, text) in each(|v| any::challenge::valid(SIM, v))) {
        let read = wire::parse_challenge(text.as_str(), FAMILIES).unwrap();
        prop_assert_eq!(read.version, version);
        prop_assert_eq!(read.requirements().count(), read.accepts.len());
        let again = wire::read_challenge(&wire::write_challenge(&read), FAMILIES).unwrap();
        prop_assert_eq!(again.accepts, read.accepts);
    }

    #[test]
    fn almost_challenges_are_refused_or_keep_the_broken_entry(
        (_, Almost { text, fault, says }) in each(|v| any::challenge::almost(SIM, v))
    ) {
        let read = wire::parse_challenge(text.as_str(), FAMILIES);
        match says {
            Says::Whole(code) => prop_assert_eq!(read.unwrap_err().code, code, "{}", fault),
            Says::Entry(bad, code) => {
                for (at, entry) in read.unwrap().accepts.iter().enumerate() {
                    match &entry.requirement {
                        Err(e) if at == bad => { fine(e); prop_assert_eq!(&e.code, &code, "{}", fault) }
                        found => prop_assert!(at != bad && found.is_ok(), "{}: entry {}", fault, at),
                    }
                }
            }
        }
    }

    #[test]
    fn valid_payments_find_their_offer((version, paid) in each(|v| payment::valid(SIM, v))) {
        let offers = [offer(&paid.offer, version)];
        let (at, read) = wire::parse_payment(paid.text.as_str(), &offers, FAMILIES).unwrap();
        prop_assert_eq!((at, read.accepted.version), (0, version));
        let again = wire::write_payment(&read, FAMILIES).unwrap();
        prop_assert_eq!(wire::read_payment(&again, &offers, FAMILIES).unwrap().1.payload, read.payload);
    }

    #[test]
    fn almost_payments_are_refused_as_announced((version, (offered, bad)) in each(|v| payment::almost(SIM, v))) {
        let offers = [offer(&offered, version)];
        let error = wire::parse_payment(bad.text.as_str(), &offers, FAMILIES).unwrap_err();
        fine(&error);
        prop_assert_eq!(&error.code, whole(&bad.says), "{}: {}", bad.fault, bad.text);
    }

    #[test]
    fn valid_requests_are_read((_, text) in each(|v| any::request::valid(SIM, v))) {
        let read = wire::read_facilitator_request(&Json::parse(text).unwrap(), FAMILIES).unwrap();
        prop_assert_eq!(read.amount_atomic, read.order.requirement.price.atomic());
        let again = wire::write_facilitator_request(&read.order, FAMILIES).unwrap();
        prop_assert_eq!(wire::read_facilitator_request(&again, FAMILIES).unwrap().amount_atomic, read.amount_atomic);
    }

    #[test]
    fn almost_requests_are_refused_as_announced((_, bad) in each(|v| any::request::almost(SIM, v))) {
        let error = wire::read_facilitator_request(&Json::parse(bad.text.as_str()).unwrap(), FAMILIES).unwrap_err();
        fine(&error);
        prop_assert_eq!(&error.code, whole(&bad.says), "{}: {}", bad.fault, bad.text);
    }

    #[test]
    fn settlements_are_receipts_failures_or_refused_as_announced(
        ((version, good), failed, bad) in version().prop_flat_map(|v| {
            let network = ("sim:1", "sim");
            let good = any::settlement::valid(SIM, v, network).prop_map(move |text| (v, text));
            (good, any::settlement::failed(SIM, v, network), any::settlement::almost(SIM, v, network))
        }),
        mut entry in requirement::valid(SIM, Version::V2).prop_map(|text| read(&text, Version::V2).unwrap()),
    ) {
        entry.chain = ChainId::new("sim:1").unwrap();
        entry.version = version;
        let receipt = |text: &str| {
            let read: SettleResponse = Json::parse(text)?.read()?;
            read.receipt(&entry, FAMILIES)
        };
        let taken = receipt(&good).unwrap();
        prop_assert!(taken.transaction().is_some());
        let read: SettleResponse = Json::parse(good).unwrap().read().unwrap();
        let asked = read.amount.map_or(entry.price.atomic(), |n| n.parse().unwrap());
        prop_assert_eq!(taken.charged.atomic, asked);
        fine(&receipt(&failed).unwrap_err());
        let error = receipt(&bad.text).unwrap_err();
        prop_assert_eq!(&error.code, whole(&bad.says), "{}: {}", bad.fault, bad.text);
        prop_assert_eq!(error.is_unknown_outcome(), error.code == Code::ReceiptMismatch, "it says that it settled");
    }

    #[test]
    fn verdicts_are_read_or_refused_as_announced(good in any::answer::valid(SIM), bad in any::answer::almost(SIM)) {
        let read: VerifyResponse = Json::parse(good).unwrap().read().unwrap();
        prop_assert_eq!(read.is_valid, read.invalid_reason.is_none());
        let error = Json::parse(bad.text).unwrap().read::<VerifyResponse>().unwrap_err();
        prop_assert_eq!(&error.code, whole(&bad.says), "{}", bad.fault);
    }

    #[test]
    fn kinds_are_usable_or_not_as_announced(good in any::supported::valid(SIM), bad in any::supported::almost(SIM)) {
        let read: SupportedResponse = Json::parse(good).unwrap().read().unwrap();
        for kind in &read.kinds {
            let used = kind.kind(FAMILIES, &[]).unwrap();
            let again = wire::SupportedKind::of(&used, FAMILIES).unwrap();
            prop_assert_eq!(again.kind(FAMILIES, &[]), Some(used));
        }
        let read = Json::parse(bad.text).unwrap().read::<SupportedResponse>().map(|read| read.kinds);
        match bad.says {
            Says::Whole(code) => prop_assert_eq!(read.unwrap_err().code, code, "{}", bad.fault),
            Says::Entry(bad_at, code) => {
                for (at, kind) in read.unwrap().iter().enumerate() {
                    prop_assert_eq!(kind.kind(FAMILIES, &[]).is_none(), at == bad_at, "{} ({})", bad.fault, code);
                }
            }
        }
    }

    #[test]
    fn dollars_are_read_or_refused(usd in any::usd::valid(), text in any::usd::text(), bad in any::usd::almost()) {
        prop_assert_eq!(Usd::parse(&usd.to_string()).unwrap(), usd);
        let read = Usd::parse(&text).unwrap();
        prop_assert_eq!(Usd::parse(&read.to_string()).unwrap(), read);
        let error = Usd::parse(&bad).expect_err(&bad);
        fine(&error);
        prop_assert_eq!(error.code, Code::InvalidAmount);
    }

    #[test]
    fn amounts_are_read_or_refused(n in any::amount::atomic(), bad in any::amount::almost()) {
        prop_assert_eq!(Amount::parse_atomic(&n.to_string()).unwrap(), n);
        let error = Amount::parse_atomic(&bad).expect_err(&bad);
        fine(&error);
        prop_assert_eq!(error.code, Code::InvalidAmount);
    }

    #[test]
    fn sums_are_checked(a in any::amount::hostile(), b in any::amount::hostile(), n in any::amount::atomic()) {
        prop_assert_eq!(a.checked_add(b).is_some(), a.asset == b.asset && a.atomic.checked_add(b.atomic).is_some());
        prop_assert_eq!(a.checked_sub(Amount::new(a.asset, n)).is_some(), n <= a.atomic);
        prop_assert_eq!(Ceiling(a).charge(n).is_ok(), n <= a.atomic);
    }

    #[test]
    fn prices_count_or_are_refused(
        good in any::price::valid(Time::ZERO),
        (bad, fault) in any::price::almost(Time::ZERO),
        enemy in any::price::hostile(),
        n in 1u128..1_000_000_000_000, usd in any::usd::valid(),
    ) {
        let worth = good.worth(n).unwrap();
        let back = good.atomic_for(worth).unwrap();
        prop_assert!(back >= n && good.worth(back).unwrap() >= worth, "what a cost is worth is never too little");
        prop_assert!(bad.atomic_for(usd).is_err(), "{}", fault);
        let _ = (enemy.worth(n), enemy.worth(u128::MAX), enemy.atomic_for(usd));
    }

    #[test]
    fn names_are_read_or_refused(
        chain in name::chain(), bad_chain in name::almost_chain(),
        scheme in name::valid(), bad_scheme in name::almost(),
        account in name::account(SIM, canonical), asset in name::asset(SIM, canonical),
        enemy in name::hostile(SIZE),
    ) {
        prop_assert_eq!(ChainId::new(&chain).unwrap().to_string(), chain);
        prop_assert_eq!(ChainId::new(&bad_chain).expect_err(&bad_chain).code, Code::InvalidNetwork);
        prop_assert_eq!(Name::new(&scheme).unwrap().to_string(), scheme);
        prop_assert_eq!(Name::new(&bad_scheme).expect_err(&bad_scheme).code, Code::UnsupportedScheme);
        prop_assert_eq!(account.to_string().parse::<Account>().unwrap(), account);
        prop_assert_eq!(asset.to_string().parse::<AssetId>().unwrap(), asset);
        let all = [
            ChainId::new(&enemy).err(), Name::new(&enemy).err(), enemy.parse::<Account>().err(),
            enemy.parse::<AssetId>().err(), wire::read_network(&enemy, FAMILIES).err(),
            FAMILY.account(account.chain, &enemy).err(),
        ];
        all.iter().flatten().for_each(fine);
    }

    #[test]
    fn times_lie_where_they_say(now in any::time::valid(), edge in any::time::hostile(), (near, before) in
        any::time::hostile().prop_flat_map(|edge| (Just(edge), any::time::almost(edge)).prop_map(|(e, (t, b))| ((e, t), b)))
    ) {
        prop_assert!(now > Time::from_secs(1_500_000_000) && now < Time::from_secs(5_000_000_000));
        prop_assert_eq!(near.1 < near.0, before);
        let _ = (edge.plus_ms(u64::MAX), edge.minus_ms(u64::MAX), now.ms_since(edge), edge.secs());
    }
}

fn canonical(text: &str) -> Option<String> {
    (FAMILY.address)(text).ok().map(|a| a.to_string())
}

proptest! {
    #![proptest_config(with(128))]

    #[test]
    fn hostile_wires_never_panic(
        (version, enemy) in each(|v| prop_oneof![
            requirement::hostile(SIM, v, SIZE),
            any::challenge::hostile(SIM, v, SIZE),
            payment::hostile(SIM, v, SIZE),
            any::request::hostile(SIM, v, SIZE),
            any::settlement::hostile(SIM, SIZE),
            any::answer::hostile(SIM, SIZE),
            any::supported::hostile(SIM, SIZE),
            any::usd::hostile(SIZE),
        ].boxed()),
        good in requirement::valid(SIM, Version::V2),
    ) {
        let offers = [offer(&good, Version::V2)];
        let mut errors = vec![
            wire::parse_challenge(enemy.as_str(), FAMILIES).err(),
            wire::parse_payment(enemy.as_str(), &offers, FAMILIES).err(),
            Usd::parse(&enemy).err(),
            Amount::parse_atomic(&enemy).err(),
        ];
        match Json::parse(enemy.as_str()) {
            Err(e) => errors.push(Some(e)),
            Ok(raw) => {
                let _ = (raw.value(), Extra(raw.clone()).map(), format!("{raw:?}"));
                errors.push(wire::read_requirement(&raw, version, FAMILIES).err());
                errors.push(wire::read_facilitator_request(&raw, FAMILIES).err());
                errors.push(raw.read::<VerifyResponse>().err());
                errors.push(raw.read::<SupportedResponse>().map(|s| {
                    s.kinds.iter().for_each(|kind| drop(kind.kind(FAMILIES, &s.extensions)));
                }).err());
                let settled = raw.read::<SettleResponse>();
                errors.push(settled.and_then(|s| s.receipt(&offers[0].requirement, FAMILIES)).err());
                if let Ok(challenge) = wire::read_challenge(&raw, FAMILIES) {
                    prop_assert!(challenge.accepts.len() <= wire::ACCEPTS_MAX);
                    errors.extend(challenge.accepts.into_iter().map(|e| e.requirement.err()));
                }
            }
        }
        errors.iter().flatten().for_each(fine);
    }

    #[test]
    fn almost_json_is_none_and_small_json_is(bad in json::almost(), good in json::small()) {
        prop_assert!(Json::parse(bad.as_str()).is_err(), "{bad}");
        prop_assert!(Json::parse(good.as_str()).is_ok(), "{good}");
    }

    #[test]
    fn challenges_of_many_entries_are_read_up_to_the_bound(text in any::challenge::many(SIM, Version::V2, 200..257)) {
        let read = wire::parse_challenge(text.as_str(), FAMILIES).unwrap();
        prop_assert!(read.accepts.len() >= 200 && read.requirements().count() == read.accepts.len());
    }

    #[test]
    fn tariffs_price_or_refuse_and_their_parts_add_up(
        (good, (odd, fault), enemy) in Just(AssetId::native(ChainId::new("sim:1").unwrap())).prop_flat_map(|coin| {
            let now = Time::from_secs(2_000_000_000);
            (any::tariff::valid(coin, now), any::tariff::almost(coin, now), any::tariff::hostile(coin))
        }),
        work in any::tariff::work(), huge in any::tariff::hostile_work(),
    ) {
        let now = Time::from_secs(2_000_000_000);
        let cost = good.price(&work).unwrap();
        prop_assert!(good.taken_at() <= now && now < good.valid_until());
        prop_assert!(work.compute == 0 || cost.total() >= good.base);
        let stale = odd.valid_until() < now || odd.taken_at() > now;
        prop_assert!(stale || odd.price(&work).unwrap().total() == 0, "{}", fault);
        for tariff in [good, odd, enemy] {
            if let Ok(cost) = tariff.price(&huge) {
                let sum = cost.parts.iter().try_fold(0u128, |sum, (_, n)| sum.checked_add(*n));
                prop_assert_eq!(sum, Some(cost.total()));
            }
        }
    }

    #[test]
    fn a_chain_lives_with_every_fee_market(
        good in any::market::valid(), (odd, fault) in any::market::almost(), enemy in any::market::hostile(), seed: u64,
    ) {
        for fees in [good, odd, enemy] {
            let mut settings = SimSettings::stormy("sim:1").unwrap();
            settings.fees = fees;
            let clock = std::sync::Arc::new(VirtualClock::at(Time::ZERO));
            let chain = SimChain::new(settings, clock.clone(), &SeededDice::new(seed)).unwrap();
            for _ in 0..20 {
                clock.advance(2_000);
                let base = chain.head().base_fee;
                prop_assert!(base >= fees.floor && (base <= fees.cap || fees.cap < fees.floor), "{}", fault);
            }
        }
    }
}

#[test]
fn books_have_every_chain_and_sometimes_a_hole() {
    let chains = [ChainId::new("sim:1").unwrap(), ChainId::new("sim:2").unwrap()];
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let book = any::market::book(&chains, Time::from_secs(2_000_000_000));
    let books: Vec<_> = (0..200).map(|_| book.new_tree(&mut runner).unwrap().current()).collect();
    assert!(books.iter().all(|b| b.iter().map(|q| q.chain).eq(chains)));
    let holes = books.iter().flatten().filter(|q| q.tariff.is_none() || q.price.is_none()).count();
    assert!((20..200).contains(&holes), "{holes}");
}

/// Every fault of the tables is really drawn, so that a test over a strategy is a test over its table.
#[test]
fn every_fault_of_a_table_is_drawn() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut draw = |of: BoxedStrategy<Almost>, least: usize| {
        let mut faults = std::collections::BTreeSet::new();
        let mut draws = 0;
        while faults.len() < least && draws < 5_000 {
            faults.insert(of.new_tree(&mut runner).unwrap().current().fault);
            draws += 1;
        }
        assert_eq!(faults.len(), least, "{faults:?}");
    };
    draw(requirement::almost(SIM, Version::V1), 33);
    draw(requirement::almost(SIM, Version::V2), 37);
    draw(any::challenge::almost(SIM, Version::V2), 47);
    draw(payment::almost(SIM, Version::V1).prop_map(|(_, bad)| bad).boxed(), 10);
    draw(payment::almost(SIM, Version::V2).prop_map(|(_, bad)| bad).boxed(), 14);
    draw(any::request::almost(SIM, Version::V2), 9);
    draw(any::settlement::almost(SIM, Version::V2, ("sim:1", "sim")), 9);
    draw(any::answer::almost(SIM), 7);
    draw(any::supported::almost(SIM), 11);
}
