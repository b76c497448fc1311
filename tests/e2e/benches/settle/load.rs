//! Putting a facilitator under load, on a fresh chain.

use crate::facilitators::Ready;
use crate::figures::Case;
use crate::heads::Heads;
use crate::machine::{cpu, say};
use crate::node::{ask, chain};
use crate::payments::{AMOUNT, body, payment};
use futures::StreamExt;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tollway_devnet::Devnet;
use tollway_e2e::{Anything, Outcome};

/// Payments in flight.
pub(crate) const AT_ONCE: usize = 32;
/// Payments before the measured ones, and the time within which they are begun.
const WARM_UP: Amount = Amount { count: 64, within: Duration::from_secs(2), states: false };
/// The longest that one settlement may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a merchant has to begin with.
const MERCHANT: u128 = 100_000_000;

/// How blocks come, and what is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Manner {
    /// A block for each transaction: rates and times.
    Automine,
    /// A block for each transaction, through a proxy: JSON-RPC calls.
    Counted,
    /// A block each second: the time after it.
    Blocks,
}

impl Manner {
    pub(crate) const ALL: [Self; 3] = [Self::Automine, Self::Counted, Self::Blocks];
}

/// How many payments, the time within which they are begun, and whether the node keeps the state of old blocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Amount {
    pub(crate) count: usize,
    pub(crate) within: Duration,
    pub(crate) states: bool,
}

/// One payment that was settled.
#[derive(Debug, Clone)]
pub(crate) struct Settled {
    pub(crate) begun: Instant,
    pub(crate) answered: Instant,
    pub(crate) transaction: String,
}

impl Settled {
    pub(crate) fn time(&self) -> Duration {
        self.answered.duration_since(self.begun)
    }
}

/// One facilitator in one manner.
pub(crate) async fn case(ready: &Ready, manner: Manner, amount: Amount) -> Outcome<Case> {
    let devnet = chain(manner, amount.states).await?;
    let (chain, node) = (&devnet.chains()[0], devnet.chains()[0].node_url());
    let rpc = if manner == Manner::Counted { chain.http_url() } else { node.clone() };
    let facilitator = ready.start(&devnet, &rpc).await?;
    let count = WARM_UP.count.saturating_add(amount.count);
    let bodies: Outcome<Vec<String>> = (0..count).map(|n| Ok(body(&payment(&devnet, n)?))).collect();
    let (client, url) = (reqwest::Client::builder().timeout(PATIENCE).build()?, facilitator.settle_url());
    let bodies = bodies?;
    let (first, rest) = bodies.split_at(WARM_UP.count);
    let warm = settle(&client, &url, first, WARM_UP.within).await;
    let heads = if manner == Manner::Blocks { Some(Heads::follow(&node).await?) } else { None };
    chain.reset_counts();
    let (own, nodes, began) = (cpu(facilitator.pid())?, cpu(chain.node_pid())?, Instant::now());
    let answers = settle(&client, &url, rest, amount.within).await;
    let took = began.elapsed();
    let (own, nodes) =
        (cpu(facilitator.pid())?.saturating_sub(own), cpu(chain.node_pid())?.saturating_sub(nodes));
    let calls = (manner == Manner::Counted).then(|| chain.counts().total());
    let ((warm, mut failed), (settled, late)) = (sort(warm), sort(answers));
    failed.extend(late);
    if let Some(why) = failed.first() {
        let told = format!("{}: {} payments were not settled, the first: {why}", ready.name(), failed.len());
        if ready.is_ours() {
            return Err(told.into());
        }
        say(&told);
    }
    paid(&devnet, warm.len() + settled.len(), failed.len()).await?;
    let after_block = match &heads {
        Some(heads) => after_block(&node, heads, &settled).await?,
        None => Vec::new(),
    };
    let each = settled.iter().map(Settled::time).collect();
    Ok(Case { took, each, failed: failed.len(), facilitator: own, node: nodes, calls, after_block })
}

/// Held against the chain: each that is said to be settled was paid, once. What failed may have been paid too, when only
/// the answer was wrong.
async fn paid(devnet: &Devnet, settled: usize, failed: usize) -> Outcome {
    let paid = devnet.chains()[0].usdc_balance(devnet.accounts().merchant(0).address()).await?;
    let least = MERCHANT + AMOUNT * u128::try_from(settled)?;
    let most = least + AMOUNT * u128::try_from(failed)?;
    if (least..=most).contains(&paid) {
        Ok(())
    } else {
        Err(format!("the merchant has {paid}, and should have {least}").into())
    }
}

fn sort(answers: Vec<Outcome<Settled>>) -> (Vec<Settled>, Vec<Anything>) {
    let (mut settled, mut failed) = (Vec::new(), Vec::new());
    for answer in answers {
        match answer {
            Ok(one) => settled.push(one),
            Err(why) => failed.push(why),
        }
    }
    (settled, failed)
}

/// Settles, and begins no payment when the time is over.
async fn settle(
    client: &reqwest::Client,
    url: &str,
    bodies: &[String],
    within: Duration,
) -> Vec<Outcome<Settled>> {
    let end = Instant::now() + within;
    let all = futures::stream::iter(bodies.iter().take_while(move |_| Instant::now() < end));
    all.map(|body| one(client, url, body)).buffer_unordered(AT_ONCE).collect().await
}

async fn one(client: &reqwest::Client, url: &str, body: &str) -> Outcome<Settled> {
    let begun = Instant::now();
    let request = client.post(url).header("content-type", "application/json").body(body.to_owned());
    let text = request.send().await?.text().await?;
    let answered = Instant::now();
    let answer: Value = serde_json::from_str(&text).map_err(|_| text.clone())?;
    let transaction = answer["transaction"].as_str().filter(|_| answer["success"] == true).ok_or(text)?;
    Ok(Settled { begun, answered, transaction: transaction.to_owned() })
}

/// From the event of the block that holds each payment to its answer. Zero where the answer came first.
pub(crate) async fn after_block(node: &str, heads: &Heads, settled: &[Settled]) -> Outcome<Vec<Duration>> {
    let client = reqwest::Client::new();
    let mut after = Vec::new();
    for one in settled {
        let receipt = ask(&client, node, "eth_getTransactionReceipt", json!([one.transaction])).await?;
        let number = receipt["blockNumber"].as_str().ok_or("a settled payment is in no block")?;
        let number = u64::from_str_radix(number.trim_start_matches("0x"), 16)?;
        let head = heads.of(number).ok_or_else(|| format!("block {number} was not announced"))?;
        after.push(one.answered.saturating_duration_since(head));
    }
    Ok(after)
}
