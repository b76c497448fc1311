//! What all tests share. It is started by the first of them, and ends with the process.

use crate::deal::{BASE, BASE_SEPOLIA, Deal};
use crate::node::Program;
use crate::solana::SolanaDeal;
use crate::{ours, sdk, theirs};
use futures::FutureExt;
use serde_json::json;
use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::{OnceCell, RwLock, RwLockReadGuard};
use tollway_devnet::{Account, Chain, ChainSpec, Devnet, Faults, SolanaAccount, SolanaChain};

/// How many accounts of each role there are. A test never gets a used one: it would count the payments of another.
const ACCOUNTS: u32 = 192;
/// The longest that one test takes, waiting for Base to be free included.
const TEST: Duration = Duration::from_secs(120);

/// A devnet with Base, Base Sepolia and Solana, and the SDK on it.
#[derive(Debug)]
pub struct Bed {
    runtime: Runtime,
    devnet: Devnet,
    sdk: PathBuf,
    deals: AtomicUsize,
    solana_deals: AtomicUsize,
    settlers: AtomicUsize,
    base_moves: RwLock<()>,
    client: OnceCell<Program>,
    their_facilitator: OnceCell<Program>,
    our_facilitator: OnceCell<ours::Facilitator>,
    their_solana_facilitator: OnceCell<Program>,
    our_solana_facilitator: OnceCell<ours::Facilitator>,
}

/// The bed, made when it is first asked for.
///
/// # Panics
/// When it cannot be made: no node, no npm, or the first time no network.
pub fn bed() -> &'static Bed {
    static BED: OnceLock<Bed> = OnceLock::new();
    BED.get_or_init(|| {
        let sdk = std::thread::spawn(sdk::install);
        let devnet = Devnet::builder()
            .chains([ChainSpec::BASE, ChainSpec::BASE_SEPOLIA])
            .solana()
            .payers(ACCOUNTS)
            .merchants(ACCOUNTS)
            .settlers(ACCOUNTS)
            .start_blocking()
            .expect("a devnet");
        Bed {
            runtime: Runtime::new().expect("a runtime"),
            devnet,
            sdk: sdk.join().expect("installing does not panic").expect("the reference SDK"),
            deals: AtomicUsize::new(0),
            solana_deals: AtomicUsize::new(0),
            settlers: AtomicUsize::new(0),
            base_moves: RwLock::new(()),
            client: OnceCell::new(),
            their_facilitator: OnceCell::new(),
            our_facilitator: OnceCell::new(),
            their_solana_facilitator: OnceCell::new(),
            our_solana_facilitator: OnceCell::new(),
        }
    })
}

impl Bed {
    /// Runs one test on the runtime that all of them share, so that they can share processes too.
    ///
    /// # Panics
    /// When it takes too long.
    pub fn run<T>(&self, test: impl Future<Output = T>) -> T {
        self.runtime
            .block_on(async { tokio::time::timeout(TEST, test).await.expect("the test ends in time") })
    }

    /// One of the two chains.
    ///
    /// # Panics
    /// For any other.
    pub fn chain(&self, id: u64) -> &Chain {
        self.devnet.chain(id).expect("Base and Base Sepolia run")
    }

    /// Solana.
    ///
    /// # Panics
    /// Never: it runs.
    pub fn solana(&self) -> &SolanaChain {
        self.devnet.solana().expect("Solana runs")
    }

    /// A payer and a merchant on Solana, of a test's own, and a price of a cent.
    pub async fn solana_deal(&'static self) -> SolanaDeal {
        // Every other merchant has no account for the token.
        let at = unused(&self.solana_deals, 2);
        let accounts = self.solana().accounts();
        let (payer, merchant) = (accounts.payer(at).clone(), accounts.merchant(2 * at).clone());
        SolanaDeal::new(self.solana(), payer, merchant).await
    }

    /// A payer and a merchant of a test's own, and a price of a cent. While there is a deal on Base, Base moves on; so
    /// a test holds one at a time, or it may wait for one that waits for it.
    pub async fn deal(&'static self, chain: u64) -> Deal {
        let moving = if chain == BASE { Some(self.base_moves.read().await) } else { None };
        self.deal_on(chain, moving).await
    }

    /// Runs a test on Base while no other one is there and no block comes unless the test mines it.
    pub async fn without_blocks(&'static self, test: impl AsyncFnOnce(&Deal)) {
        let _alone = self.base_moves.write().await;
        let deal = self.deal_on(BASE, None).await;
        deal.chain.set_automine(false).await.unwrap();
        let outcome = AssertUnwindSafe(test(&deal)).catch_unwind().await;
        deal.chain.set_faults(Faults::none());
        deal.chain.set_automine(true).await.unwrap();
        deal.chain.mine(1).await.unwrap();
        if let Err(panic) = outcome {
            resume_unwind(panic);
        }
    }

    async fn deal_on(&'static self, chain: u64, moving: Option<RwLockReadGuard<'static, ()>>) -> Deal {
        let at = unused(&self.deals, 1);
        let accounts = self.devnet.accounts();
        let (payer, merchant) = (accounts.payer(at).clone(), accounts.merchant(at).clone());
        Deal::new(self.chain(chain), payer, merchant, 10_000, moving).await
    }

    /// A settler of a test's own.
    pub fn settler(&self) -> Account {
        self.devnet.accounts().settler(unused(&self.settlers, 1)).clone()
    }

    /// A settler on Solana, of a test's own.
    pub fn solana_settler(&self) -> SolanaAccount {
        let at = unused(&self.settlers, 1);
        self.solana().accounts().settler(at).clone()
    }

    /// Starts a program of the SDK.
    pub async fn program(&self, name: &str, config: &serde_json::Value) -> Program {
        Program::start(&self.sdk, name, config).await
    }

    /// The reference client, for all payers.
    pub async fn client(&self) -> &Program {
        self.client.get_or_init(|| async { self.program("client", &json!({})).await }).await
    }

    /// The reference facilitator that all tests share.
    pub async fn their_facilitator(&self) -> &Program {
        self.their_facilitator
            .get_or_init(|| theirs::facilitator(self, &[BASE, BASE_SEPOLIA], json!({})))
            .await
    }

    /// Our facilitator that all tests share.
    pub async fn our_facilitator(&'static self) -> &'static ours::Facilitator {
        self.our_facilitator.get_or_init(|| ours::Facilitator::start(self, &[BASE, BASE_SEPOLIA])).await
    }

    /// The reference facilitator on Solana that all tests share.
    pub async fn their_solana_facilitator(&self) -> &Program {
        self.their_solana_facilitator.get_or_init(|| theirs::solana_facilitator(self)).await
    }

    /// Our facilitator on Solana that all tests share.
    pub async fn our_solana_facilitator(&'static self) -> &'static ours::Facilitator {
        let start = || async { ours::Facilitator::of(self, &self.solana_deal().await).await };
        self.our_solana_facilitator.get_or_init(start).await
    }
}

/// The next account of a role nobody has had, where each taker uses up `step` of them.
///
/// # Panics
/// When all are used.
fn unused(taken: &AtomicUsize, step: usize) -> usize {
    let at = taken.fetch_add(1, Ordering::Relaxed);
    assert!(at * step < usize::try_from(ACCOUNTS).unwrap(), "the tests need more accounts than {ACCOUNTS}");
    at
}
