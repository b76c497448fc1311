//! The payer's side: a 402 of sixteen entries on sixteen chains, and a router that has seen all of them.

use crate::NOW_S;
use crate::node::Node;
use alloy::primitives::keccak256;
use http::{HeaderMap, HeaderValue};
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};
use tollway_core::ledger::MemoryLedger;
use tollway_core::{
    AssetId, BudgetId, ChainId, Challenge, Clock, Dice, Json, Ledger, Registry, Role, Time, Usd, UsdPrice,
    async_trait, wire,
};
use tollway_evm::{EvmNetwork, FAMILY, FixedOracle, LocalKey, Profile};
use tollway_http::codec::{self, Limits};
use tollway_route::policy::Scope;
use tollway_route::{
    Budget, Considered, Context, Policy, QuoteBook, QuoteSettings, Router, RouterBuilder, Spawn,
};

/// Chain and token of each entry: every fee model, chains with and without an L1 below them.
const ENTRIES: [(u64, &str, &str, &str); 16] = [
    (8453, "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", "USD Coin", "2"),
    (1, "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", "USD Coin", "2"),
    (10, "0x0b2C639c533813f4Aa9D7837CAf62653d097Ff85", "USD Coin", "2"),
    (42161, "0xaf88d065e77c8cC2239327C5EDb3A432268e5831", "USD Coin", "2"),
    (137, "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359", "USD Coin", "2"),
    (43114, "0xB97EF9Ef8734C71904D8002F8b6Bc66Dd9c48a6E", "USD Coin", "2"),
    (42220, "0xcebA9300f2b948710d2653dD7B07f33A8B32118C", "USDC", "2"),
    (50, "0xfA2958CB79b0491CC627c1557F441eF849Ca8eb1", "USDC", "2"),
    (143, "0x754704Bc059F8C67012fEd69BC8A327a5aafb603", "USDC", "2"),
    (988, "0x779Ded0c9e1022225f8E0630b35a9b54bE713736", "USDT0", "1"),
    (1329, "0xe15fC38F6D8c56aF07bbCBe3BAf5708A2Bf42392", "USDC", "2"),
    (84532, "0x036CbD53842c5426634e7929541eC2318f3dCF7e", "USDC", "2"),
    (421614, "0x75faf114eafb1BDbe2F0316DF893fd58CE46AA4d", "USD Coin", "2"),
    (11142220, "0x01C5C0122039549AD1493B8220cABEdD739BC44E", "USDC", "2"),
    (51, "0xb5AB69F7bBada22B28e79C8FFAECe55eF1c771D4", "USDC", "2"),
    (1328, "0x4fCF1784B31630811181f670Aea7A7bEF803eaED", "USDC", "2"),
];

/// A clock that costs what a clock costs, and stands still, so that nothing here grows old.
#[derive(Debug)]
struct Standing;

#[async_trait]
impl Clock for Standing {
    fn now(&self) -> Time {
        black_box(SystemTime::now());
        Time::from_secs(NOW_S)
    }
    async fn sleep(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

#[derive(Debug)]
struct Loaded;
impl Dice for Loaded {
    fn fill(&self, out: &mut [u8]) {
        out.fill(4);
    }
}

/// A router on sixteen chains, everything warm, and the 402.
#[derive(Debug)]
pub struct Payer {
    router: Router,
    asked: Arc<AtomicU64>,
    header: String,
    headers: HeaderMap,
    challenge: Challenge,
}

impl Payer {
    /// Connects to every chain, asks what has to be asked once, and fills the quote book.
    pub async fn warm() -> Self {
        let asked = Arc::new(AtomicU64::new(0));
        let clock: Arc<dyn Clock> = Arc::new(Standing);
        let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
        let key = Arc::new(LocalKey::from_bytes(&[7; 32]).expect("a key"));
        let mut oracle = FixedOracle::new();
        let mut registry =
            Registry::builder().with(tollway_exact_eip3009::ENTRY).family(FAMILY).role(Role::Payer);
        let mut networks = Vec::new();
        for (chain_id, token, _, _) in ENTRIES {
            let profile = Profile::of(chain_id).copied().unwrap_or(Profile::plain(chain_id, 2_000));
            let builder = EvmNetwork::builder(ledger.clone(), clock.clone())
                .client(Node::new(chain_id, asked.clone()).client())
                .profile(profile)
                .payer(key.clone());
            let network = builder.connect().await.expect("the node answers");
            let chain = ChainId::new(&format!("eip155:{chain_id}")).expect("CAIP-2");
            let price = |answer, asset_decimals| UsdPrice {
                answer,
                answer_decimals: 8,
                asset_decimals,
                at: Time::from_secs(NOW_S),
            };
            let coin_answer = 300_000_000_000 / u128::from(1 + chain_id % 7);
            oracle = oracle.with(AssetId::native(chain), price(coin_answer, 18));
            oracle = oracle.with(FAMILY.asset(chain, token).expect("a token"), price(99_990_000, 6));
            registry = registry.network(network.handle());
            networks.push(network);
        }
        let registry = registry.build(ledger.clone(), clock.clone(), Arc::new(Loaded)).expect("a registry");
        let spawn: Spawn = Arc::new(|work| drop(tokio::spawn(work)));
        let networks = networks.into_iter().map(|n| -> Arc<dyn tollway_core::Network> { n });
        let quotes =
            QuoteBook::new(networks, Arc::new(oracle), clock.clone(), spawn, QuoteSettings::default());
        let budget = Budget {
            id: BudgetId("day".to_owned()),
            scope: Scope::All,
            limit: Usd::from_micros(10_000_000),
            window_ms: 86_400_000,
        };
        let policy = Policy {
            allow_mainnet: true,
            cap: Some(Usd::from_micros(100_000)),
            budgets: vec![budget],
            ..Policy::default()
        };
        let router = RouterBuilder {
            registry: Arc::new(registry),
            quotes: Arc::new(quotes),
            ledger,
            clock,
            dice: Arc::new(Loaded),
            policy,
            scorer: None,
        };
        let text = challenge();
        let header = base64_simd::STANDARD.encode_to_string(&text);
        let mut headers = HeaderMap::new();
        headers.insert("payment-required", HeaderValue::from_str(&header).expect("ASCII"));
        let challenge = wire::read_challenge(&Json::parse(text).expect("JSON"), &[FAMILY]).expect("a 402");
        let payer = Self { router: router.build(), asked, header, headers, challenge };
        let considered = payer.router.consider(&payer.challenge, context()).await;
        assert!(considered.rejected.is_empty(), "{:?}", considered.rejected);
        payer
    }

    /// The header's value, for the floor.
    pub fn header(&self) -> &[u8] {
        self.header.as_bytes()
    }

    /// Requests that reached any node so far.
    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    /// The 402, read.
    pub fn challenge(&self) -> &Challenge {
        &self.challenge
    }

    /// Ours: header → challenge in the model.
    pub fn read(&self) -> Option<Challenge> {
        codec::read_challenge(&self.headers, b"", &[FAMILY], &Limits::DEFAULT).ok()?
    }

    /// Ours: challenge → every entry planned, priced, held against the limits, and ranked. Not one await is pending.
    pub fn consider<'c>(&self, challenge: &'c Challenge) -> Option<Considered<'c>> {
        use futures::FutureExt;
        self.router.consider(challenge, context()).now_or_never()
    }

    /// Ours: header → the position of the best entry.
    pub fn select(&self) -> Option<usize> {
        let challenge = self.read()?;
        Some(self.consider(&challenge)?.routes.first()?.index)
    }
}

fn context() -> Context<'static> {
    Context { host: Some("api.example.com") }
}

fn challenge() -> String {
    let entry = |(chain_id, token, name, version): (u64, &str, &str, &str)| {
        let pay_to =
            tollway_evm::address::canonical(&alloy::primitives::Address::from_word(keccak256("seller")));
        format!(
            r#"{{"scheme":"exact","network":"eip155:{chain_id}","amount":"10000","asset":"{token}","payTo":"{pay_to}","maxTimeoutSeconds":60,"extra":{{"name":"{name}","version":"{version}"}}}}"#
        )
    };
    let accepts: Vec<_> = ENTRIES.into_iter().map(entry).collect();
    format!(
        r#"{{"x402Version":2,"error":"PAYMENT-SIGNATURE header is required","resource":{{"url":"https://api.example.com/premium-data","description":"Access to premium market data","mimeType":"application/json"}},"accepts":[{}]}}"#,
        accepts.join(",")
    )
}
