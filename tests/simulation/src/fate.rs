//! Who lives and who dies: every process is started, crashed between two polls, and started again over its ledger.

use crate::world::World;
use crate::{buyer, facilitator, shop};
use futures::future::pending;
use std::sync::Arc;
use tollway_core::Result;

/// The process that never crashes: it starts the others.
const PROCESS: &str = "fate";
/// A process crashes before one of so many of its next polls, so that every step of a payment is hit.
const POLLS_MAX: u64 = 400;

/// One of the processes.
#[derive(Clone, Copy)]
enum Process {
    Buyer(usize),
    Shop,
    Facilitator,
}

impl Process {
    fn name(self, world: &World) -> String {
        match self {
            Self::Buyer(n) => world.buyers.get(n).map(|b| b.name.clone()).unwrap_or_default(),
            Self::Shop => shop::HOST.to_owned(),
            Self::Facilitator => facilitator::HOST.to_owned(),
        }
    }
    /// Starts it. What comes back is dropped with the process.
    fn start(self, world: &Arc<World>) -> Result<Box<dyn Send>> {
        Ok(match self {
            Self::Buyer(n) => Box::new(buyer::start(world, n)?),
            Self::Shop => Box::new(shop::start(world)?),
            Self::Facilitator => Box::new(facilitator::start(world)?),
        })
    }
    fn all(world: &World) -> Vec<Self> {
        (0..world.buyers.len()).map(Self::Buyer).chain([Self::Shop, Self::Facilitator]).collect()
    }
}

/// Starts everybody, and the storm.
pub(crate) fn begin(world: &Arc<World>) {
    for process in Process::all(world) {
        world.weave.spawn(PROCESS, keep_alive(world.clone(), process));
    }
    if world.storm.crash_ms > 0 {
        world.weave.spawn(PROCESS, strike(world.clone()));
    }
}

/// Ends the storm: everybody starts once more, on quiet machines.
pub(crate) fn end(world: &Arc<World>) {
    world.cease();
    for process in Process::all(world) {
        world.weave.crash(&process.name(world));
    }
}

async fn keep_alive(world: Arc<World>, process: Process) {
    let name = process.name(&world);
    loop {
        match process.start(&world) {
            // Dropped by the crash itself, so nobody talks to a dead process for another step.
            Ok(held) => {
                let life = world.weave.spawn(&name, async move {
                    let _held = held;
                    pending::<()>().await;
                });
                let _ = life.await;
            }
            Err(e) => return world.fail(e),
        }
        if !world.is_calm() {
            world.clock().sleep(world.weave.dice().below(world.storm.away_ms)).await;
        }
    }
}

/// Lights fuses until the storm is over.
async fn strike(world: Arc<World>) {
    let (processes, dice) = (Process::all(&world), world.weave.dice());
    while !world.is_calm() {
        world.clock().sleep(dice.between(1, world.storm.crash_ms)).await;
        if let Some(process) = dice.pick(&processes).filter(|_| !world.is_calm()) {
            world.weave.crash_after(&process.name(&world), dice.below(POLLS_MAX));
        }
    }
}
