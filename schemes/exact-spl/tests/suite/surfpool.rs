//! The scheme on a real local chain. Surfpool is slow to start, so places take turns on a few: each has people of its
//! own, whom nobody before has paid or charged.

use crate::key::CountingKey;
use crate::trouble::{Troubled, Wish};
use futures::future::{BoxFuture, try_join_all};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tollway_core::ledger::MemoryLedger;
use tollway_core::*;
use tollway_devnet::{Devnet, SolanaChain, SolanaToken};
use tollway_solana::{
    Builder, FAMILY, Fault, LocalKey, Pubkey, SolanaNetwork, Svm, TokenProgram, Trial, address,
};
use tollway_testkit::suite::scheme::{Others, Place, Probe, Stand, Tolerance, Trouble};
use tollway_testkit::suite::secret::Secret;
use tollway_testkit::weave::SeededDice;

/// The scheme on surfpool.
#[derive(Clone, Copy)]
pub(crate) struct OnSurfpool;

/// Blocks come four times as slowly as they should: a payment is given up on when they are five times as slow.
const BLOCK_MS: u64 = 1_600;
/// However long time goes on: so many blocks are the end of every blockhash, and of every bound on one.
const BLOCKS_MAX: u64 = 300;
const DOLLARS: u64 = 1_000_000_000;
const COINS: u64 = 1_000_000_000_000;

/// Wall-clock time, moved on.
struct Shifted(AtomicU64);

#[async_trait]
impl Clock for Shifted {
    fn now(&self) -> Time {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Time::from_ms(u64::try_from(since.as_millis()).unwrap()).plus_ms(self.0.load(Ordering::SeqCst))
    }
    async fn sleep(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

/// A chain, its runtime, and a way to read it.
struct Base {
    runtime: tokio::runtime::Runtime,
    devnet: Devnet,
    reader: Arc<SolanaNetwork>,
    blocks: AtomicU64,
}

/// Surfpool gets slower with every block: one that has so many is let go.
const OLD: u64 = 1_000;
/// Those that nobody is using. The nodes end with this process.
static IDLE: Mutex<Vec<Base>> = Mutex::new(Vec::new());
/// No two places have the same people.
static PLACES: AtomicU64 = AtomicU64::new(0);

impl Base {
    fn take() -> Self {
        IDLE.lock().unwrap().pop().unwrap_or_else(Self::start)
    }
    fn start() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (devnet, reader) = runtime.block_on(async {
            let devnet = Devnet::builder().chains([]).solana().keep_fresh(false).start().await.unwrap();
            let clock = Arc::new(Shifted(AtomicU64::new(0)));
            let reader = builder(devnet.solana().unwrap(), clock).connect().await.unwrap();
            (devnet, reader)
        });
        Self { runtime, devnet, reader, blocks: AtomicU64::new(0) }
    }
    fn chain(&self) -> &SolanaChain {
        self.devnet.solana().unwrap()
    }
}

/// A network with a ledger of its own.
fn builder(chain: &SolanaChain, clock: Arc<Shifted>) -> Builder {
    SolanaNetwork::builder(Arc::new(MemoryLedger::new()), clock)
        .url(chain.http_url())
        .push_url(chain.ws_url())
}

/// Everybody in a place, by the secret half of the key.
struct People {
    payer: [u8; 32],
    settler: [u8; 32],
    payees: [[u8; 32]; 2],
}

impl People {
    fn new() -> Self {
        let place = PLACES.fetch_add(1, Ordering::SeqCst).to_le_bytes();
        let secret = |role: u8| {
            let mut secret = [role; 32];
            secret[..8].copy_from_slice(&place);
            secret
        };
        Self { payer: secret(1), settler: secret(2), payees: [secret(3), secret(4)] }
    }
    fn names(&self) -> [String; 4] {
        [self.payer, self.settler, self.payees[0], self.payees[1]].map(|secret| name(&secret))
    }
    /// Coins and dollars for all, as far as they need them.
    async fn endow(&self, chain: &SolanaChain) {
        for (at, name) in self.names().iter().enumerate() {
            chain.set_lamports(name, COINS).await.unwrap();
            if at != 1 {
                chain.set_token_balance(name, &SolanaToken::USDC, DOLLARS).await.unwrap();
            }
        }
    }
}

fn name(secret: &[u8; 32]) -> String {
    LocalKey::from_secret(secret).address().to_string()
}

/// The chain as the suite sees it.
struct World {
    base: Option<Base>,
    people: People,
    clock: Arc<Shifted>,
    signed: Arc<AtomicUsize>,
    wish: Wish,
}

impl Drop for World {
    fn drop(&mut self) {
        let Some(base) = self.base.take() else { return };
        if base.blocks.load(Ordering::SeqCst) < OLD {
            IDLE.lock().unwrap().push(base);
        } else {
            // The last place may be let go of on its own runtime, which must not wait for itself.
            base.runtime.shutdown_background();
        }
    }
}

impl World {
    fn base(&self) -> &Base {
        self.base.as_ref().unwrap()
    }
    /// What is in blocks and names this address.
    async fn history(&self, address: &str) -> Vec<Value> {
        let answer = self.base().chain().call("getSignaturesForAddress", json!([address])).await.unwrap();
        answer.as_array().unwrap().clone()
    }
}

/// The bytes of the transaction in a payload.
fn transaction(payload: &Json) -> Option<Vec<u8>> {
    let payload = payload.value();
    let text = payload.get("transaction")?.as_str()?.trim_end_matches('=');
    base64_simd::STANDARD_NO_PAD.decode_to_vec(text).ok()
}

/// Where the payer's signature begins: after their number, and the fee payer's place.
const PAYER_AT: usize = 65;
/// Where the message begins.
const MESSAGE_AT: usize = 129;

impl Stand for OnSurfpool {
    fn entry(&self) -> SchemeEntry {
        tollway_exact_spl::ENTRY
    }
    fn family(&self) -> Family {
        FAMILY
    }

    fn place(&self, seed: u64) -> Place {
        let (base, people) = (Base::take(), People::new());
        let clock = Arc::new(Shifted(AtomicU64::new(0)));
        let key = Arc::new(CountingKey::new(&people.payer));
        let (signed, wish) = (key.signed.clone(), Wish::default());
        let settler = || Arc::new(LocalKey::from_secret(&people.settler));
        let chain = base.chain();
        let (payer, house, second) = base.runtime.block_on(async {
            people.endow(chain).await;
            let payer = builder(chain, clock.clone()).without_pushes().payer(key).connect();
            let house = builder(chain, clock.clone()).fee_payer(settler()).connect();
            // An offer names who pays the fee, so nobody else can settle: this is another process with the same key.
            let second = builder(chain, clock.clone()).without_pushes().fee_payer(settler()).connect();
            (payer.await.unwrap(), house.await.unwrap(), second.await.unwrap())
        });
        let troubled = |inner: Arc<SolanaNetwork>| {
            let svm = Arc::new(Troubled { inner, wish: wish.clone() });
            Some(Handle::new::<dyn Svm>(svm.clone(), svm))
        };
        let id = payer.id();
        let asset = |token: SolanaToken| FAMILY.asset(id, token.mint).unwrap();
        let payee = |n: usize| FAMILY.account(id, &name(&people.payees[n])).unwrap();
        let price = Price {
            ceiling: Ceiling(Amount::new(asset(SolanaToken::USDC), 10_000)),
            pay_to: payee(0),
            timeout_s: 60,
            flow: Flow::Authorization,
            chain: id,
        };
        let others = Others {
            payee: payee(1),
            asset: asset(SolanaToken::PLAIN_2022),
            chain: ChainId::new("solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1").unwrap(),
            network: None,
        };
        Place {
            payer: Some(payer.handle()),
            seller: None,
            settler: troubled(house),
            rival: troubled(second),
            settings: Value::Null,
            clock: clock.clone(),
            dice: Arc::new(SeededDice::new(seed)),
            price,
            others,
            secrets: [people.payer, people.settler].map(|secret| Secret::new("a key", &secret)).into(),
            probe: Arc::new(World { base: Some(base), people, clock, signed, wish }),
        }
    }

    fn unprintable(&self) -> &'static [&'static str] {
        &["/transaction"]
    }
    fn bound_extra(&self) -> &'static [(&'static str, &'static str)] {
        &[("feePayer", SolanaToken::USDC.mint), ("memo", "another")]
    }
    /// The fee payer's place is empty until it signs, and base64 may come without padding.
    fn same_payment(&self, signed: &Json, changed: &Json) -> bool {
        let bound = |payload: &Json| Some(transaction(payload)?.get(PAYER_AT..)?.to_vec());
        bound(signed).is_some() && bound(signed) == bound(changed)
    }
    /// Its blockhash ends it.
    fn timed(&self) -> bool {
        false
    }
    /// To the lamport.
    fn tolerance(&self) -> Tolerance {
        Tolerance { under_percent: 0, over_percent: 0 }
    }
    fn seeds(&self) -> u64 {
        3
    }
}

#[async_trait]
impl Probe for World {
    fn run(&self, work: BoxFuture<'static, ()>) {
        self.base().runtime.block_on(work);
    }
    async fn balance(&self, owner: &Account, asset: &AssetId) -> u128 {
        let token = SolanaToken::by_mint(asset.key()).unwrap();
        self.base().chain().token_balance(owner.address(), &token).await.unwrap().unwrap_or(0).into()
    }
    async fn settlements(&self, order: &Order) -> usize {
        let bytes = transaction(&order.payment.payload).unwrap();
        let payer: Pubkey = LocalKey::from_secret(&self.people.payer).address();
        let usdc = address::parse(SolanaToken::USDC.mint).unwrap();
        let source = address::ata(&payer, &usdc, TokenProgram::Token).to_string();
        let mut count = 0;
        for seen in self.history(&source).await {
            let tx = TxId(seen["signature"].as_str().unwrap().to_owned());
            let recorded = self.base().reader.recorded(&address::signature(&tx).unwrap()).await.unwrap();
            let paid =
                |r: &tollway_solana::Recorded| r.fault.is_none() && r.wire.ends_with(&bytes[MESSAGE_AT..]);
            count += usize::from(recorded.as_ref().is_some_and(paid));
        }
        count
    }
    async fn transactions(&self) -> usize {
        let settler = name(&self.people.settler);
        self.history(&settler).await.len()
    }
    async fn state(&self) -> String {
        let chain = self.base().chain();
        let mut state = format!("{} transactions", self.transactions().await);
        for name in self.people.names() {
            let (coins, dollars) = (chain.lamports(&name), chain.usdc_balance(&name));
            state += &format!(", {name}: {} and {:?}", coins.await.unwrap(), dollars.await.unwrap());
        }
        state
    }
    async fn final_time(&self) -> Time {
        self.clock.now()
    }
    /// By the chain's own runtime: it would not run the transaction any more.
    async fn is_over(&self, order: &Order) -> bool {
        let wire = transaction(&order.payment.payload).unwrap();
        let trial = Trial { wire: &wire, before: &[], after: &[], inner: false };
        self.base().reader.attempt(trial).await.unwrap().fault == Some(Fault::BlockhashNotFound)
    }
    async fn advance(&self, to: Time) {
        let ms = to.ms_since(self.clock.now());
        self.clock.0.fetch_add(ms, Ordering::SeqCst);
        let blocks = (ms / BLOCK_MS).min(BLOCKS_MAX);
        self.base().blocks.fetch_add(blocks, Ordering::SeqCst);
        // Beside each other: most of a block's time goes by on the way to the node.
        let (share, rest) = (u32::try_from(blocks / 8).unwrap(), u32::try_from(blocks % 8).unwrap());
        let shares = [share, share, share, share, share, share, share, share + rest];
        let chain = self.base().chain();
        try_join_all(shares.into_iter().filter(|n| *n > 0).map(|n| chain.make_blocks(n))).await.unwrap();
    }
    async fn trouble(&self, trouble: Trouble) -> bool {
        *self.wish.lock().unwrap() = Some(trouble);
        true
    }
    fn signatures(&self) -> Option<usize> {
        Some(self.signed.load(Ordering::SeqCst))
    }
}
