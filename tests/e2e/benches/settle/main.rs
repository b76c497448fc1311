//! How many settlements a second a facilitator makes, one transaction each, and how soon after its block it answers: ours,
//! with the journal on disk and each payment simulated before it is sent, and beside it the facilitators of others.
//!
//! `cargo bench -p tollway-e2e --bench settle -- --table` prints Markdown. Every facilitator is a process of its own, and so
//! its processor time is its own; the rate is the machine's, with the node and the clients on it. Each case has a
//! fresh node of the same build, as nodes slow down with every block. "node alone" sends transactions that are signed
//! already, and nothing else. A row is three cases:
//!
//! 1. the node mines each transaction as it comes: settlements a second, time from request to answer, processor time;
//! 2. the same through a counting proxy: JSON-RPC calls for each settlement;
//! 3. a block each second: time from the `newHeads` event of the block that holds the payment to the HTTP answer.
//!
//! A case makes `--count` payments, or as many as its time allows. `--lanes N` leaves one number of our keys, `--only
//! TEXT` the rows whose name holds the text. The facilitators of others are fetched and built by the first run, which
//! takes minutes; one that cannot be is left out, and the reason said.
//!
//! The node keeps no state of old blocks unless `--states` is given: copying all of it for each block is much of its work.
//! Without them a read fails when a block comes in between; ours asks again.

#[path = "../../../golden/src/child.rs"]
#[allow(dead_code, unused_imports, reason = "its tests run where it is at home")]
mod child;
mod facilitators;
mod figures;
mod heads;
mod load;
mod machine;
mod node;
mod ours;
mod payments;
mod program;
#[path = "../../../golden/src/python.rs"]
#[allow(unreachable_pub, reason = "public in the crate that it belongs to")]
mod python;
mod rust;
#[path = "../../../interop/src/sdk.rs"]
#[allow(unreachable_pub, reason = "it is public where it is at home")]
mod sdk;

use facilitators::{Kind, Ready};
use figures::Row;
use load::{Amount, Manner};
use std::time::{Duration, Instant};
use tollway_e2e::Outcome;

/// After this time no case begins. A whole run takes four minutes.
const BOUND: Duration = Duration::from_secs(430);

/// What the command line asks for.
struct Wishes {
    /// One short case of ours, as when `cargo test` runs the benches.
    short: bool,
    count: Option<usize>,
    lanes: Option<usize>,
    states: bool,
    only: Option<String>,
}

impl Wishes {
    fn read() -> Self {
        let arguments: Vec<String> = std::env::args().collect();
        let after = |name: &str| arguments.iter().skip_while(|a| *a != name).nth(1);
        Self {
            short: !arguments.iter().any(|a| a == "--bench"),
            count: after("--count").and_then(|n| n.parse().ok()),
            lanes: after("--lanes").and_then(|n| n.parse().ok()),
            states: arguments.iter().any(|a| a == "--states"),
            only: after("--only").cloned(),
        }
    }

    fn wanted(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| name.to_lowercase().contains(&only.to_lowercase()))
    }

    fn kinds(&self) -> Vec<Kind> {
        match (self.short, self.lanes) {
            (true, lanes) => vec![Kind::Tollway { keys: lanes.unwrap_or(4) }],
            (false, Some(keys)) => vec![Kind::Tollway { keys }],
            (false, None) => Kind::ALL.to_vec(),
        }
    }

    /// Those that can be started. What is fetched and built is so before anything is measured.
    fn ready(&self) -> Vec<Ready> {
        let mut ready = Vec::new();
        for kind in self.kinds().into_iter().filter(|kind| self.wanted(&kind.name())) {
            match kind.prepare() {
                Ok(one) => ready.push(one),
                Err(why) => machine::say(&format!("{} is left out: {why}", kind.name())),
            }
        }
        ready
    }

    /// How much of a manner.
    fn amount(&self, manner: Manner) -> Amount {
        let (count, seconds) = match manner {
            _ if self.short => (64, 60),
            Manner::Automine => (1_000, 12),
            Manner::Counted => (64, 4),
            Manner::Blocks => (256, 9),
        };
        Amount {
            count: self.count.unwrap_or(count),
            within: Duration::from_secs(seconds),
            states: self.states,
        }
    }
}

fn main() -> Outcome {
    let wishes = Wishes::read();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let manners: &[Manner] = if wishes.short { &[Manner::Automine, Manner::Blocks] } else { &Manner::ALL };
    let ready = wishes.ready();
    let (before, began) = (machine::load(), Instant::now());
    let mut rows = Vec::new();
    if wishes.wanted(figures::ALONE) {
        let mut row = Row::new(figures::ALONE);
        for manner in manners.iter().filter(|manner| **manner != Manner::Counted) {
            row.add(*manner, runtime.block_on(node::alone(*manner, wishes.amount(*manner)))?);
        }
        rows.push(row);
    }
    for ready in &ready {
        let mut row = Row::new(&ready.name());
        for manner in manners {
            if began.elapsed() > BOUND {
                machine::say(&format!("{}, {manner:?} is left out: time is over", ready.name()));
                continue;
            }
            match runtime.block_on(load::case(ready, *manner, wishes.amount(*manner))) {
                Ok(case) => row.add(*manner, case),
                Err(why) if ready.is_ours() => return Err(why),
                Err(why) => machine::say(&format!("{}, {manner:?} is left out: {why}", ready.name())),
            }
        }
        rows.extend((!row.is_empty()).then_some(row));
    }
    figures::print(&rows, &format!("{}; load {before} before, {} after", machine::name(), machine::load()));
    Ok(())
}
