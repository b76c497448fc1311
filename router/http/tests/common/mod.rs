//! What the tests share: spellings, a scripted chain with a scheme on it, servers on loopback.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test takes what it needs; tests may panic"
)]

pub mod chain;
pub mod server;
pub mod wire;

use std::sync::Arc;
use tollway_core::{Clock, Dice, Handle, Registry, Role, Time};

/// The machine's clock.
pub struct Wall;

#[tollway_core::async_trait]
impl Clock for Wall {
    fn now(&self) -> Time {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Time::from_ms(u64::try_from(since.as_millis()).unwrap())
    }
    async fn sleep(&self, ms: u64) {
        tokio::time::sleep(std::time::Duration::from_millis(ms)).await;
    }
}

/// Always the same.
pub struct NoDice;
impl Dice for NoDice {
    fn fill(&self, out: &mut [u8]) {
        out.fill(4);
    }
}

/// A registry with the fake scheme on `chain`, with these roles.
pub fn registry(chain: &Arc<chain::Chain>, roles: &[Role]) -> Arc<Registry> {
    let ledger = Arc::new(tollway_core::ledger::MemoryLedger::new());
    let handle = Handle::new(chain.clone(), chain.clone());
    let mut builder =
        Registry::builder().family(wire::FAMILY).network(handle).with(chain::ENTRY).with(chain::METERED);
    for role in roles {
        builder = builder.role(*role);
    }
    Arc::new(builder.build(ledger, Arc::new(Wall), Arc::new(NoDice)).unwrap())
}
