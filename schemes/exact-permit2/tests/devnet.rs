//! The whole plugin on a real local chain: anvil, the real Permit2, tokens of every kind, tollway-evm in between.

use alloy::primitives::U256;
use std::sync::Arc;
use tollway_cells::{Random, Wall};
use tollway_core::ledger::MemoryLedger;
use tollway_core::*;
use tollway_devnet::{Chain, ChainSpec, Devnet, PERMIT2, TokenSpec};
use tollway_evm::{EvmNetwork, FAMILY, LocalKey};
use tollway_exact_permit2::ENTRY;

/// One process. The payer's key signs, and sends too where it is to approve by itself.
struct House {
    registry: Registry,
    ledger: Arc<MemoryLedger>,
}

const PAYER: usize = 0;

impl House {
    async fn open(devnet: &Devnet, settler: usize, gas_sponsoring: &[&str], payer_sends: bool) -> Self {
        let ledger = Arc::new(MemoryLedger::default());
        let chain = devnet.chain(8453).unwrap();
        let key =
            |account: &tollway_devnet::Account| Arc::new(LocalKey::from_hex(account.private_key()).unwrap());
        let all = devnet.accounts();
        let mut builder = EvmNetwork::builder(ledger.clone(), Arc::new(Wall::default()))
            .url(chain.http_url())
            .payer(key(all.payer(PAYER)));
        builder = builder.sender(key(if payer_sends { all.payer(PAYER) } else { all.settler(settler) }));
        let evm = builder.connect().await.unwrap();
        let token = |spec: &TokenSpec| {
            let mut token = serde_json::json!({"chain": "eip155:8453", "address": spec.address});
            if let Some(version) = spec.permit_version {
                token["name"] = spec.name.into();
                token["version"] = version.into();
            }
            token
        };
        let tokens: Vec<_> = TokenSpec::ALL.iter().map(token).collect();
        let settings = serde_json::json!({"permit2": {"gas_sponsoring": gas_sponsoring, "tokens": tokens}});
        let registry = [Role::Payer, Role::Seller, Role::Settler]
            .into_iter()
            .fold(Registry::builder().with(ENTRY).family(FAMILY).network(evm.handle()), |b, role| {
                b.role(role)
            })
            .settings("exact", settings)
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
    fn seller(&self) -> &dyn Seller {
        &**self.cell().seller.as_ref().unwrap()
    }
    /// What a settler with these settings says it can do.
    fn kind(&self) -> Kind {
        futures::executor::block_on(self.settler().kinds()).unwrap().remove(0)
    }
    fn offer(&self, devnet: &Devnet, token: &str, atomic: u128) -> Offer {
        let chain = self.cell().chain;
        let price = Price {
            ceiling: Ceiling(Amount::new(FAMILY.asset(chain, token).unwrap(), atomic)),
            pay_to: FAMILY.account(chain, devnet.accounts().merchant(0).address()).unwrap(),
            timeout_s: 60,
            flow: Flow::Authorization,
            chain,
        };
        self.seller().offer(&price, &self.kind()).unwrap()
    }
    /// Plans, does what must be done first, and signs.
    async fn pay(&self, offer: &Offer) -> Result<(Authorization, Plan)> {
        let requirement = &offer.requirement;
        let challenge = Challenge {
            version: Version::V2,
            accepts: vec![Entry { raw: requirement.raw.clone(), requirement: Ok(requirement.clone()) }],
            resource: None,
            extensions: self.seller().extensions(offer, &self.kind()),
            error: None,
        };
        let demand = Demand { challenge: &challenge, requirement, now: Wall::default().now() };
        let plan = self.payer().plan(&demand).await?;
        for action in &plan.actions {
            self.payer().perform(action).await?;
        }
        let attempt = Random::attempt();
        let hold = HoldId(attempt.0.clone());
        let reserved = Reserved::new(&*self.ledger, hold, &[], plan.clone(), demand.now).await?;
        Ok((self.payer().authorize(&demand, &reserved, &attempt).await?, plan))
    }
    async fn verify(&self, order: &Order) -> Result<Verified> {
        flow::verify(ENTRY.read, self.settler(), order.clone(), &Wall::default()).await
    }
    async fn settle(&self, order: &Order) -> Result<Receipt> {
        let full = order.requirement.price.full();
        self.settler().settle(self.verify(order).await?.due(full)?).await
    }
}

async fn devnet() -> Devnet {
    Devnet::builder().chains([ChainSpec::BASE]).start().await.unwrap()
}

async fn held(chain: &Chain, token: &str, who: &str) -> u128 {
    if token == chain.usdc() { chain.usdc_balance(who).await } else { chain.token_balance(token, who).await }
        .unwrap()
}

/// Pays once and looks at everything: who holds how much, what both sides say became of it.
async fn paid(
    devnet: &Devnet,
    payer: &House,
    settler: &House,
    token: &str,
    atomic: u128,
) -> (Order, Receipt) {
    let chain = devnet.chain(8453).unwrap();
    let merchant = devnet.accounts().merchant(0).address();
    let before = held(chain, token, merchant).await;
    let (sent, _) = payer.pay(&settler.offer(devnet, token, atomic)).await.unwrap();
    let order = sent.order();
    let receipt = settler.settle(&order).await.unwrap();
    let reading = payer.payer().receive(&sent, Answer::Receipt(&receipt)).await;
    assert_eq!(reading, Ok(Reading::Paid(receipt.charged)));
    assert_eq!(held(chain, token, merchant).await, before + atomic);
    let Ok(Fate::Settled(resumed)) = settler.settler().resume(&order, None).await else { panic!("resumed") };
    // What coins for an approval cost beside is told once, by the settlement itself.
    assert_eq!(
        (&resumed.landed, resumed.charged, resumed.payer),
        (&receipt.landed, receipt.charged, receipt.payer)
    );
    let Ok(Fate::Settled(resolved)) = payer.payer().resolve(&sent).await else { panic!("resolved") };
    assert_eq!((&resolved.landed, resolved.charged), (&receipt.landed, receipt.charged));
    assert_eq!(settler.verify(&order).await.unwrap_err().code, Code::NonceUsed);
    (order, receipt)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_in_any_token_is_verified_settled_and_found_again() {
    let devnet = devnet().await;
    let (chain, house) = (devnet.chain(8453).unwrap(), House::open(&devnet, 0, &[], false).await);
    let payer = devnet.accounts().payer(PAYER).address();
    let tokens = [(chain.usdc(), 10_000), (TokenSpec::PLAIN.address, 10_000), (TokenSpec::SILENT.address, 7)];
    for (token, atomic) in tokens.into_iter().chain([(TokenSpec::EIGHTEEN.address, 10u128.pow(16))]) {
        chain.set_allowance(token, payer, PERMIT2, u128::MAX).await.unwrap();
        let (_, receipt) = paid(&devnet, &house, &house, token, atomic).await;
        assert!(receipt.spent.unwrap().cost.atomic > 0);
    }
    // One that keeps a fee is found out before any gas is spent.
    chain.set_allowance(TokenSpec::FEE.address, payer, PERMIT2, u128::MAX).await.unwrap();
    let (sent, _) = house.pay(&house.offer(&devnet, TokenSpec::FEE.address, 10_000)).await.unwrap();
    let sender = devnet.accounts().settler(0).address();
    let before = chain.native_balance(sender).await.unwrap();
    assert_eq!(house.settle(&sent.order()).await.unwrap_err().code, Code::TokenKeepsPart);
    assert_eq!(chain.native_balance(sender).await.unwrap(), before);
    devnet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_allowance_the_payer_is_told_or_sponsored() {
    let devnet = devnet().await;
    let chain = devnet.chain(8453).unwrap();
    let (strict, kind) =
        (House::open(&devnet, 0, &[], false).await, House::open(&devnet, 1, &["eip2612"], false).await);
    let usdc = chain.usdc();
    let e = strict.pay(&strict.offer(&devnet, usdc, 10_000)).await.unwrap_err();
    assert_eq!((e.code, e.next), (Code::AllowanceRequired, Next::OtherRoute));
    for token in [usdc, TokenSpec::PERMIT.address] {
        let (sent, plan) = kind.pay(&kind.offer(&devnet, token, 10_000)).await.unwrap();
        assert!(plan.actions.is_empty());
        let e = strict.verify(&sent.order()).await.unwrap_err();
        assert_eq!((e.code, e.next), (Code::AllowanceRequired, Next::Prepare), "for who does not sponsor it");
        for _ in 0..2 {
            let (order, _) = paid(&devnet, &kind, &kind, token, 10_000).await;
            assert!(order.payment.extensions.is_some(), "each payment brings its own permit");
        }
    }
    devnet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_approval_is_funded_and_sent_by_the_settler_once() {
    let devnet = devnet().await;
    let chain = devnet.chain(8453).unwrap();
    let payer = devnet.accounts().payer(PAYER).address();
    let house = House::open(&devnet, 0, &["erc20_approval"], false).await;
    chain.set_native_balance(payer, 0).await.unwrap();
    for (n, token) in [TokenSpec::PLAIN.address, TokenSpec::SILENT.address].into_iter().enumerate() {
        let (order, _) = paid(&devnet, &house, &house, token, 10_000).await;
        assert!(order.payment.extensions.is_some());
        assert_eq!(nonce(chain, payer).await, U256::from(n + 1), "the payer's own approval");
        let (order, _) = paid(&devnet, &house, &house, token, 10_000).await;
        assert_eq!(order.payment.extensions, None, "approved once and for all");
    }
    devnet.stop().await;
}

/// The nonce of an account's next transaction.
async fn nonce(chain: &Chain, account: &str) -> U256 {
    let count = chain.call("eth_getTransactionCount", serde_json::json!([account, "latest"])).await.unwrap();
    count.as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_keeps_a_part_is_found_out_behind_a_sponsored_approval_and_no_other_is_paid_for() {
    let devnet = devnet().await;
    let (chain, all) = (devnet.chain(8453).unwrap(), devnet.accounts());
    let (payer, sender, token) =
        (all.payer(PAYER).address(), all.settler(0).address(), TokenSpec::FEE.address);
    let house = House::open(&devnet, 0, &["erc20_approval"], false).await;
    chain.set_native_balance(payer, 0).await.unwrap();
    let (had, sent) = (held(chain, token, payer).await, nonce(chain, sender).await);
    let (first, _) = house.pay(&house.offer(&devnet, token, 10_000)).await.unwrap();
    let e = house.settle(&first.order()).await.unwrap_err();
    assert_eq!((e.code, e.blame), (Code::TokenKeepsPart, Blame::Payee));
    assert!(e.transaction.is_some() && e.spent.is_some_and(|spent| spent.atomic > 0), "the coins are told");
    assert_eq!(held(chain, token, payer).await, had, "no money of the payer's has moved");
    assert_eq!(nonce(chain, sender).await, sent + U256::ONE, "coins, and no settlement");
    assert_eq!(nonce(chain, payer).await, U256::ONE, "the approval");
    // Neither is any other paid for, whoever's it is.
    chain.set_allowance(token, payer, PERMIT2, 0).await.unwrap();
    let (second, _) = house.pay(&house.offer(&devnet, token, 10_000)).await.unwrap();
    assert!(second.payment.extensions.is_some(), "it brings an approval");
    assert_eq!(house.settle(&second.order()).await.unwrap_err().code, Code::TokenKeepsPart);
    assert_eq!((nonce(chain, sender).await, nonce(chain, payer).await), (sent + U256::ONE, U256::ONE));
    devnet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payer_with_coins_approves_by_itself() {
    let devnet = devnet().await;
    let (settler, payer) =
        (House::open(&devnet, 0, &[], false).await, House::open(&devnet, 0, &[], true).await);
    for token in [TokenSpec::PLAIN.address, TokenSpec::SILENT.address] {
        let (sent, plan) = payer.pay(&settler.offer(&devnet, token, 10_000)).await.unwrap();
        let [action] = &*plan.actions else { panic!("an approval") };
        settler.settle(&sent.order()).await.unwrap();
        let again = payer.payer().perform(action).await.unwrap();
        assert_eq!(again.landed, Landed::Nothing, "there already");
        let (_, plan) = payer.pay(&settler.offer(&devnet, token, 10_000)).await.unwrap();
        assert!(plan.actions.is_empty());
    }
    devnet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn verification_is_one_round_trip_and_settlement_two_at_most() {
    let devnet = devnet().await;
    let chain = devnet.chain(8453).unwrap();
    let payer = devnet.accounts().payer(PAYER).address();
    let house = House::open(&devnet, 0, &["eip2612"], false).await;
    for approved in [true, false] {
        let units = if approved { u128::MAX } else { 0 };
        chain.set_allowance(chain.usdc(), payer, PERMIT2, units).await.unwrap();
        let token = if approved { chain.usdc() } else { TokenSpec::PERMIT.address };
        // Warm: fees, nonce, balances.
        paid(&devnet, &house, &house, token, 10_000).await;
        let (sent, _) = house.pay(&house.offer(&devnet, token, 10_000)).await.unwrap();
        let order = sent.order();
        chain.reset_counts();
        let verified = house.verify(&order).await.unwrap();
        assert_eq!(chain.counts().of("eth_call"), 1, "approved: {approved}");
        assert_eq!(chain.counts().total(), 1, "approved: {approved}: {:?}", chain.counts());
        chain.reset_counts();
        let full = order.requirement.price.full();
        house.settler().settle(verified.due(full).unwrap()).await.unwrap();
        let sends =
            chain.counts().of("eth_sendRawTransactionSync") + chain.counts().of("eth_sendRawTransaction");
        assert_eq!(sends, 1);
        assert!(chain.counts().total() <= 2, "approved: {approved}: {:?}", chain.counts());
    }
    devnet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_else_may_be_faster_and_a_restart_finds_it() {
    let devnet = devnet().await;
    let chain = devnet.chain(8453).unwrap();
    let payer = devnet.accounts().payer(PAYER).address();
    chain.set_allowance(chain.usdc(), payer, PERMIT2, u128::MAX).await.unwrap();
    let (slow, fast) = (House::open(&devnet, 0, &[], false).await, House::open(&devnet, 1, &[], false).await);
    // Others of the same amount to the same payee stand around it in the logs.
    paid(&devnet, &fast, &fast, chain.usdc(), 10_000).await;
    let (sent, _) = slow.pay(&slow.offer(&devnet, chain.usdc(), 10_000)).await.unwrap();
    let order = sent.order();
    let verified = slow.verify(&order).await.unwrap();
    let first = fast.settle(&order).await.unwrap();
    paid(&devnet, &fast, &fast, chain.usdc(), 10_000).await;
    let second = slow.settler().settle(verified.due(order.requirement.price.full()).unwrap()).await.unwrap();
    assert_eq!(second.landed, first.landed, "one transfer, whoever sent it");
    let restarted = House::open(&devnet, 2, &[], false).await;
    let Ok(Fate::Settled(found)) = restarted.settler().resume(&order, None).await else { panic!("settled") };
    assert_eq!((found.landed, found.spent), (first.landed, None));
    devnet.stop().await;
}
