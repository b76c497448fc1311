//! The simulated chain: it keeps its books, in every storm.

mod sim_world;

use futures::FutureExt;
use proptest::prelude::*;
use sim_world::{Place, submit};
use std::sync::Arc;
use tollway_core::ledger::MemoryLedger;
use tollway_core::{Clock, Code, Ledger, Network, Next, Outcome, Part, Purpose, Time, TxId, Work};
use tollway_testkit::sim::*;
use tollway_testkit::weave::{SeededDice, VirtualClock, Weave};

#[test]
fn a_block_comes_with_its_time_and_a_transaction_with_the_next() {
    let place = Place::calm(1);
    let (chain, node) = (&place.chain, place.node());
    assert_eq!(chain.head().number, 0);
    place.weave.run_for(9_000).unwrap();
    assert_eq!(chain.head().number, 4);
    let before = place.weave.clock().now();
    let mined = place.weave.run(node.send(place.pay("bob", 5), &"k".into())).unwrap().unwrap();
    assert_eq!(mined.output, Ok(Vec::new()));
    assert_eq!((mined.block, chain.nonce(&place.payer)), (5, 1));
    assert_eq!(mined.time.ms_since(before), 1_000, "two seconds after block 4");
    assert_eq!(chain.balance(&place.person("bob"), &place.token), 5);
    let outcome = place.weave.run(node.outcome(&mined.tx)).unwrap().unwrap();
    assert_eq!(outcome, Outcome::Included { confirmations: 3, finalized: true }, "send waited for it");
    chain.check_conservation().unwrap();
}

#[test]
fn years_pass_at_once() {
    let place = Place::calm(1);
    place.weave.run_for(1_000 * 3_600 * 24 * 3_650).unwrap();
    assert_eq!(place.chain.head().number, 1_800 * 24 * 3_650);
    assert_eq!(place.chain.head().time, place.weave.clock().now());
}

#[test]
fn a_plain_transfer_of_coins_pays_exactly_its_fee() {
    let place = Place::calm(2);
    let (coin, bob) = (place.chain.coin(), place.person("bob"));
    let had = place.chain.balance(&place.payer, &coin);
    let call = SimCall { value_atomic: 777, ..SimCall::new(bob, Vec::new()) };
    let mined = place.weave.run(place.node().send(submit(call), &"k".into())).unwrap().unwrap();
    assert_eq!((mined.gas_used, place.chain.balance(&bob, &coin)), (GAS_BASE, 777));
    assert_eq!(had - place.chain.balance(&place.payer, &coin), 777 + mined.cost_atomic);
    let burned = place.chain.supply(&coin).burned;
    let tips = mined.cost_atomic - burned;
    assert_eq!(tips, u128::from(GAS_BASE) * place.chain.settings().fees.tip);
    place.chain.check_conservation().unwrap();
}

#[test]
fn what_reverts_is_paid_for_and_changes_nothing_else() {
    let place = Place::calm(3);
    let mined =
        place.weave.run(place.node().send(place.pay("bob", 1_000_001), &"k".into())).unwrap().unwrap();
    assert!(mined.output.is_err() && mined.events.is_empty() && mined.cost_atomic > 0);
    assert_eq!(place.chain.balance(&place.payer, &place.token), 1_000_000);
    let outcome = place.weave.run(place.node().outcome(&mined.tx)).unwrap().unwrap();
    assert_eq!(outcome, Outcome::Failed);
    let short = Submit { gas_limit: GAS_BASE + 100, ..place.pay("bob", 1) };
    let mined = place.weave.run(place.node().send(short, &"k2".into())).unwrap().unwrap();
    assert_eq!((mined.output, mined.gas_used), (Err(Revert("out of gas".into())), GAS_BASE + 100));
    assert_eq!(place.chain.balance(&place.person("bob"), &place.token), 0);
}

#[test]
fn authorizations_hold_what_they_say_and_once() {
    let place = Place::calm(4);
    let good = place.authorization("bob", 40, "n1");
    let call = |signed: &SignedAuthorization| {
        let call = TokenCall::TransferWithAuthorization(signed.clone()).encode();
        let view = place.weave.run(place.node().view(&SimCall::new(place.program(), call), At::Latest));
        view.unwrap().unwrap().output
    };
    place.weave.run_for(4_000).unwrap();
    assert!(call(&good).is_ok());
    let before = place.chain.picture();
    let mutations: [fn(&mut TokenAuthorization); 6] = [
        |a| a.to.replace_range(41.., if a.to.ends_with('0') { "1" } else { "0" }),
        |a| a.amount = "41".into(),
        |a| a.nonce = "n2".into(),
        |a| a.valid_before += 1,
        |a| a.valid_after = 7,
        |a| a.from = a.to.clone(),
    ];
    for change in mutations {
        let mut bad = good.clone();
        change(&mut bad.authorization);
        assert_eq!(call(&bad), Err(Revert("invalid signature".into())));
    }
    assert_eq!(place.chain.picture(), before, "looking changes nothing");
    let submit = |signed: &SignedAuthorization| {
        submit(SimCall::new(place.program(), TokenCall::TransferWithAuthorization(signed.clone()).encode()))
    };
    place.weave.run(place.node().send(submit(&good), &"a".into())).unwrap().unwrap().output.unwrap();
    let again = place.weave.run(place.node().send(submit(&good), &"b".into())).unwrap().unwrap();
    assert!(again.output.is_err());
    assert_eq!(place.chain.balance(&place.person("bob"), &place.token), 40);
    let late = SignedAuthorization { ..place.authorization("bob", 1, "n3") };
    place.weave.run_for(10_000_000).unwrap();
    assert_eq!(call(&late), Err(Revert("authorization is expired".into())));
}

#[test]
fn a_cancelled_authorization_moves_nothing() {
    let place = Place::calm(5);
    let good = place.authorization("bob", 40, "n1");
    let signature = hex::encode(place.key.sign(&good.authorization.cancel_message(&place.token)));
    let cancel = TokenCall::CancelAuthorization(SignedAuthorization { signature, ..good.clone() });
    let send = |call: &TokenCall, key: &str| {
        let submit = submit(SimCall::new(place.program(), call.encode()));
        place.weave.run(place.node().send(submit, &key.into())).unwrap().unwrap().output
    };
    let wrong = TokenCall::CancelAuthorization(good.clone());
    assert!(send(&wrong, "w").is_err(), "a payment's signature cancels nothing");
    send(&cancel, "c").unwrap();
    assert!(send(&TokenCall::TransferWithAuthorization(good), "t").is_err());
    assert_eq!(place.chain.balance(&place.person("bob"), &place.token), 0);
    let state = TokenCall::AuthorizationState { from: place.payer.address().into(), nonce: "n1".into() };
    assert_eq!(send(&state, "s"), Ok(b"true".to_vec()));
}

#[test]
fn a_reorg_takes_back_and_brings_again_and_never_below_the_finality() {
    let place = Place::calm(6);
    let bob = place.person("bob");
    let node = place.node();
    let key = "k".into();
    let send = place.weave.spawn("payer", {
        let (node, submit) = (Arc::clone(&node), place.pay("bob", 5));
        async move { node.send(submit, &"k".into()).await }
    });
    place.weave.run_for(2_500).unwrap();
    assert_eq!(place.chain.balance(&bob, &place.token), 5);
    place.chain.endow(&bob, &place.token, 1_000).unwrap();
    assert_eq!(place.chain.reorg(3).unwrap_err().code, Code::BadSettings);
    let back = place.chain.reorg(1).unwrap();
    assert_eq!((back, place.chain.reorgs()), (1, 1));
    let now = place.chain.balance(&bob, &place.token);
    assert!(now == 1_000 || now == 1_005, "endowments stay: {now}");
    place.chain.check_conservation().unwrap();
    let mined = place.weave.run(send).unwrap().unwrap().unwrap();
    assert_eq!(place.chain.balance(&bob, &place.token), 1_005);
    assert_eq!(place.weave.run(node.sent(&key)).unwrap().unwrap(), Sent::Mined(Box::new(mined)));
}

#[test]
fn a_look_behind_sees_what_was_and_leaves_what_is() {
    let place = Place::calm(7);
    let (node, bob) = (place.node(), place.person("bob"));
    let look = |at| place.weave.run(node.view(&place.state_of("n1"), at)).unwrap().unwrap();
    let task = place.weave.spawn("payer", {
        let node = Arc::clone(&node);
        let call = TokenCall::TransferWithAuthorization(place.authorization("bob", 9, "n1")).encode();
        let submit = submit(SimCall::new(place.program(), call));
        async move { node.send(submit, &"k".into()).await }
    });
    place.weave.run_for(6_500).unwrap();
    let (latest, deep, picture) = (look(At::Latest), look(At::Final), place.chain.picture());
    assert_eq!((latest.block, deep.block), (3, 0));
    assert_eq!((latest.output, deep.output), (Ok(b"true".to_vec()), Ok(b"false".to_vec())));
    assert_eq!(place.chain.picture(), picture);
    assert_eq!(place.chain.balance(&bob, &place.token), 9);
    place.weave.run(task).unwrap().unwrap().unwrap();
    assert_eq!(look(At::Final).output, Ok(b"true".to_vec()));
}

#[test]
fn a_transaction_that_is_lost_is_sent_again_and_none_is_made_twice() {
    let place = Place::calm(8);
    let node = place.node();
    let task = place.weave.spawn("payer", {
        let (node, submit) = (Arc::clone(&node), place.pay("bob", 5));
        async move { node.send(submit, &"k".into()).await }
    });
    place.weave.run_for(1).unwrap();
    let [tx] = &*place.chain.waiting() else { panic!("one waits") };
    assert_eq!(place.weave.run(node.outcome(tx)).unwrap().unwrap(), Outcome::Pending);
    assert!(place.chain.lose(tx) && !place.chain.lose(tx));
    assert_eq!(place.weave.run(node.outcome(tx)).unwrap().unwrap(), Outcome::Unseen);
    let mined = place.weave.run(task).unwrap().unwrap().unwrap();
    assert_eq!(mined.tx, *tx, "the very same");
    let unknown = TxId("0x00".into());
    assert_eq!(place.weave.run(node.outcome(&unknown)).unwrap().unwrap(), Outcome::Unseen);
}

#[test]
fn a_crash_before_sending_blocks_nobody_after_a_restart() {
    // Crash after every possible poll of the first sender, then let a second payment of the same sender go through.
    let mut unsent = 0;
    for polls in 0..12 {
        let place = Place::calm(9);
        let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
        let node = || place.node_on(Arc::clone(&ledger), RpcSettings::default());
        let pay = |to: &str, key: &'static str| {
            let (node, submit) = (node(), place.pay(to, 5));
            place.weave.spawn("payer", async move { node.send(submit, &key.into()).await })
        };
        place.weave.crash_after("payer", polls);
        let first = pay("bob", "one");
        place.weave.run_for(20_000).unwrap();
        drop(first);
        let journaled = place.weave.run(ledger.load(&"one".into())).unwrap().unwrap().is_some();
        unsent +=
            u32::from(journaled && place.chain.waiting().is_empty() && place.chain.nonce(&place.payer) == 0);
        place.weave.crash_after("payer", u64::MAX);
        let second = pay("carol", "two");
        place.weave.run(second).unwrap().unwrap().unwrap();
        let (bob, carol) = (place.person("bob"), place.person("carol"));
        assert_eq!(place.chain.balance(&carol, &place.token), 5);
        let paid = place.chain.balance(&bob, &place.token);
        assert_eq!(paid, if journaled { 5 } else { 0 }, "after {polls} polls");
        assert_eq!(place.weave.run(node().recover()).unwrap().unwrap(), 0, "nothing is open");
    }
    assert!(unsent > 0, "one crash came between journal and chain");
}

#[test]
fn recovery_sends_what_was_journaled() {
    let place = Place::calm(10);
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let lossy = RpcSettings { before_per_mille: 300, ..RpcSettings::default() };
    let node = place.node_on(Arc::clone(&ledger), lossy);
    let task = place.weave.spawn("payer", async move {
        let submit = Submit { not_after: Time::FAR, ..node_submit(&node) };
        node.send(submit, &"k".into()).await
    });
    // Until it is journaled, and lost from the pool with its process.
    while place.weave.run(ledger.load(&"k".into())).unwrap().unwrap().is_none() {
        place.weave.run_for(1).unwrap();
    }
    place.weave.crash("payer");
    assert!(task.take().unwrap().is_err());
    place.chain.waiting().iter().for_each(|tx| assert!(place.chain.lose(tx)));
    let node = place.node_on(ledger, RpcSettings::default());
    assert_eq!(place.weave.run(node.recover()).unwrap().unwrap(), 1);
    place.weave.run_for(20_000).unwrap();
    assert_eq!(place.chain.nonce(&place.payer), 1);
    let Sent::Mined(mined) = place.weave.run(node.sent(&"k".into())).unwrap().unwrap() else {
        panic!("mined")
    };
    assert_eq!(mined.from, place.payer);
    assert_eq!(place.weave.run(node.sent(&"other".into())).unwrap().unwrap(), Sent::Never);
}

fn node_submit(node: &SimNode) -> Submit {
    let nobody = account(node.chain().id(), "nobody").unwrap();
    submit(SimCall { value_atomic: 1, ..SimCall::new(nobody, Vec::new()) })
}

#[test]
fn refusals_before_sending_are_definite() {
    let place = Place::calm(11);
    let node = place.node();
    place.weave.run_for(5_000).unwrap();
    let late = Submit { not_after: place.weave.clock().now().minus_ms(1), ..place.pay("bob", 1) };
    let poor = Submit { gas_limit: u64::MAX, ..place.pay("bob", 1) };
    let mut foreign = place.pay("bob", 1);
    foreign.call.from = Some(place.person("bob"));
    for (submit, code) in [(late, Code::Expired), (poor, Code::InsufficientFunds), (foreign, Code::NoSigner)]
    {
        let error = place.weave.run(node.send(submit, &"k".into())).unwrap().unwrap_err();
        assert_eq!(error.code, code);
        assert!(!error.is_unknown_outcome());
        assert_eq!(place.weave.run(node.sent(&"k".into())).unwrap().unwrap(), Sent::Never);
    }
    let reader = place.chain.node(Arc::new(MemoryLedger::new())).build();
    let error = place.weave.run(reader.send(place.pay("bob", 1), &"k".into())).unwrap().unwrap_err();
    assert_eq!((error.code, error.next), (Code::NoSigner, Next::Never));
    assert_eq!(reader.signer().unwrap_err().code, Code::NoSigner);
    assert_eq!(place.chain.nonce(&place.payer), 0);
}

#[test]
fn impatience_is_an_unknown_outcome_with_the_transaction() {
    let place = Place::calm(12);
    let node = place
        .chain
        .node(Arc::new(MemoryLedger::new()))
        .sender(&place.key)
        .unwrap()
        .patience_ms(3_000)
        .build();
    let error = place.weave.run(node.send(place.pay("bob", 5), &"k".into())).unwrap().unwrap_err();
    let Next::Unknown(Some(tx)) = error.next else { panic!("{error}") };
    assert_eq!(place.weave.run(node.sent(&"k".into())).unwrap().unwrap(), Sent::Pending(tx.clone()));
    let mined = place.weave.run(node.send(place.pay("bob", 5), &"k".into()));
    assert_eq!(mined.unwrap().unwrap().tx, tx);
    assert_eq!(place.chain.balance(&place.person("bob"), &place.token), 5);
}

#[test]
fn one_key_sends_once_under_every_storm_and_order() {
    let mut storms = 0;
    for seed in 0..300 {
        let place = Place::stormy(seed);
        let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
        let node = place.node_on(ledger, RpcSettings::ROUGH);
        // Four callers with two keys, one process of which crashes somewhere and starts again.
        let call = |process: &str, to: &str, key: &'static str| {
            let (node, submit) = (Arc::clone(&node), place.pay(to, 5));
            place.weave.spawn(process, async move {
                for _ in 0..40 {
                    match node.send(submit.clone(), &key.into()).await {
                        Err(e) if e.is_unknown_outcome() || e.next == Next::Later => {}
                        done => return done,
                    }
                }
                panic!("forty times nothing")
            })
        };
        place.weave.crash_after("weak", seed % 60);
        let weak = [call("weak", "bob", "one"), call("weak", "carol", "two")];
        let strong = [call("strong", "bob", "one"), call("strong", "carol", "two")];
        for (task, to) in strong.into_iter().zip(["bob", "carol"]) {
            let mined = place.weave.run(task).unwrap().unwrap().unwrap();
            assert!(mined.output.is_ok(), "seed {seed}: {mined:?}");
            assert_eq!(place.chain.balance(&place.person(to), &place.token), 5, "seed {seed}");
        }
        drop(weak);
        place.weave.run_for(400_000).unwrap();
        assert_eq!(place.chain.nonce(&place.payer), 2, "seed {seed}: two transactions, never a third");
        place.chain.check_conservation().unwrap();
        storms += place.chain.reorgs() + place.weave.crashes();
    }
    assert!(storms > 100, "there was a storm");
}

#[test]
fn the_same_seed_makes_the_same_blocks() {
    let run = |seed| {
        let place = Place::stormy(seed);
        let node = place.node_on(Arc::new(MemoryLedger::new()), RpcSettings::ROUGH);
        let keys = ["a", "b", "c", "d"];
        let pay = |key: &'static str| node.send(place.pay(key, 3), &*Box::leak(Box::new(key.into()))).boxed();
        let ends = place.weave.run(place.weave.braid(keys.map(pay))).unwrap();
        (ends, place.chain.picture(), place.chain.events(), place.chain.head(), place.weave.fingerprint())
    };
    for seed in 0..10 {
        assert_eq!(run(seed), run(seed), "seed {seed}");
    }
    assert_ne!(run(1).4, run(2).4);
}

#[test]
fn a_tariff_prices_what_the_chain_takes() {
    let mut settings = SimSettings::calm("sim:1").unwrap();
    settings.fees.walk_per_mille = 0;
    settings.fees.l1_per_byte = 1_000_000;
    let place = Place::new(13, settings);
    let node = place.node();
    let submit = place.pay("bob", 5);
    let tariff = place.weave.run(node.tariff(Purpose::Interactive, &[])).unwrap().unwrap();
    assert!(tariff.valid_until() > tariff.taken_at());
    let mined = place.weave.run(node.send(submit.clone(), &"k".into())).unwrap().unwrap();
    let sample = node.sample(&SimCall { from: Some(place.payer), ..submit.call });
    let work = Work::new(tollway_core::Bearer::Settler, "transfer", mined.gas_used, sample);
    let cost = tariff.price(&work).unwrap();
    assert_eq!(cost.total(), mined.cost_atomic);
    let parts: Vec<Part> = cost.parts.iter().map(|(p, _)| *p).collect();
    assert_eq!(parts, [Part::Execution, Part::Priority, Part::L1Data]);
    let floor = place.weave.run(node.tariff(Purpose::Floor, &[])).unwrap().unwrap();
    assert!(floor.price(&work).unwrap().total() < cost.total());
    let mut huge = work;
    (huge.compute, huge.creates_bytes) = (u64::MAX, vec![u32::MAX; 3]);
    assert!(tariff.price(&huge).unwrap().total() > cost.total());
}

#[test]
fn a_chain_may_stand_for_one_of_another_family() {
    let clock = Arc::new(VirtualClock::at(Time::ZERO));
    let settings = SimSettings::calm("eip155:8453").unwrap();
    let chain = SimChain::new(settings, clock, &SeededDice::new(1)).unwrap();
    assert_eq!(chain.token("dollar").unwrap().chain, chain.id());
    assert_eq!(chain.coin().chain.as_str(), "eip155:8453");
}

#[test]
fn keys_show_no_secret_and_addresses_have_one_spelling() {
    let key = SimKey::named("alice");
    let secret = hex::encode(key.secret());
    assert!(!format!("{key:?}").contains(secret.get(..8).unwrap()));
    let chain = tollway_core::ChainId::new("sim:1").unwrap();
    let address = key.account(chain).unwrap();
    let shown = (FAMILY.display)(address.address());
    assert_ne!(shown, address.address());
    assert_eq!(FAMILY.account(chain, &shown).unwrap(), address);
    for bad in ["", "0x", "0x12", "native", "alice", &"0x".repeat(21), &format!("{shown}0")] {
        assert_eq!(FAMILY.account(chain, bad).unwrap_err().code, Code::InvalidAddress, "{bad}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However the fee walks, it takes no step longer than an eighth, and none out of bounds.
    #[test]
    fn the_fee_walks_within_bounds(seed: u64, base in 0u128..u128::MAX / 4, walk: u16, floor in 0u128..1_000_000, span: u64) {
        let mut settings = SimSettings::calm("sim:1").unwrap();
        settings.fees = FeeSettings { base, floor, cap: floor + u128::from(span), walk_per_mille: walk, ..settings.fees };
        let clock = Arc::new(VirtualClock::at(Time::ZERO));
        let chain = SimChain::new(settings, clock.clone(), &SeededDice::new(seed)).unwrap();
        let mut last = chain.head().base_fee;
        for block in 1..100 {
            clock.advance(2_000);
            let head = chain.head();
            prop_assert_eq!(head.number, block);
            prop_assert!(head.base_fee.abs_diff(last) <= last / 8, "{} after {}", head.base_fee, last);
            prop_assert!((floor..=floor + u128::from(span)).contains(&head.base_fee));
            last = head.base_fee;
        }
    }

    /// Whatever is done in whatever order, nothing comes from nowhere, and nothing goes there.
    #[test]
    fn value_is_conserved(seed: u64, acts in prop::collection::vec((0u8..7, 0u64..4, 0u128..400), 1..60)) {
        let place = Place::stormy(seed);
        let node = place.node_on(Arc::new(MemoryLedger::new()), RpcSettings::ROUGH);
        let people = ["bob", "carol", "dave", "erin"];
        for (at, (act, who, n)) in acts.into_iter().enumerate() {
            let name = people[usize::try_from(who).unwrap()];
            let submit = match act {
                0 => place.pay(name, n * 10_000),
                1 => submit(SimCall { value_atomic: n, ..SimCall::new(place.person(name), Vec::new()) }),
                2 => submit(SimCall::new(place.program(), TokenCall::TransferWithAuthorization(
                    place.authorization(name, n, &format!("n{}", n % 5))).encode())),
                3 => submit(SimCall::new(place.program(), b"nonsense".to_vec())),
                4 => { place.chain.endow(&place.person(name), &place.token, n).unwrap(); continue }
                5 => { place.chain.reorg(u32::try_from(who).unwrap().min(2)).unwrap(); continue }
                _ => { place.weave.run_for(u64::try_from(n).unwrap() * 20).unwrap(); continue }
            };
            let node = Arc::clone(&node);
            place.weave.spawn("payer", async move { node.send(submit, &format!("k{at}").into()).await });
            place.chain.check_conservation().unwrap();
        }
        place.weave.run_for(600_000).unwrap();
        place.chain.check_conservation().unwrap();
        let (sent, nonce) = (place.chain.transactions(), place.chain.nonce(&place.payer));
        prop_assert_eq!(u64::try_from(sent.len()).unwrap(), nonce, "each nonce once");
        let events: usize = sent.iter().map(|m| m.events.len()).sum();
        prop_assert_eq!(place.chain.events().len(), events);
    }
}

#[test]
fn weaves_do_not_share_anything() {
    let (a, b) = (Place::calm(1), Place::calm(1));
    a.weave.run(a.node().send(a.pay("bob", 5), &"k".into())).unwrap().unwrap();
    assert_eq!(b.chain.nonce(&b.payer), 0);
    assert_eq!(Weave::new(1).seed(), 1);
}
