//! On real surfpool: the three roles together, with real tokens, real fees and real expiry.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tollway_core::ledger::MemoryLedger;
use tollway_core::*;
use tollway_devnet::{Devnet, SolanaAccount, SolanaChain, SolanaToken};
use tollway_exact_spl::ENTRY;
use tollway_solana::{FAMILY, LocalKey, SolanaNetwork};

struct WallClock;
#[async_trait]
impl Clock for WallClock {
    fn now(&self) -> Time {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Time::from_ms(u64::try_from(since.as_millis()).unwrap())
    }
    async fn sleep(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

/// Random enough: no two payments of one run are the same.
struct ClockDice;
impl Dice for ClockDice {
    fn fill(&self, out: &mut [u8]) {
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        out.iter_mut().zip(nanos.to_le_bytes()).for_each(|(place, byte)| *place = byte);
    }
}

fn key(account: &SolanaAccount) -> Arc<LocalKey> {
    Arc::new(LocalKey::from_base58(&account.private_key()).unwrap())
}

const PRICE: u64 = 10_000;

/// One house that pays, sells and settles.
struct House<'a> {
    chain: &'a SolanaChain,
    net: Arc<SolanaNetwork>,
    ledger: Arc<MemoryLedger>,
    cell: Registry,
}

impl<'a> House<'a> {
    async fn open(devnet: &'a Devnet, settings: serde_json::Value) -> Self {
        let chain = devnet.solana().unwrap();
        let (ledger, clock) = (Arc::new(MemoryLedger::default()), Arc::new(WallClock));
        let accounts = chain.accounts();
        let net = SolanaNetwork::builder(ledger.clone(), clock.clone())
            .url(chain.http_url())
            .push_url(chain.ws_url())
            .payer(key(accounts.payer(0)))
            .fee_payer(key(accounts.settler(0)))
            .connect()
            .await
            .unwrap();
        let cell = Registry::builder()
            .with(ENTRY)
            .family(FAMILY)
            .network(net.handle())
            .settings("exact-spl", settings)
            .role(Role::Payer)
            .role(Role::Seller)
            .role(Role::Settler)
            .build(ledger.clone(), clock, Arc::new(ClockDice))
            .unwrap();
        tokio::time::sleep(Duration::from_millis(150)).await; // the line for pushes comes up beside
        Self { chain, net, ledger, cell }
    }
    fn cell(&self) -> &Cell {
        self.cell.cells().next().unwrap()
    }
    fn paying(&self) -> &dyn Payer {
        &**self.cell().payer.as_ref().unwrap()
    }
    fn settling(&self) -> &dyn Settler {
        &**self.cell().settler.as_ref().unwrap()
    }
    async fn requirement(&self, token: &SolanaToken, merchant: usize) -> Requirement {
        let kind = self.settling().kinds().await.unwrap().remove(0);
        let chain = self.net.id();
        let price = Price {
            ceiling: Ceiling(Amount::new(FAMILY.asset(chain, token.mint).unwrap(), PRICE.into())),
            pay_to: FAMILY.account(chain, self.chain.accounts().merchant(merchant).address()).unwrap(),
            timeout_s: 60,
            flow: Flow::Authorization,
            chain,
        };
        self.cell().seller.as_ref().unwrap().offer(&price, &kind).unwrap().requirement
    }
    async fn plan(&self, r: &Requirement) -> Result<Plan> {
        let challenge = challenge(r);
        self.paying().plan(&Demand { challenge: &challenge, requirement: r, now: WallClock.now() }).await
    }
    async fn authorize(&self, r: &Requirement, plan: Plan) -> Authorization {
        let (challenge, now) = (challenge(r), WallClock.now());
        let demand = Demand { challenge: &challenge, requirement: r, now };
        let id = format!("{now:?}");
        let reserved = Reserved::new(&*self.ledger, HoldId(id.clone()), &[], plan, now).await.unwrap();
        self.paying().authorize(&demand, &reserved, &AttemptId(id)).await.unwrap()
    }
    async fn verify(&self, order: &Order) -> Result<Verified> {
        flow::verify(ENTRY.read, self.settling(), order.clone(), &WallClock).await
    }
    async fn settle(&self, verified: Verified) -> Result<Receipt> {
        let price = verified.order().requirement.price;
        self.settling().settle(verified.due(price.full())?).await
    }
    async fn settler_lamports(&self) -> u64 {
        self.chain.lamports(self.chain.accounts().settler(0).address()).await.unwrap()
    }
    /// What the works of an effort cost by the tariff of now, in lamports.
    async fn predicted(&self, effort: &Effort) -> u128 {
        let touching: Vec<Account> = network::touched(effort).copied().collect();
        let tariff = self.net.tariff(Purpose::Interactive, &touching).await.unwrap();
        effort.works.iter().map(|work| tariff.price(work).unwrap().total()).sum()
    }
}

fn challenge(r: &Requirement) -> Challenge {
    let accepts = vec![Entry { raw: r.raw.clone(), requirement: Ok(r.clone()) }];
    Challenge { version: r.version, accepts, resource: None, extensions: None, error: None }
}
fn order(r: &Requirement, sent: &Authorization) -> Order {
    Order { leg: Leg::After, requirement: r.clone(), payment: sent.payment.clone() }
}
async fn devnet() -> Devnet {
    Devnet::builder().chains([]).solana().start().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paid_as_predicted_to_the_lamport_in_one_and_two_round_trips() {
    let devnet = devnet().await;
    let house = House::open(&devnet, serde_json::Value::Null).await;
    let mut fewest = u64::MAX;
    for (level, token) in
        [(1_000, SolanaToken::USDC), (250_000, SolanaToken::PLAIN_2022), (90, SolanaToken::USDC)]
    {
        house.chain.set_priority_fee(level);
        let merchant = house.chain.accounts().merchant(0).address();
        let held = house.chain.token_balance(merchant, &token).await.unwrap().unwrap();
        let r = house.requirement(&token, 0).await;
        house.plan(&r).await.unwrap();
        // The snapshots follow the market in the background.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        house.chain.reset_counts();
        let plan = house.plan(&r).await.unwrap();
        let predicted = house.predicted(&plan.effort).await;
        let sent = house.authorize(&r, plan).await;
        let order = order(&r, &sent);
        let before = house.settler_lamports().await;
        house.chain.reset_counts();
        let verified = house.verify(&order).await.unwrap();
        assert!(house.chain.counts().http_requests <= 1, "{:?}", house.chain.counts());
        house.chain.reset_counts();
        let receipt = house.settle(verified).await.unwrap();
        fewest = fewest.min(house.chain.counts().http_requests);
        let paid = u128::from(before - house.settler_lamports().await);
        assert_eq!((paid, receipt.spent.unwrap().cost.atomic), (predicted, predicted), "at {level}");
        let made = house.settling().effort(&order).await.unwrap();
        let fees: u128 = made.fees.iter().map(|fee| fee.amount.atomic).sum();
        assert_eq!(house.predicted(&made).await + fees, paid, "the effort of the payment itself");
        assert_eq!(house.chain.token_balance(merchant, &token).await.unwrap().unwrap(), held + PRICE);
        let again = house.verify(&order).await.unwrap_err();
        assert!(matches!(again.code, Code::NonceUsed), "{again}");
        match house.paying().resolve(&sent).await.unwrap() {
            Fate::Settled(found) => assert_eq!(found.landed, receipt.landed),
            other => panic!("{other:?}"),
        }
    }
    // A busy machine may send once more meanwhile; a quiet one sends, and is told.
    assert!(fewest <= 2, "{fewest}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_account_is_refused_or_made_for_its_predicted_rent() {
    let devnet = devnet().await;
    let strict = House::open(&devnet, serde_json::Value::Null).await;
    let r = strict.requirement(&SolanaToken::USDC, 1).await;
    assert_eq!(strict.plan(&r).await.unwrap_err().code, Code::TokenAccountMissing);
    let house = House::open(&devnet, serde_json::json!({"open_accounts": true})).await;
    for token in [SolanaToken::USDC, SolanaToken::PLAIN_2022] {
        let r = house.requirement(&token, 1).await;
        let plan = house.plan(&r).await.unwrap();
        let predicted = house.predicted(&plan.actions[0].effort).await;
        let payer = house.chain.accounts().payer(0).address();
        let before = house.chain.lamports(payer).await.unwrap();
        let receipt = house.paying().perform(&plan.actions[0]).await.unwrap();
        let paid = u128::from(before - house.chain.lamports(payer).await.unwrap());
        assert_eq!((paid, receipt.spent.unwrap().cost.atomic), (predicted, predicted), "{}", token.name);
        let sent = house.authorize(&r, plan).await;
        let verified = house.verify(&order(&r, &sent)).await.unwrap();
        house.settle(verified).await.unwrap();
        let merchant = house.chain.accounts().merchant(1).address();
        assert_eq!(house.chain.token_balance(merchant, &token).await.unwrap(), Some(PRICE));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_withholds_a_fee_is_not_paid_with() {
    let devnet = devnet().await;
    let house = House::open(&devnet, serde_json::Value::Null).await;
    let r = house.requirement(&SolanaToken::FEE_2022, 0).await;
    assert_eq!(house.plan(&r).await.unwrap_err().code, Code::TokenTransferFee);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_sent_before_its_blockhash_was_too_old_is_dead_and_said_so() {
    let devnet = devnet().await;
    let house = House::open(&devnet, serde_json::Value::Null).await;
    let r = house.requirement(&SolanaToken::USDC, 0).await;
    let sent = house.authorize(&r, house.plan(&r).await.unwrap()).await;
    let unseen = house.authorize(&r, house.plan(&r).await.unwrap()).await;
    assert_eq!(house.paying().resolve(&sent).await.unwrap(), Fate::Open { cancel: None });
    let verified = house.verify(&order(&r, &sent)).await.unwrap();
    house.chain.expire_blockhashes().await.unwrap();
    let late = house.verify(&order(&r, &unseen)).await.unwrap_err();
    assert_eq!(late.code, Code::BlockhashNotFound, "{late}");
    // Verified in time, and too late all the same: it is not settled, and that is certain.
    let refused = house.settle(verified).await.unwrap_err();
    let held = house.chain.usdc_balance(house.chain.accounts().merchant(0).address()).await.unwrap().unwrap();
    let fate = house.settling().resume(&order(&r, &sent), None).await;
    assert!(
        matches!(fate, Ok(Fate::Dead | Fate::NotYetKnown { .. } | Fate::Open { .. })),
        "{refused}, then {fate:?}"
    );
    assert_eq!(house.paying().resolve(&sent).await.unwrap(), Fate::Dead);
    let now = house.chain.usdc_balance(house.chain.accounts().merchant(0).address()).await.unwrap().unwrap();
    assert_eq!(now, held);
}
