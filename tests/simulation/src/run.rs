//! One run: the storm, the calm after it, and what is found then.

use crate::bug::Bug;
use crate::log::End;
use crate::storm::Storm;
use crate::world::World;
use crate::{check, fate};
use std::fmt;
use std::ops::AddAssign;
use std::sync::Arc;
use tollway_core::Result;

/// How often the calm is looked at, and how long everybody may take to come to rest, in milliseconds.
const LOOK_MS: u64 = 10_000;
const REST_MS: u64 = 3_600_000;
/// How long the shopping may take before the simulation itself counts as stuck, in milliseconds.
const SHOPPING_MS: u64 = 30 * 24 * 3_600_000;

/// What is simulated.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// What goes wrong.
    pub storm: Storm,
    /// A mistake of somebody, to be found.
    pub bug: Option<Bug>,
    /// How many buyers there are.
    pub buyers: u64,
    /// How many things each of them is to buy.
    pub purchases: u64,
}

impl Plan {
    /// So many things for each of four buyers.
    pub const fn new(storm: Storm, purchases: u64) -> Self {
        Self { storm, bug: None, buyers: 4, purchases }
    }
    /// With a mistake.
    #[must_use]
    pub const fn with(self, bug: Bug) -> Self {
        Self { bug: Some(bug), ..self }
    }
}

/// What happened, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// Purchases that were begun.
    pub purchases: u64,
    /// Things that a payment was sent for.
    pub payments: u64,
    /// Purchases that ended with an answer and a receipt.
    pub served: u64,
    /// Purchases that were paid and whose answer was lost.
    pub undelivered: u64,
    /// Purchases of which nobody could say at once what became of them.
    pub unknown: u64,
    /// Purchases that came to nothing: refused, too dear, nobody there. The rest was cut off by a crash.
    pub failed: u64,
    /// Authorizations that moved money.
    pub settled: u64,
    /// Payments that were shown for something else.
    pub stolen: u64,
    /// Crashes.
    pub crashes: u64,
    /// Reorgs of the chain.
    pub reorgs: u64,
    /// Polls.
    pub steps: u64,
    /// A hash of the order of all steps, of what was sent and of the chain's last state: the same for the same seed.
    pub trace: u64,
}

impl AddAssign for Report {
    fn add_assign(&mut self, other: Self) {
        let add = |to: &mut u64, n: u64| *to = to.saturating_add(n);
        add(&mut self.purchases, other.purchases);
        add(&mut self.payments, other.payments);
        add(&mut self.served, other.served);
        add(&mut self.undelivered, other.undelivered);
        add(&mut self.unknown, other.unknown);
        add(&mut self.failed, other.failed);
        add(&mut self.settled, other.settled);
        add(&mut self.stolen, other.stolen);
        add(&mut self.crashes, other.crashes);
        add(&mut self.reorgs, other.reorgs);
        add(&mut self.steps, other.steps);
        // Where each run stands among the others counts too, so it is no plain sum.
        self.trace = self.trace.wrapping_mul(0x0100_0000_01b3).wrapping_add(other.trace);
    }
}

/// A run in which something does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The seed of the run.
    pub seed: u64,
    /// What does not hold.
    pub wrong: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}:", self.seed)?;
        self.wrong.iter().try_for_each(|wrong| writeln!(f, "  {wrong}"))?;
        write!(f, "to see it again: TOLLWAY_SEED={} cargo test -p tollway-simulation --test storm", self.seed)
    }
}
impl std::error::Error for Failure {}

/// Runs one seed.
///
/// # Errors
/// [`Failure`], with everything that does not hold.
pub fn run(seed: u64, plan: Plan) -> Result<Report, Failure> {
    let failure = |wrong: Vec<String>| Failure { seed, wrong };
    let world = World::new(seed, plan.storm, plan.bug, plan.buyers, plan.purchases);
    let world = world.map_err(|e| failure(vec![e.to_string()]))?;
    let wrong = world.weave.run(live(&world)).unwrap_or_else(|stuck| Ok(vec![stuck.to_string()]));
    let mut wrong = wrong.unwrap_or_else(|e| vec![format!("the books cannot be read: {e}")]);
    wrong.extend(world.broken().map(|e| format!("the simulation does not start: {e}")));
    if wrong.is_empty() { Ok(report(&world)) } else { Err(failure(wrong)) }
}

/// Storm, calm, and the checks.
async fn live(world: &Arc<World>) -> Result<Vec<String>> {
    let clock = world.clock();
    // Payments begin to be good a little before they are signed, and chain time lags behind.
    clock.sleep(20_000).await;
    fate::begin(world);
    let begun = clock.now();
    while !world.buyers.iter().all(|buyer| buyer.is_done()) && world.broken().is_none() {
        clock.sleep(LOOK_MS).await;
        if clock.now().ms_since(begun) > SHOPPING_MS {
            return Ok(vec!["the shopping does not end".to_owned()]);
        }
    }
    fate::end(world);
    let ended = clock.now();
    loop {
        clock.sleep(LOOK_MS).await;
        let left = check::left_over(world).await?;
        if left.is_empty() || clock.now().ms_since(ended) > REST_MS || world.broken().is_some() {
            let mut wrong = check::wrongs(world).await?;
            wrong.extend(left);
            return Ok(wrong);
        }
    }
}

fn report(world: &World) -> Report {
    let things = world.log.things();
    let settled = world.chain.balance(&world.payee, &world.token) / crate::world::PRICE;
    let seen = format!("{things:?} {:?} {:?}", world.log.served(), world.chain.picture());
    Report {
        purchases: world.log.purchases(),
        payments: u64::try_from(things.len()).unwrap_or(u64::MAX),
        served: world.log.count(End::Served),
        undelivered: world.log.count(End::Undelivered),
        unknown: world.log.count(End::Unknown),
        failed: world.log.count(End::Failed),
        settled: u64::try_from(settled).unwrap_or(u64::MAX),
        stolen: world.log.stolen(),
        crashes: world.weave.crashes(),
        reorgs: world.chain.reorgs(),
        steps: world.weave.steps(),
        trace: seen.bytes().fold(world.weave.fingerprint(), |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        }),
    }
}
