//! A scheme whose signatures are a count, so that a test can say how many were made.

use serde::Deserialize;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};
use tollway_core::ledger::MemoryLedger;
use tollway_core::*;
use tollway_route::{Policy, QuoteBook, QuoteSettings, Router, RouterBuilder};

pub(crate) const CHAIN: &str = "test:1";
pub(crate) const ASSET: &str = "coin";
pub(crate) const PAYEE: &str = "shop";
pub(crate) const PRICE: u128 = 10_000;
/// Stands in every payload; must be found nowhere else.
pub(crate) const SECRET: &str = "hush-hush";

const FAMILY: Family = Family {
    namespace: "test",
    address: |a| arrayvec::ArrayString::from(a).map_err(|_| Error::payee(Code::InvalidAddress)),
    display: |a| a.to_owned(),
    networks: &[KnownNetwork {
        chain: CHAIN,
        title: "Test",
        v1_name: Some("test-one"),
        coin: "T",
        coin_decimals: 18,
        testnet: true,
    }],
    assets: &[],
};

/// What the payer side has done, and what its chain says.
#[derive(Default)]
pub(crate) struct Wallet {
    pub(crate) signed: AtomicUsize,
    pub(crate) asked_chain: AtomicUsize,
    /// `None`: nobody knows yet.
    pub(crate) settled: Mutex<Option<u128>>,
    /// It can prove that nothing was taken and nothing will be.
    pub(crate) dead: AtomicBool,
}

impl Wallet {
    pub(crate) fn signatures(&self) -> usize {
        self.signed.load(Ordering::SeqCst)
    }
    pub(crate) fn chain_says_settled(&self) {
        *self.settled.lock().unwrap() = Some(PRICE);
    }
}

static WALLETS: LazyLock<Mutex<HashMap<u64, Arc<Wallet>>>> = LazyLock::new(Mutex::default);
static NEXT: AtomicU64 = AtomicU64::new(0);

#[derive(Deserialize, Default)]
struct Settings {
    wallet: u64,
}

const ENTRY: SchemeEntry = {
    let id = CellId { scheme: "fake", namespace: "test", methods: &[""] };
    let capability = Capability { needs_network: false, ..Capability::fixed(&[Flow::Authorization]) };
    SchemeEntry::new(id, capability, read).payer(|site| {
        let settings: Settings = site.settings()?;
        let wallet = Arc::clone(&WALLETS.lock().unwrap()[&settings.wallet]);
        Ok(Arc::new(FakePayer(wallet)))
    })
};

#[derive(Deserialize)]
struct Payload {
    n: usize,
    value: String,
}

fn read(order: &Order) -> Result<Terms> {
    let payload: Payload = order.payment.payload.read()?;
    let asset = order.requirement.price.asset();
    Ok(Terms {
        payer: None,
        payee: order.requirement.pay_to,
        ceiling: Ceiling(Amount::new(asset, Amount::parse_atomic(&payload.value)?)),
        replay: vec![ReplayKey(payload.n.to_string())],
        not_before: Time::from_secs(0),
        settle_before: Time::from_secs(u64::MAX / 2000),
    })
}

struct FakePayer(Arc<Wallet>);

#[async_trait]
impl Payer for FakePayer {
    async fn plan(&self, demand: &Demand<'_>) -> Result<Plan> {
        let price = demand.requirement.price;
        Ok(Plan {
            exposure: price,
            price,
            locks_atomic: 0,
            spendable_until: demand.now.plus_ms(60_000),
            actions: Vec::new(),
            effort: Effort::default(),
            funds: None,
        })
    }
    async fn perform(&self, _: &Action) -> Result<Receipt> {
        Err(Error::us(Code::UnsupportedMethod))
    }
    async fn authorize(
        &self,
        demand: &Demand<'_>,
        _: &Reserved,
        attempt: &AttemptId,
    ) -> Result<Authorization> {
        let n = self.0.signed.fetch_add(1, Ordering::SeqCst);
        let value = demand.requirement.price.atomic().to_string();
        Ok(Authorization {
            payment: Payment {
                accepted: demand.requirement.clone(),
                payload: Json::of(&serde_json::json!({ "n": n, "value": value, "signature": SECRET })),
                extensions: None,
                resource: demand.challenge.resource.clone(),
            },
            attempt: attempt.clone(),
            spendable_until: demand.now.plus_ms(60_000),
        })
    }
    async fn receive(&self, sent: &Authorization, answer: Answer<'_>) -> Result<Reading> {
        let accepted = &sent.payment.accepted;
        Ok(match answer {
            Answer::Receipt(r) if r.chain == accepted.chain && r.charged == accepted.price.0 => {
                Reading::Paid(r.charged)
            }
            Answer::Corrected(_) => Reading::SignAgain,
            _ => Reading::Resolve,
        })
    }
    async fn resolve(&self, sent: &Authorization) -> Result<Fate> {
        self.0.asked_chain.fetch_add(1, Ordering::SeqCst);
        let accepted = &sent.payment.accepted;
        Ok(match *self.0.settled.lock().unwrap() {
            Some(atomic) => Fate::Settled(Box::new(Receipt {
                landed: Landed::OnChain { transaction: TxId("from-chain".to_owned()) },
                charged: Amount::new(accepted.price.asset(), atomic),
                payer: None,
                chain: accepted.chain,
                spent: None,
                extra: Extra::default(),
            })),
            None if self.0.dead.load(Ordering::SeqCst) => Fate::Dead,
            None => Fate::Open { cancel: None },
        })
    }
}

struct World;

#[async_trait]
impl Clock for World {
    fn now(&self) -> Time {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Time::from_secs(now.as_secs())
    }
    async fn sleep(&self, ms: u64) {
        tokio::time::sleep(std::time::Duration::from_millis(ms)).await;
    }
}
impl Dice for World {
    fn fill(&self, out: &mut [u8]) {
        let n = NEXT.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        out.iter_mut().zip(n.iter().cycle()).for_each(|(o, b)| *o = *b);
    }
}
#[async_trait]
impl Oracle for World {
    async fn usd(&self, _: &AssetId) -> Result<UsdPrice> {
        Ok(UsdPrice { answer: 100_000_000, answer_decimals: 8, asset_decimals: 6, at: self.now() })
    }
}

/// A router that may spend a dollar at a time, and its wallet.
pub(crate) fn router() -> (Arc<Router>, Arc<Wallet>) {
    let (id, wallet) = (NEXT.fetch_add(1, Ordering::SeqCst), Arc::new(Wallet::default()));
    WALLETS.lock().unwrap().insert(id, Arc::clone(&wallet));
    let (world, ledger): (Arc<World>, Arc<dyn Ledger>) = (Arc::new(World), Arc::new(MemoryLedger::new()));
    let registry = Registry::builder()
        .with(ENTRY)
        .family(FAMILY)
        .bare(ChainId::new(CHAIN).unwrap())
        .settings("fake", serde_json::json!({ "wallet": id }))
        .role(Role::Payer)
        .build(Arc::clone(&ledger), world.clone(), world.clone())
        .unwrap();
    let spawn = Arc::new(|f| drop(tokio::spawn(f)));
    let quotes = QuoteBook::new([], world.clone(), world.clone(), spawn, QuoteSettings::default());
    let policy = Policy { cap: Some(Usd::ONE), ..Policy::default() };
    let router = RouterBuilder {
        registry: Arc::new(registry),
        quotes: Arc::new(quotes),
        ledger,
        clock: world.clone(),
        dice: world,
        policy,
        scorer: None,
    };
    (Arc::new(router.build()), wallet)
}
