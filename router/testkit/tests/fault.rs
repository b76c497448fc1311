//! Fault wrappers: the same seed, the same faults; and what each trait promises is kept.

mod sim_world;

use futures::FutureExt;
use sim_world::Place;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use tollway_core::ledger::MemoryLedger;
use tollway_core::*;
use tollway_testkit::fault::*;
use tollway_testkit::sim::{At, RpcSettings, Sent, Sim, SimCall};
use tollway_testkit::weave::{VirtualClock, Weave};

/// Answers what it is asked, and counts.
#[derive(Default)]
struct Fake {
    calls: AtomicU64,
    refuses: bool,
}

impl Fake {
    fn call(&self) -> u64 {
        self.calls.fetch_add(1, SeqCst) + 1
    }
    fn calls(&self) -> u64 {
        self.calls.load(SeqCst)
    }
}

const NOW: Time = Time::from_secs(1_000);

fn chain() -> ChainId {
    ChainId::new("sim:1").unwrap()
}
fn coin() -> AssetId {
    AssetId::native(chain())
}

// The wrappers also take trait objects.
fn oracle(of: Arc<Fake>) -> Arc<dyn Oracle> {
    of
}
fn settler(of: Arc<Fake>) -> Arc<dyn Settler> {
    of
}
fn payer(of: Arc<Fake>) -> Arc<dyn Payer> {
    of
}
fn network(of: Arc<impl Network + 'static>) -> Arc<dyn Network> {
    of
}
fn sim(of: Arc<impl Sim + 'static>) -> Arc<dyn Sim> {
    of
}

#[async_trait]
impl Oracle for Fake {
    async fn usd(&self, _: &AssetId) -> Result<UsdPrice> {
        let at = NOW.plus_ms(self.call());
        Ok(UsdPrice { answer: 1_000_000, answer_decimals: 6, asset_decimals: 18, at })
    }
}

#[async_trait]
impl Settler for Fake {
    async fn kinds(&self) -> Result<Vec<Kind>> {
        self.call();
        Ok(Vec::new())
    }
    async fn effort(&self, _: &Order) -> Result<Effort> {
        self.call();
        Ok(Effort::default())
    }
    async fn verify(&self, _: &Order) -> Result<Proof> {
        if self.refuses { Err(Error::payer(Code::InvalidSignature)) } else { Ok(Proof::default()) }
    }
    async fn settle(&self, due: Due) -> Result<Receipt> {
        let transaction = TxId(format!("0x{}", self.call()));
        let landed = Landed::OnChain { transaction };
        let (charged, chain, extra) = (due.charge().amount(), chain(), Extra::default());
        Ok(Receipt { landed, charged, payer: None, chain, spent: None, extra })
    }
    async fn resume(&self, _: &Order, _: Option<Amount>) -> Result<Fate> {
        self.call();
        Ok(Fate::Dead)
    }
}

#[async_trait]
impl Payer for Fake {
    async fn plan(&self, _: &Demand<'_>) -> Result<Plan> {
        self.call();
        Ok(plan())
    }
    async fn perform(&self, _: &Action) -> Result<Receipt> {
        self.call();
        Err(Error::payer(Code::Internal))
    }
    async fn authorize(&self, _: &Demand<'_>, _: &Reserved, attempt: &AttemptId) -> Result<Authorization> {
        self.call();
        Ok(Authorization { payment: order().payment, attempt: attempt.clone(), spendable_until: NOW })
    }
    async fn receive(&self, _: &Authorization, _: Answer<'_>) -> Result<Reading> {
        self.call();
        Ok(Reading::Resolve)
    }
    async fn resolve(&self, _: &Authorization) -> Result<Fate> {
        self.call();
        Ok(Fate::Dead)
    }
}

fn plan() -> Plan {
    let price = Ceiling(Amount::new(coin(), 10));
    let (actions, effort) = (Vec::new(), Effort::default());
    Plan { exposure: price, price, locks_atomic: 0, spendable_until: NOW, actions, effort, funds: None }
}

fn order() -> Order {
    let requirement = Requirement {
        version: Version::V2,
        scheme: Name::new("toy").unwrap(),
        method: None,
        chain: chain(),
        price: Ceiling(Amount::new(coin(), 10)),
        pay_to: Account::new(chain(), "seller").unwrap(),
        timeout_s: 60,
        flow: Flow::Authorization,
        extra: Extra::default(),
        raw: Json::empty(),
    };
    let (payload, extensions, resource) = (Json::empty(), None, None);
    let payment = Payment { accepted: requirement.clone(), payload, extensions, resource };
    Order { leg: Leg::After, requirement, payment }
}

fn read(order: &Order) -> Result<Terms> {
    Ok(Terms {
        payer: None,
        payee: order.requirement.pay_to,
        ceiling: order.requirement.price,
        replay: vec!["n".into()],
        not_before: Time::ZERO,
        settle_before: Time::FAR,
    })
}

async fn due(clock: &VirtualClock) -> Due {
    let verified = flow::verify(read, &Fake::default(), order(), clock).await.unwrap();
    let charge = verified.terms().ceiling.full();
    verified.due(charge).unwrap()
}

fn only(field: fn(&mut FaultPlan) -> &mut u16, per_mille: u16) -> FaultPlan {
    let mut plan = FaultPlan { slow_ms: 100, ..FaultPlan::NONE };
    *field(&mut plan) = per_mille;
    plan
}

#[test]
fn the_same_seed_makes_the_same_faults_and_another_others() {
    let run = |seed| {
        let weave = Weave::new(1);
        let faults = Faults::new(FaultPlan::LYING, weave.clock(), seed);
        let oracle = FaultyOracle::new(Arc::new(Fake::default()), &faults);
        let answers = weave.run(async {
            let mut answers = Vec::new();
            for _ in 0..200 {
                answers.push(oracle.usd(&coin()).await);
            }
            answers
        });
        (answers.unwrap(), faults.injected(), weave.clock().now())
    };
    assert_eq!(run(5), run(5));
    assert_ne!(run(5).0, run(6).0);
    let Injected { slow, before, after, stale, duplicate, lies, .. } = run(5).1;
    for (what, count) in [slow, before, after, stale, duplicate, lies].into_iter().enumerate() {
        assert!((1..40).contains(&count), "fault {what}: {count}");
    }
}

#[test]
fn without_faults_nothing_changes_but_the_pace() {
    let weave = Weave::new(2);
    let faults = Faults::new(FaultPlan::NONE, weave.clock(), 1);
    let (fake, begin) = (Arc::new(Fake::default()), weave.clock().now());
    let oracle: Arc<dyn Oracle> = Arc::new(FaultyOracle::new(oracle(fake.clone()), &faults));
    for n in 1..50 {
        assert_eq!(weave.run(oracle.usd(&coin())).unwrap().unwrap().at, NOW.plus_ms(n));
    }
    assert_eq!((fake.calls(), faults.injected(), weave.clock().now()), (49, Injected::default(), begin));
    assert!(weave.steps() >= 49 * 3, "it gives way at both ends of each call");
}

#[test]
fn each_fault_of_a_read_does_what_it_says() {
    let ask = |plan: FaultPlan| {
        let weave = Weave::new(3);
        let (fake, faults) = (Arc::new(Fake::default()), Faults::new(plan, weave.clock(), 1));
        let oracle = FaultyOracle::new(fake.clone(), &faults);
        let begin = weave.clock().now();
        let answers = [(); 2].map(|()| weave.run(oracle.usd(&coin())).unwrap());
        let took = weave.clock().now().ms_since(begin);
        faults.cease();
        assert!(weave.run(oracle.usd(&coin())).unwrap().is_ok(), "the storm is over");
        (answers, fake.calls() - 1, took)
    };
    let ([first, _], calls, took) = ask(only(|p| &mut p.slow_per_mille, 1000));
    assert!(first.is_ok() && calls == 2 && (2..=200).contains(&took));
    let ([first, _], calls, _) = ask(only(|p| &mut p.before_per_mille, 1000));
    assert_eq!((first.unwrap_err().next, calls), (Next::Later, 0));
    let ([first, _], calls, _) = ask(only(|p| &mut p.after_per_mille, 1000));
    assert_eq!((first.unwrap_err().next, calls), (Next::Later, 2));
    let ([first, second], calls, _) = ask(only(|p| &mut p.stale_per_mille, 1000));
    assert_eq!((first, calls), (second, 1));
    let ([first, _], calls, _) = ask(only(|p| &mut p.duplicate_per_mille, 1000));
    assert_eq!((first.unwrap().at, calls), (NOW.plus_ms(2), 4));
    let ([first, _], calls, _) = ask(only(|p| &mut p.lying_per_mille, 1000));
    let price = first.unwrap();
    assert!(price.answer != 1_000_000 && price.at == NOW.plus_ms(1) && calls == 2);
}

#[test]
fn a_settler_settles_at_most_once_and_never_calls_that_nothing() {
    let (mut later, mut unknown, mut named, mut fine) = (0, 0, 0, 0);
    for seed in 0..400 {
        let weave = Weave::new(seed);
        let plan = FaultPlan { before_per_mille: 300, after_per_mille: 300, ..FaultPlan::ROUGH };
        let (fake, faults) = (Arc::new(Fake::default()), Faults::new(plan, weave.clock(), seed));
        let settler = FaultySettler::new(settler(fake.clone()), &faults);
        let clock = weave.clock();
        let settled = weave.run(async { settler.settle(due(&clock).await).await }).unwrap();
        match settled {
            Ok(receipt) => {
                fine += 1;
                assert_eq!((fake.calls(), receipt.charged.atomic), (1, 10));
            }
            Err(Error { next: Next::Later, .. }) => {
                later += 1;
                assert_eq!(fake.calls(), 0, "seed {seed}");
            }
            Err(e) => {
                let Next::Unknown(tx) = e.next else { panic!("{e}") };
                unknown += 1;
                named += u32::from(tx.is_some());
                assert_eq!(fake.calls(), 1);
            }
        }
    }
    assert!(later > 50 && unknown > 50 && fine > 50 && named > 10 && named < unknown);
}

#[test]
fn a_lying_settler_vouches_for_anything_by_trust() {
    let weave = Weave::new(4);
    let faults = Faults::new(only(|p| &mut p.lying_per_mille, 1000), weave.clock(), 1);
    let settler = FaultySettler::new(Arc::new(Fake { refuses: true, ..Fake::default() }), &faults);
    assert!(weave.run(settler.verify(&order())).unwrap().unwrap().by_trust);
    let honest = FaultySettler::new(Arc::new(Fake::default()), &faults);
    assert!(!weave.run(honest.verify(&order())).unwrap().unwrap().by_trust, "no lie where the truth does");
    let clock = weave.clock();
    let receipt = weave.run(async { honest.settle(due(&clock).await).await }).unwrap().unwrap();
    assert_eq!(receipt.charged.atomic, 11);
    faults.cease();
    assert!(weave.run(settler.verify(&order())).unwrap().is_err());
}

#[test]
fn who_does_not_know_says_so_instead_of_being_stale() {
    let weave = Weave::new(5);
    let faults = Faults::new(only(|p| &mut p.stale_per_mille, 1000), weave.clock(), 1);
    let fake = Arc::new(Fake::default());
    let settler = FaultySettler::new(fake.clone(), &faults);
    let payer = FaultyPayer::new(payer(fake.clone()), &faults);
    let sent =
        Authorization { payment: order().payment, attempt: AttemptId("a".into()), spendable_until: NOW };
    for fate in [weave.run(settler.resume(&order(), None)), weave.run(payer.resolve(&sent))] {
        let Fate::NotYetKnown { ask_again } = fate.unwrap().unwrap() else { panic!("known") };
        assert!(ask_again > weave.clock().now());
    }
    assert_eq!(fake.calls(), 0);
}

#[test]
fn a_payer_signs_once_per_call_and_its_actions_end_unknown() {
    let (weave, fake) = (Weave::new(6), Arc::new(Fake::default()));
    let plan_ = FaultPlan { duplicate_per_mille: 1000, after_per_mille: 500, ..FaultPlan::NONE };
    let faults = Faults::new(plan_, weave.clock(), 1);
    let payer = FaultyPayer::new(fake.clone(), &faults);
    let challenge = Challenge {
        version: Version::V2,
        accepts: Vec::new(),
        resource: None,
        extensions: None,
        error: None,
    };
    let requirement = order().requirement;
    let demand = Demand { challenge: &challenge, requirement: &requirement, now: NOW };
    let ledger = MemoryLedger::new();
    let reserved = weave.run(Reserved::new(&ledger, "h".into(), &[], plan(), NOW)).unwrap().unwrap();
    for n in 1..=20 {
        let _ = weave.run(payer.authorize(&demand, &reserved, &AttemptId(n.to_string()))).unwrap();
        assert_eq!(fake.calls(), n, "once per call");
    }
    let action = Action {
        kind: ActionKind::Approve,
        chain: chain(),
        effort: Effort::default(),
        detail: Json::empty(),
    };
    let before = fake.calls();
    let ends: Vec<bool> = (0..20)
        .map(|_| weave.run(payer.perform(&action)).unwrap().unwrap_err().is_unknown_outcome())
        .collect();
    assert!(ends.contains(&true) && ends.contains(&false), "lost answers, and the payer's own refusals");
    assert_eq!(fake.calls() - before, 40, "twice each");
}

#[test]
fn a_ledger_under_faults_keeps_its_promises_when_it_is_asked_again() {
    for seed in 0..200 {
        let weave = Weave::new(seed);
        let plan = FaultPlan { before_per_mille: 200, after_per_mille: 200, ..FaultPlan::ROUGH };
        let inner: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
        let faults = Faults::new(plan, weave.clock(), seed);
        let ledger = Arc::new(FaultyLedger::new(Arc::clone(&inner), &faults));
        let worker = |me: u64| {
            let ledger = Arc::clone(&ledger);
            async move {
                let line = BudgetLine { budget: "b".into(), amount: 6, limit: 13, since: Time::ZERO };
                let hold = HoldId(format!("h{me}"));
                let reserved = again(|| ledger.reserve(&hold, std::slice::from_ref(&line), NOW, NOW)).await;
                let (print, keys, count) = (Print(format!("p{me}")), ["k".into()], "n".into());
                let claimed = again(|| ledger.claim(&keys, &print, NOW, NOW)).await;
                // Counting up by comparing and swapping, however often the answer is lost.
                loop {
                    let have = again(|| ledger.load(&count)).await.unwrap();
                    let mine = format!("{}/{me}", have.as_ref().map_or("", |r| r.value.as_str()));
                    if have.as_ref().is_some_and(|r| r.value.contains(&format!("/{me}"))) {
                        break;
                    }
                    let write = Write { key: "n".into(), expect: have.map(|r| r.version), value: Some(mine) };
                    let _ = ledger.store(&[write]).await;
                }
                (reserved.is_ok(), claimed.unwrap() != Claim::Replay)
            }
            .boxed()
        };
        let ends = weave.run(weave.braid((0..4).map(worker))).unwrap();
        assert_eq!(ends.iter().filter(|e| e.0).count(), 2, "seed {seed}: two of six fit into thirteen");
        assert_eq!(ends.iter().filter(|e| e.1).count(), 1, "seed {seed}: one has the key");
        let record = weave.run(inner.load(&"n".into())).unwrap().unwrap().unwrap();
        assert_eq!((record.version, record.value.matches('/').count()), (4, 4), "seed {seed}");
    }
}

/// Asks until the ledger answers.
async fn again<T, F: Future<Output = Result<T>>>(mut call: impl FnMut() -> F) -> Result<T> {
    loop {
        match call().await {
            Err(e) if e.code == Code::LedgerFailed => {}
            done => return done,
        }
    }
}

#[test]
fn a_repeated_claim_is_still_fresh() {
    let weave = Weave::new(8);
    let faults = Faults::new(only(|p| &mut p.duplicate_per_mille, 1000), weave.clock(), 1);
    let ledger = FaultyLedger::new(Arc::new(MemoryLedger::new()), &faults);
    let claim = || weave.run(ledger.claim(&["k".into()], &"p".into(), NOW, NOW)).unwrap().unwrap();
    assert_eq!((claim(), claim()), (Claim::Fresh, Claim::Same(None)));
}

#[test]
fn a_faulty_network_reads_like_the_inner_one_when_it_answers() {
    let place = Place::calm(9);
    let faults = Faults::new(FaultPlan::ROUGH, place.weave.clock(), 3);
    let network = FaultyNetwork::new(network(place.node()), &faults);
    let typed = FaultyNetwork::new(sim(place.node()), &faults);
    assert_eq!((network.id(), network.traits()), (place.node().id(), place.node().traits()));
    let (coin, mut answered) = (place.chain.coin(), 0);
    let have = place.chain.balance(&place.payer, &coin);
    for _ in 0..200 {
        let balances = place.weave.run(network.balances(&place.payer, &[place.token, coin])).unwrap();
        let view = place.weave.run(typed.view(&place.state_of("n"), At::Latest)).unwrap();
        let unseen = place.weave.run(network.outcome(&TxId("0x1".into()))).unwrap();
        match balances {
            Ok(balances) => {
                answered += 1;
                assert_eq!(balances, [Amount::new(place.token, 1_000_000), Amount::new(coin, have)]);
            }
            Err(e) => assert_eq!((e.blame, e.next), (Blame::Network, Next::Later)),
        }
        assert!(view.is_err() || view.unwrap().output == Ok(b"false".to_vec()));
        assert!(unseen.is_err() || unseen.unwrap() == Outcome::Unseen);
    }
    assert!(answered > 150 && answered < 200);
}

#[test]
fn a_lying_tariff_is_wrong_and_adds_up() {
    let place = Place::calm(10);
    let faults = Faults::new(only(|p| &mut p.lying_per_mille, 1000), place.weave.clock(), 3);
    let network = FaultyNetwork::new(place.node(), &faults);
    let work = Work::new(Bearer::Settler, "w", 50_000, Sample::default());
    let honest = place.weave.run(place.node().tariff(Purpose::Interactive, &[])).unwrap().unwrap();
    let crooked = place.weave.run(network.tariff(Purpose::Interactive, &[])).unwrap().unwrap();
    let (honest, crooked) = (honest.price(&work).unwrap(), crooked.price(&work).unwrap());
    assert_ne!(honest.total(), crooked.total());
    assert_eq!(crooked.total(), crooked.parts.iter().map(|(_, n)| n).sum::<u128>());
}

#[test]
fn one_key_sends_once_behind_every_fault_and_definite_errors_are_true() {
    let (mut definite, mut unknown) = (0, 0);
    for seed in 0..200 {
        let place = Place::stormy(seed);
        let plan = FaultPlan { before_per_mille: 150, after_per_mille: 150, ..FaultPlan::ROUGH };
        let faults = Faults::new(plan, place.weave.clock(), seed);
        let ledger: Arc<dyn Ledger> = Arc::new(FaultyLedger::new(Arc::new(MemoryLedger::new()), &faults));
        let node = place.node_on(ledger, RpcSettings::ROUGH);
        let network: Arc<dyn Sim> = Arc::new(FaultyNetwork::new(sim(node), &faults));
        let first = place.weave.run(network.send(place.pay("bob", 5), &"k".into())).unwrap();
        match &first {
            Err(e) if e.is_unknown_outcome() => unknown += 1,
            Err(_) => {
                definite += 1;
                place.weave.run_for(600_000).unwrap();
                assert_eq!(
                    place.chain.nonce(&place.payer),
                    0,
                    "seed {seed}: nothing was sent, and never will be"
                );
            }
            Ok(mined) => assert!(mined.output.is_ok()),
        }
        let mined = place.weave.run(async {
            loop {
                match network.sent(&"k".into()).await {
                    Ok(Sent::Mined(mined)) => return *mined,
                    _ => drop(network.send(place.pay("bob", 5), &"k".into()).await),
                }
            }
        });
        assert!(first.is_err() || first.unwrap().tx == mined.unwrap().tx);
        place.weave.run_for(600_000).unwrap();
        assert_eq!(place.chain.nonce(&place.payer), 1, "seed {seed}");
        assert_eq!(place.chain.balance(&place.person("bob"), &place.token), 5);
        place.chain.check_conservation().unwrap();
    }
    assert!(definite > 20 && unknown > 20, "{definite} definite, {unknown} unknown");
}

#[test]
fn nobody_says_that_nothing_was_sent_who_cannot_know() {
    let place = Place::calm(13);
    let disk: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let node = place.node_on(Arc::clone(&disk), RpcSettings::default());
    let mined = place.weave.run(node.send(place.pay("bob", 5), &"k".into())).unwrap().unwrap();
    let dead = Faults::new(only(|p| &mut p.before_per_mille, 1000), place.weave.clock(), 1);
    // A node that does not answer: the journal knows what was sent, and what was not.
    let silent = FaultyNetwork::new(Arc::clone(&node), &dead);
    let again =
        |key: &str| place.weave.run(silent.send(place.pay("bob", 5), &key.into())).unwrap().unwrap_err();
    assert_eq!(again("k").next, Next::Unknown(Some(mined.tx)));
    assert_eq!(again("other").next, Next::Later);
    let (asked, submit) = (Arc::clone(&node), place.pay("bob", 5));
    let first = place.weave.spawn("payer", async move { asked.send(submit, &"open".into()).await });
    place.weave.run_for(1).unwrap();
    let [open] = &*place.chain.waiting() else { panic!("one waits") };
    assert_eq!(again("open").next, Next::Unknown(Some(open.clone())));
    place.weave.run(first).unwrap().unwrap().unwrap();
    // A disk that does not answer: nobody knows.
    let blind = place.node_on(Arc::new(FaultyLedger::new(disk, &dead)), RpcSettings::default());
    let error = place.weave.run(blind.send(place.pay("bob", 5), &"k".into())).unwrap().unwrap_err();
    assert_eq!((error.code, error.next), (Code::LedgerFailed, Next::Unknown(None)));
    assert_eq!(place.chain.nonce(&place.payer), 2);
}

#[test]
fn a_wrapper_stands_where_the_chain_stood() {
    let place = Place::calm(12);
    let faults = Faults::new(FaultPlan::NONE, place.weave.clock(), 1);
    let faulty = Arc::new(FaultyNetwork::new(sim(place.node()), &faults));
    let handle = Handle::new(network(faulty.clone()), sim(faulty.clone()));
    assert_eq!(handle.network.id(), place.chain.id());
    assert_eq!(faulty.senders(), [place.payer]);
    let call = SimCall::new(place.program(), vec![1, 2, 3]);
    assert_eq!(faulty.sample(&call).bytes(), place.node().sample(&call).bytes());
    assert!(faulty.signed_by(&place.payer, b"m", &place.key.sign(b"m")));
    assert!(!faulty.signed_by(&place.payer, b"n", &place.key.sign(b"m")));
    assert_eq!(faulty.signer().unwrap_err().code, Code::NoSigner);
}
