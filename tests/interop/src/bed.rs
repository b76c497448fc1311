//! What all tests share. It is started by the first of them, and ends with the process.

use crate::deal::{BASE, BASE_SEPOLIA, Deal};
use crate::node::Program;
use crate::{ours, sdk, theirs};
use serde_json::json;
use std::future::Future;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::{OnceCell, RwLock, RwLockWriteGuard};
use tollway_devnet::{Account, Chain, ChainSpec, Devnet};

/// How many accounts of each role there are; a test that takes one more gets a used one.
const ACCOUNTS: u32 = 64;
/// The longest that one test takes.
const TEST: Duration = Duration::from_secs(60);

/// A devnet with Base and Base Sepolia, and the SDK on it.
#[derive(Debug)]
pub struct Bed {
    runtime: Runtime,
    devnet: Devnet,
    sdk: PathBuf,
    next: AtomicUsize,
    settlers: AtomicUsize,
    base_moves: RwLock<()>,
    client: OnceCell<Program>,
    their_facilitator: OnceCell<Program>,
    our_facilitator: OnceCell<ours::Facilitator>,
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
            .payers(ACCOUNTS)
            .merchants(ACCOUNTS)
            .settlers(ACCOUNTS)
            .start_blocking()
            .expect("a devnet");
        Bed {
            runtime: Runtime::new().expect("a runtime"),
            devnet,
            sdk: sdk.join().expect("installing does not panic").expect("the reference SDK"),
            next: AtomicUsize::new(0),
            settlers: AtomicUsize::new(0),
            base_moves: RwLock::new(()),
            client: OnceCell::new(),
            their_facilitator: OnceCell::new(),
            our_facilitator: OnceCell::new(),
        }
    })
}

impl Bed {
    /// Runs one test on the runtime that all of them share, so that they can share processes too.
    ///
    /// # Panics
    /// When it takes too long.
    pub fn run<T>(&self, test: impl Future<Output = T>) -> T {
        self.runtime.block_on(async { tokio::time::timeout(TEST, test).await.expect("the test ends in time") })
    }

    /// One of the two chains.
    ///
    /// # Panics
    /// For any other.
    pub fn chain(&self, id: u64) -> &Chain {
        self.devnet.chain(id).expect("Base and Base Sepolia run")
    }

    /// A payer and a merchant of a test's own, and a price of a cent. While there is a deal on Base, Base moves on; so
    /// a test holds one at a time, or it may wait for one that waits for it.
    pub async fn deal(&'static self, chain: u64) -> Deal {
        let moving = if chain == BASE { Some(self.base_moves.read().await) } else { None };
        Deal { moving, ..self.deal_at_rest(chain).await }
    }

    /// Base without any other test on it, so that this one may keep it from making blocks.
    pub async fn stall_base(&'static self) -> Stalled {
        let alone = self.base_moves.write().await;
        let deal = self.deal_at_rest(BASE).await;
        Stalled { deal, _alone: alone }
    }

    async fn deal_at_rest(&'static self, chain: u64) -> Deal {
        let at = self.next.fetch_add(1, Ordering::Relaxed);
        let accounts = self.devnet.accounts();
        Deal::new(self.chain(chain), accounts.payer(at).clone(), accounts.merchant(at).clone(), 10_000).await
    }

    /// A settler of a test's own.
    pub fn settler(&self) -> Account {
        self.devnet.accounts().settler(self.settlers.fetch_add(1, Ordering::Relaxed)).clone()
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
        self.their_facilitator.get_or_init(|| theirs::facilitator(self, &[BASE, BASE_SEPOLIA], json!({}))).await
    }

    /// Our facilitator that all tests share.
    pub async fn our_facilitator(&'static self) -> &'static ours::Facilitator {
        self.our_facilitator.get_or_init(|| ours::Facilitator::start(self, &[BASE, BASE_SEPOLIA])).await
    }
}

/// Base to oneself, for tests that keep it from making blocks.
#[derive(Debug)]
pub struct Stalled {
    /// The deal of the one test that runs on it.
    pub deal: Deal,
    _alone: RwLockWriteGuard<'static, ()>,
}
