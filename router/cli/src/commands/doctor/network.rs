//! Do the nodes answer, how fast, for which chain; and are the tokens there those of the tables?

use super::finding::{Finding, words};
use super::{all, within};
use crate::config::{self, Config};
use crate::setup;
use std::sync::Arc;
use std::time::Instant;
use tollway::core::{Checkup, Code, Error, Purpose};
use tollway::ledger::SqliteLedger;
use tollway::nodes::{self, Connected, Hands, Keys};
use tollway::system::SystemClock;

const AREA: &str = "network";

/// A configured network: what came of connecting to it.
pub(super) struct Node {
    pub(super) id: String,
    /// Where it is, for questions about its clock; never shown.
    pub(super) url: Option<String>,
    pub(super) live: Option<Live>,
    pub(super) findings: Vec<Finding>,
}

/// A network that answers.
pub(super) struct Live {
    pub(super) connected: Connected,
    pub(super) checkup: Result<Checkup, String>,
}

/// Connects to all of them without any key and with a memory of its own: nothing is sent, and nothing is taken up.
pub(super) async fn connect(config: &Config) -> Vec<Node> {
    all(config.networks.iter().map(one)).await
}

async fn one(network: &config::Network) -> Node {
    let id = network.id.clone();
    let broken = |url, finding| Node { id: network.id.clone(), url, live: None, findings: vec![finding] };
    let node = match setup::node(network) {
        Ok(node) => node,
        Err(e) => {
            let advice = "set the variable that `rpc_env` names, or write the URL into `rpc`; an id is CAIP-2's: \"eip155:8453\" is Base";
            let said = e.words.strip_prefix(&format!("{id}: ")).unwrap_or(&e.words).to_owned();
            return broken(None, Finding::bad(AREA, id, said, advice));
        }
    };
    let url = setup::url(network).ok();
    let (connected, mut findings) = tokio::join!(reach(&node), each_alone(&id, &node));
    let connected = match connected {
        Ok(connected) => connected,
        Err((said, advice)) => return broken(url, Finding::bad(AREA, id, said, advice)),
    };
    let began = Instant::now();
    let fees = within(connected.handle.network.tariff(Purpose::Interactive, &[])).await;
    let took_ms = began.elapsed().as_millis();
    let finding = match fees {
        Ok(Ok(_)) if took_ms > SLOW_MS => {
            let advice = "quotes wait at most three seconds for it: take a nearer or a better node";
            Finding::warn(AREA, &id, format!("answers, and took {took_ms} ms to tell its fees"), advice)
        }
        Ok(Ok(_)) => Finding::ok(AREA, &id, format!("serves this chain, and tells its fees in {took_ms} ms")),
        Ok(Err(e)) => Finding::bad(AREA, &id, format!("tells no fees: {}", words(&e)), FEES),
        Err(late) => Finding::bad(AREA, &id, format!("tells no fees: {late}"), FEES),
    };
    let checkup = match within(nodes::checkup(&connected)).await {
        Ok(Ok(checkup)) => Ok(checkup),
        Ok(Err(e)) => Err(words(&e)),
        Err(late) => Err(late),
    };
    findings.insert(0, finding);
    Node { id, url, live: Some(Live { connected, checkup }), findings }
}

/// Connects; or what was said, and what to do.
async fn reach(node: &nodes::Node) -> Result<Connected, (String, &'static str)> {
    let connecting = async {
        let ledger = Arc::new(SqliteLedger::in_memory()?);
        let hands = Hands {
            payers: Keys::none(),
            senders: Keys::none(),
            ledger,
            leases: None,
            clock: Arc::new(SystemClock),
        };
        nodes::connect(node, &hands).await
    };
    match within(connecting).await {
        Ok(connected) => connected.map_err(|e| (words(&e), advice(&e))),
        Err(late) => Err((late, SILENT)),
    }
}

/// Of several nodes each by itself: one that is away hides behind the others until they are away too.
async fn each_alone(id: &str, node: &nodes::Node) -> Vec<Finding> {
    let urls: Vec<_> = std::iter::once(&node.url).chain(&node.others).collect();
    if urls.len() == 1 {
        return Vec::new();
    }
    let count = urls.len();
    let alone = urls.into_iter().enumerate().map(|(at, url)| async move {
        let node = nodes::Node { url: url.clone(), others: Vec::new(), ..node.clone() };
        let (said, advice) = reach(&node).await.err()?;
        let subject = format!("{id}, node {} of {count}", at.saturating_add(1));
        Some(Finding::warn(AREA, subject, said, advice))
    });
    all(alone).await.into_iter().flatten().collect()
}

/// Slower than this, and a node is worth a word.
const SLOW_MS: u128 = 1_000;

const SILENT: &str = "is the node up, and may this machine reach it? Try another one in `rpc`";
const FEES: &str =
    "the node must answer eth_feeHistory and eth_call (or Solana's fee methods): try another one";

fn advice(e: &Error) -> &'static str {
    match e.code {
        Code::WrongChain => "the URL belongs to another chain: mend `rpc` or `id`",
        Code::BadSettings => "mend this [[network]] section; a URL is like \"https://node.example\"",
        Code::RpcRefused => "the node refuses: is its key right, and its quota not used up?",
        _ => SILENT,
    }
}

/// The known tokens of every network that answers.
pub(super) async fn tokens(nodes: &[Node]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (id, live) in nodes.iter().filter_map(|node| Some((&node.id, node.live.as_ref()?))) {
        let tokens = match &live.checkup {
            Ok(checkup) => &checkup.tokens,
            Err(why) => {
                findings.push(Finding::bad("tokens", id, format!("cannot be looked at: {why}"), FEES));
                continue;
            }
        };
        let right: Vec<_> = tokens.iter().filter(|t| t.wrong.is_none()).map(|t| t.symbol).collect();
        if !right.is_empty() {
            let said = format!("{} as in the table", right.join(", "));
            findings.push(Finding::ok("tokens", id, said));
        }
        for (token, wrong) in tokens.iter().filter_map(|t| Some((t, t.wrong.as_ref()?))) {
            let subject = format!("{id} {}", token.symbol);
            let advice = "do not pay or sell in it here: signatures would be worth nothing. Is this node on the real chain?";
            findings.push(Finding::bad("tokens", subject, wrong, advice));
        }
    }
    findings
}
