//! The whole plugin on a real local chain: anvil, a token with USDC's interface and words, tollway-evm in between.

use std::sync::Arc;
use std::time::Duration;
use tollway_cells::{Random, Wall};
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
        let ledger = Arc::new(MemoryLedger::default());
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
