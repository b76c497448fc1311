//! The whole plugin on a real local chain: anvil, a token with USDC's interface and words, tollway-evm in between.

use std::sync::Arc;
use std::time::Duration;
use tollway_cells::{Random, Wall, noted_and_never_sent, recovered};
use tollway_core::flow::SettleOnce;
use tollway_core::ledger::MemoryLedger;
use tollway_core::*;
use tollway_devnet::{ChainSpec, Devnet};
use tollway_evm::{EvmNetwork, FAMILY, LocalKey};
use tollway_exact_eip3009::ENTRY;

/// One process: payer 0's key, and settler `n`'s to send from.
struct House {
    registry: Registry,
    ledger: Arc<MemoryLedger>,
}

impl House {
    async fn open(devnet: &Devnet, settler: usize) -> Self {
        Self::over(devnet, settler, Arc::new(MemoryLedger::default())).await
    }
    async fn over(devnet: &Devnet, settler: usize, ledger: Arc<MemoryLedger>) -> Self {
        let chain = devnet.chain(8453).unwrap();
        let key =
            |account: &tollway_devnet::Account| Arc::new(LocalKey::from_hex(account.private_key()).unwrap());
        let evm = EvmNetwork::builder(ledger.clone(), Arc::new(Wall::default()))
            .url(chain.http_url())
            .payer(key(devnet.accounts().payer(0)))
            .sender(key(devnet.accounts().settler(settler)))
            .connect()
            .await
            .unwrap();
        let registry = [Role::Payer, Role::Seller, Role::Settler]
            .into_iter()
            .fold(Registry::builder().with(ENTRY).family(FAMILY).network(evm.handle()), |b, role| {
                b.role(role)
            })
            .build(ledger.clone(), Arc::new(Wall::default()), Arc::new(Random))
            .unwrap();
        Self { registry, ledger }
    }
    fn cell(&self) -> &Cell {
        self.registry.cells().next().unwrap()
    }
    fn payer(&self) -> &dyn Payer {
        &**self.cell().payer.as_ref().unwrap()
    }
    fn settler(&self) -> &dyn Settler {
        &**self.cell().settler.as_ref().unwrap()
    }
    async fn offer(&self, devnet: &Devnet, merchant: usize) -> Requirement {
        let (chain, spec) = (self.cell().chain, devnet.chain(8453).unwrap().spec());
        let price = Price {
            ceiling: Ceiling(Amount::new(FAMILY.asset(chain, spec.usdc).unwrap(), 10_000)),
            pay_to: FAMILY.account(chain, devnet.accounts().merchant(merchant).address()).unwrap(),
            timeout_s: 60,
            flow: Flow::Authorization,
            chain,
        };
        let kinds = self.settler().kinds().await.unwrap();
        self.cell().seller.as_ref().unwrap().offer(&price, &kinds[0]).unwrap().requirement
    }
    async fn authorize(&self, requirement: &Requirement) -> Authorization {
        let accepts = vec![Entry { raw: requirement.raw.clone(), requirement: Ok(requirement.clone()) }];
        let challenge =
            Challenge { version: Version::V2, accepts, resource: None, extensions: None, error: None };
        let demand = Demand { challenge: &challenge, requirement, now: Wall::default().now() };
        let plan = self.payer().plan(&demand).await.unwrap();
        let attempt = Random::attempt();
        let hold = HoldId(attempt.0.clone());
        let reserved = Reserved::new(&*self.ledger, hold, &[], plan, demand.now).await.unwrap();
        self.payer().authorize(&demand, &reserved, &attempt).await.unwrap()
    }
    fn once<'a>(&'a self, clock: &'a Wall) -> SettleOnce<'a> {
        SettleOnce {
            read: ENTRY.read,
            settler: self.settler(),
            ledger: &*self.ledger,
            clock,
            room: "visit/test",
            owner: "me",
            patience_ms: 5_000,
        }
    }
    async fn verify(&self, order: &Order) -> Result<Verified> {
        flow::verify(ENTRY.read, self.settler(), order.clone(), &Wall::default()).await
    }
    async fn settle(&self, verified: Verified) -> Result<Receipt> {
        let full = verified.order().requirement.price.full();
        self.settler().settle(verified.due(full)?).await
    }
}

fn order(sent: &Authorization) -> Order {
    Order { leg: Leg::After, requirement: sent.payment.accepted.clone(), payment: sent.payment.clone() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_verified_settled_and_found_again() {
    let devnet = Devnet::builder().chains([ChainSpec::BASE]).start().await.unwrap();
    let (chain, house) = (devnet.chain(8453).unwrap(), House::open(&devnet, 0).await);
    for (merchant, kind) in [(1, "a new payee"), (0, "a holder")] {
        let address = devnet.accounts().merchant(merchant).address();
        let before = chain.usdc_balance(address).await.unwrap();
        let sent = house.authorize(&house.offer(&devnet, merchant).await).await;
        let order = order(&sent);
        assert!(matches!(house.payer().resolve(&sent).await, Ok(Fate::Open { cancel: Some(_) })));
        let expected = house.settler().effort(&order).await.unwrap().works[0].compute;
        assert_eq!(expected > 100_000, merchant == 1, "{kind}: {expected} gas");
        let receipt = house.settle(house.verify(&order).await.unwrap()).await.unwrap();
        assert_eq!(chain.usdc_balance(address).await.unwrap(), before + 10_000, "{kind}");
        assert!(receipt.spent.unwrap().cost.atomic > 0);
        let Ok(Fate::Settled(resumed)) = house.settler().resume(&order, None).await else { panic!("{kind}") };
        assert_eq!(*resumed, receipt, "{kind}");
        let Ok(Fate::Settled(resolved)) = house.payer().resolve(&sent).await else { panic!("{kind}") };
        assert_eq!((&resolved.landed, resolved.charged), (&receipt.landed, receipt.charged), "{kind}");
        let reading = house.payer().receive(&sent, Answer::Receipt(&receipt)).await;
        assert_eq!(reading, Ok(Reading::Paid(receipt.charged)));
        assert_eq!(house.verify(&order).await.unwrap_err().code, Code::NonceUsed);
    }
    devnet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_else_may_be_faster_and_a_restart_finds_it() {
    let devnet = Devnet::builder().chains([ChainSpec::BASE]).start().await.unwrap();
    let (slow, fast) = (House::open(&devnet, 0).await, House::open(&devnet, 1).await);
    let sent = slow.authorize(&slow.offer(&devnet, 0).await).await;
    let order = order(&sent);
    let verified = slow.verify(&order).await.unwrap();
    let first = fast.settle(fast.verify(&order).await.unwrap()).await.unwrap();
    let second = slow.settle(verified).await.unwrap();
    assert_eq!(second.landed, first.landed, "one transfer, whoever sent it");
    let restarted = House::open(&devnet, 2).await;
    let Ok(Fate::Settled(found)) = restarted.settler().resume(&order, None).await else { panic!("settled") };
    assert_eq!((found.landed, found.spent), (first.landed, None));
    devnet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tokens_own_words_become_codes() {
    let devnet = Devnet::builder().chains([ChainSpec::BASE]).start().await.unwrap();
    let (chain, house) = (devnet.chain(8453).unwrap(), House::open(&devnet, 0).await);
    let payer = devnet.accounts().payer(0).address();
    let sent = house.authorize(&house.offer(&devnet, 0).await).await;
    let honest = order(&sent);
    let code = async || house.verify(&honest).await.map(|_| ()).map_err(|e| (e.code, e.blame));

    chain.pause_usdc(true).await.unwrap();
    assert_eq!(code().await, Err((Code::SimulationFailed, Blame::Network)));
    chain.pause_usdc(false).await.unwrap();
    chain.blacklist_usdc(payer, true).await.unwrap();
    assert_eq!(code().await, Err((Code::SimulationFailed, Blame::Payer)));
    chain.blacklist_usdc(payer, false).await.unwrap();
    chain.set_usdc_balance(payer, 9_999).await.unwrap();
    assert_eq!(code().await, Err((Code::InsufficientFunds, Blame::Payer)));
    chain.set_usdc_balance(payer, 1_000_000).await.unwrap();
    assert_eq!(code().await, Ok(()));

    let Ok(Fate::Open { cancel: Some(cancel) }) = house.payer().resolve(&sent).await else { panic!("open") };
    house.payer().perform(&cancel).await.unwrap();
    assert_eq!(code().await, Err((Code::NonceUsed, Blame::Payer)));
    assert_eq!(house.payer().resolve(&sent).await, Ok(Fate::Dead));
    assert_eq!(house.settler().resume(&honest, None).await, Ok(Fate::Dead));

    let late = house.authorize(&house.offer(&devnet, 0).await).await;
    chain.advance_time(Duration::from_secs(57)).await.unwrap();
    let e = house.settler().verify(&order(&late)).await.map(|_| ()).unwrap_err();
    assert_eq!(e.code, Code::Expired, "chain time is within the margin: {e}");
    assert!(matches!(house.payer().resolve(&late).await, Ok(Fate::Open { .. })));
    chain.advance_time(Duration::from_secs(10)).await.unwrap();
    assert_eq!(house.payer().resolve(&late).await, Ok(Fate::Dead));
    devnet.stop().await;
}

/// How many transactions a settler has sent.
async fn sent_from(devnet: &Devnet, settler: usize) -> u64 {
    let asked = serde_json::json!([devnet.accounts().settler(settler).address(), "pending"]);
    let count = devnet.chain(8453).unwrap().call("eth_getTransactionCount", asked).await.unwrap();
    u64::from_str_radix(count.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_noted_and_never_sent_is_sent_by_the_next_life_once() {
    let devnet = Devnet::builder().chains([ChainSpec::BASE]).start().await.unwrap();
    let (chain, house) = (devnet.chain(8453).unwrap(), House::open(&devnet, 0).await);
    let (clock, merchant) = (Wall::default(), devnet.accounts().merchant(0).address());
    let before = (chain.usdc_balance(merchant).await.unwrap(), sent_from(&devnet, 0).await);
    let order = order(&house.authorize(&house.offer(&devnet, 0).await).await);
    let once = house.once(&clock);
    noted_and_never_sent(&once, &order, 10_000).await;
    assert_eq!(house.settler().resume(&order, None).await, Ok(Fate::Open { cancel: None }), "only looked at");
    assert_eq!((chain.usdc_balance(merchant).await.unwrap(), sent_from(&devnet, 0).await), before);
    let (one, two) = tokio::join!(recovered(&once), recovered(&once));
    let receipt = one.first().or(two.first()).expect("settled");
    assert_eq!(receipt.charged, order.requirement.price.0);
    let after = (chain.usdc_balance(merchant).await.unwrap(), sent_from(&devnet, 0).await);
    assert_eq!(after, (before.0 + 10_000, before.1 + 1));
    // Where each of them took the record from the other, the next look ends it.
    recovered(&once).await;
    assert!(house.ledger.scan("visit/test", None, 9).await.unwrap().is_empty());
    let Ok(Fate::Settled(again)) = house.settler().resume(&order, None).await else { panic!("settled") };
    assert_eq!(again.landed, receipt.landed);
    devnet.stop().await;
}

/// As where one has taken over what another, which is alive after all, goes on with. Their accounts differ, so no nonce of theirs
/// decides; what the ledger has under the payment's key does.
#[tokio::test(flavor = "multi_thread")]
async fn two_over_one_ledger_that_are_both_told_send_once() {
    let devnet = Devnet::builder().chains([ChainSpec::BASE]).start().await.unwrap();
    let ledger = Arc::new(MemoryLedger::default());
    let (one, two) =
        (House::over(&devnet, 0, ledger.clone()).await, House::over(&devnet, 1, ledger.clone()).await);
    let before = sent_from(&devnet, 0).await + sent_from(&devnet, 1).await;
    for n in 1..=4 {
        let order = order(&one.authorize(&one.offer(&devnet, 0).await).await);
        let told = Some(order.requirement.price.0);
        let first = async { one.settle(one.verify(&order).await?).await };
        let (first, second) = tokio::join!(first, two.settler().resume(&order, told));
        let receipt = first.unwrap();
        // What the other is sending was found under way, or joined to its end.
        let found = match second.unwrap() {
            Fate::Settled(found) => found,
            _ => match two.settler().resume(&order, told).await {
                Ok(Fate::Settled(found)) => found,
                other => panic!("{other:?}"),
            },
        };
        assert_eq!(found.landed, receipt.landed, "one transaction for both");
        assert_eq!(sent_from(&devnet, 0).await + sent_from(&devnet, 1).await, before + n);
    }
    devnet.stop().await;
}
