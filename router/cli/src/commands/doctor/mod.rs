//! `tollway doctor`: is everything that payments need there, and as it should be? Every check stands alone, so what is
//! broken hides nothing else, and none takes longer than its limit.

mod clock;
mod facilitator;
mod finding;
mod keys;
mod ledger;
mod network;
mod postgres;
mod prices;

use crate::args::Doctor;
use crate::config::Config;
use crate::exit::{Failure, Outcome};
use crate::out;
use finding::{Finding, State};
use std::future::Future;
use std::time::Duration;

/// The longest that one check takes; those of one kind run at once.
const LIMIT: Duration = Duration::from_secs(12);

pub(crate) async fn run(args: &Doctor) -> Outcome {
    let findings = match Config::read(&args.config, false) {
        Ok(config) => examine(args, &config).await,
        Err(e) => {
            let advice = match args.config.exists() {
                true => "mend the file; the chapter on the command in the docs explains each line",
                false => {
                    "name yours with --config, or write one: the chapter on the command in the docs has one to copy"
                }
            };
            vec![Finding::bad("config", args.config.display(), e.words, advice)]
        }
    };
    let bad = findings.iter().filter(|f| f.state == State::Bad).count();
    if args.json {
        out::json(&serde_json::json!({ "ok": bad == 0, "findings": findings }))?;
    } else {
        for finding in &findings {
            out::line(finding)?;
        }
    }
    match bad {
        0 => Ok(()),
        1 => Err(Failure::failed("one thing is broken")),
        more => Err(Failure::failed(format!("{more} things are broken"))),
    }
}

async fn examine(args: &Doctor, config: &Config) -> Vec<Finding> {
    let (ledger, nodes, keys) =
        tokio::join!(ledger::check(config), network::connect(config), keys::read(config));
    let mut findings = ledger;
    findings.extend(nodes.iter().flat_map(|node| node.findings.clone()));
    if nodes.is_empty() {
        let advice = "add [[network]] sections; `tollway devnet --write-config FILE` writes an example";
        findings.push(Finding::bad("network", "none", "no [[network]] is configured", advice));
    }
    let (tokens, prices, funds, clocks, facilitators) = tokio::join!(
        network::tokens(&nodes),
        prices::check(config, &nodes),
        keys::check(config, keys, &nodes),
        clock::check(&nodes),
        facilitator::check(args, config, &nodes),
    );
    for more in [tokens, prices, funds, clocks, facilitators] {
        findings.extend(more);
    }
    findings
}

/// What comes of a check, or that it took too long.
async fn within<T>(check: impl Future<Output = T>) -> Result<T, String> {
    let late = || format!("no answer within {} seconds", LIMIT.as_secs());
    tokio::time::timeout(LIMIT, check).await.map_err(|_| late())
}

/// All at once, in their order.
async fn all<T>(checks: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
    futures::future::join_all(checks).await
}
