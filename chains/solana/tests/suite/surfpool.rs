use futures::future::BoxFuture;
use serde_json::json;
use solana_instruction::{AccountMeta, Instruction};
use solana_message::{VersionedMessage, v0};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::runtime::{self, Runtime};
use tollway_core::ledger::MemoryLedger;
use tollway_core::{Account, Amount, AssetId, Clock, Network, Outcome, Time, TxId, async_trait};
use tollway_devnet::{Devnet, Fault, FaultKind, Faults, SolanaAccount, SolanaChain, SolanaToken};
use tollway_solana::{
    FAMILY, LocalKey, Pubkey, Signature, Signer, SolanaNetwork, Svm, TokenProgram, address,
};
use tollway_testkit::suite::network::{Place, Probe, Stand};

/// Surfpool, whose answers break so often in a thousand. It is slow to start, so places take turns on a few.
pub(crate) struct OnSurfpool(pub(crate) Option<(FaultKind, u16)>);

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

/// A chain, and the runtime that it lives on.
struct Base {
    runtime: Runtime,
    devnet: Devnet,
}

/// Those that nobody is using. The nodes end with this process.
static IDLE: Mutex<Vec<Base>> = Mutex::new(Vec::new());

impl Base {
    fn take() -> Self {
        IDLE.lock().unwrap().pop().unwrap_or_else(Self::start)
    }
    fn start() -> Self {
        let runtime = runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let devnet = Devnet::builder().chains([]).solana().keep_fresh(false).start();
        let devnet = runtime.block_on(devnet).unwrap();
        Self { runtime, devnet }
    }
    fn chain(&self) -> &SolanaChain {
        self.devnet.solana().unwrap()
    }
}

struct World {
    base: Option<Base>,
    clock: Arc<Shifted>,
}

impl World {
    fn base(&self) -> &Base {
        self.base.as_ref().unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(base) = self.base.take() {
            base.chain().set_faults(Faults::none());
            IDLE.lock().unwrap().push(base);
        }
    }
}

/// What has happened on the chain of a place.
struct Parts {
    solana: Arc<SolanaNetwork>,
    done: TxId,
    failed: TxId,
    coins: u64,
    dollars: u64,
}

fn key(account: &SolanaAccount) -> LocalKey {
    LocalKey::from_base58(&account.private_key()).unwrap()
}

/// A transfer of so much USDC from the first payer to the first merchant, sent without asking whether it can succeed.
async fn transfer(chain: &SolanaChain, net: &SolanaNetwork, units: u64) -> TxId {
    let (payer, merchant) = (key(chain.accounts().payer(0)), key(chain.accounts().merchant(0)).address());
    let usdc = address::parse(SolanaToken::USDC.mint).unwrap();
    let of = |owner: &Pubkey| address::ata(owner, &usdc, TokenProgram::Token);
    let call = Instruction {
        program_id: TokenProgram::Token.id(),
        accounts: vec![
            AccountMeta::new(of(&payer.address()), false),
            AccountMeta::new_readonly(usdc, false),
            AccountMeta::new(of(&merchant), false),
            AccountMeta::new_readonly(payer.address(), true),
        ],
        data: [&[12u8][..], &units.to_le_bytes(), &[6]].concat(),
    };
    let blockhash = net.blockhash().await.unwrap().hash;
    let message = v0::Message::try_compile(&payer.address(), &[call], &[], blockhash).unwrap();
    let message = VersionedMessage::V0(message).serialize();
    let signature = payer.sign_message(&message);
    let wire = base64_simd::STANDARD.encode_to_string([&[1u8][..], signature.as_ref(), &message].concat());
    let blindly = json!({"encoding": "base64", "skipPreflight": true});
    // A node may say what came of it, too.
    let _ = chain.call("sendTransaction", json!([wire, blindly])).await;
    TxId(signature.to_string())
}

async fn parts(
    chain: &SolanaChain,
    faults: Option<(FaultKind, u16)>,
    seed: u64,
    clock: Arc<Shifted>,
) -> Parts {
    let builder = SolanaNetwork::builder(Arc::new(MemoryLedger::new()), clock).url(chain.http_url());
    let solana = builder.push_url(chain.ws_url()).connect().await.unwrap();
    let failed = transfer(chain, &solana, u64::MAX).await;
    let done = transfer(chain, &solana, 1_000).await;
    assert_eq!(solana.outcome(&failed).await.unwrap(), Outcome::Failed);
    let owner = chain.accounts().payer(0).address();
    let coins = chain.lamports(owner).await.unwrap();
    let dollars = chain.usdc_balance(owner).await.unwrap().unwrap();
    if let Some((kind, per_mille)) = faults {
        chain.set_faults(Faults::seeded(seed).with(Fault::new(kind, per_mille)));
    }
    Parts { solana, done, failed, coins, dollars }
}

impl Stand for OnSurfpool {
    fn place(&self, seed: u64) -> Place {
        let base = Base::take();
        let clock = Arc::new(Shifted(AtomicU64::new(0)));
        let made = base.runtime.block_on(parts(base.chain(), self.0.clone(), seed, clock.clone()));
        let chain = made.solana.id();
        let account = |address: &str| -> Account { FAMILY.account(chain, address).unwrap() };
        let usdc = FAMILY.asset(chain, SolanaToken::USDC.mint).unwrap();
        let coin = AssetId::native(chain);
        Place {
            owner: account(base.chain().accounts().payer(0).address()),
            holdings: vec![Amount::new(usdc, made.dollars.into()), Amount::new(coin, made.coins.into())],
            pauper: account(&Pubkey::new_from_array([0xbb; 32]).to_string()),
            done: Some(made.done),
            failed: Some(made.failed),
            unknown: TxId(Signature::from([0xab; 64]).to_string()),
            network: made.solana,
            probe: Arc::new(World { base: Some(base), clock: clock.clone() }),
            clock,
        }
    }
    /// A chain's own time goes on for each.
    fn seeds(&self) -> u64 {
        3
    }
}

#[async_trait]
impl Probe for World {
    fn run(&self, work: BoxFuture<'static, ()>) {
        self.base().runtime.block_on(work);
    }
    async fn go_on(&self, ms: u64) {
        self.clock.0.fetch_add(ms, Ordering::SeqCst);
        self.base().chain().make_blocks(2).await.unwrap();
        // Looks that are asked for at nearly the same time share one.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    fn calls(&self) -> Option<usize> {
        usize::try_from(self.base().chain().counts().http_requests).ok()
    }
}
