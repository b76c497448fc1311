//! One case as both programs read it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Case {
    pub(crate) id: u64,
    pub(crate) kind: String,
    pub(crate) challenge: String,
    pub(crate) host: Option<String>,
    pub(crate) now_ms: u64,
    pub(crate) payer: String,
    pub(crate) price_ttl_ms: u64,
    pub(crate) stale_ms: u64,
    pub(crate) exact: Value,
    pub(crate) policy: PolicyOf,
    pub(crate) ledger: LedgerOf,
    pub(crate) scorer: Option<ScorerOf>,
    pub(crate) fixed: Vec<Fixed>,
    pub(crate) bare: Vec<String>,
    pub(crate) networks: Vec<NetworkOf>,
    pub(crate) steps: Vec<Step>,
    pub(crate) nodes: BTreeMap<String, Node>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct NetworkOf {
    pub(crate) chain: String,
    pub(crate) signer: bool,
    pub(crate) feeds: Vec<FeedOf>,
    pub(crate) learned: Vec<Value>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FeedOf {
    pub(crate) key: String,
    pub(crate) decimals: u8,
    pub(crate) address: String,
    pub(crate) max_age_s: u64,
}

/// A look at the market, taken earlier.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Step {
    pub(crate) age_ms: u64,
    pub(crate) tariffs: Vec<String>,
    pub(crate) prices: Vec<String>,
    pub(crate) nodes: BTreeMap<String, Node>,
}

/// How a node answers one kind of question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Way {
    Answers,
    Silent,
    Refuses,
    Broken,
}

/// What a node answers: raw results, `None` where a call reverts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Node {
    pub(crate) fees: Way,
    pub(crate) feeds: Way,
    pub(crate) funds: Way,
    pub(crate) time_s: u64,
    pub(crate) fee_history: Value,
    pub(crate) oracle: BTreeMap<String, Option<String>>,
    pub(crate) arb: BTreeMap<String, Option<String>>,
    /// By feed: `latestRoundData`, `decimals`.
    pub(crate) rounds: BTreeMap<String, [Option<String>; 2]>,
    pub(crate) balances: BTreeMap<String, Option<String>>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ListOf {
    pub(crate) mode: String,
    pub(crate) of: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PolicyOf {
    pub(crate) networks: ListOf,
    pub(crate) assets: ListOf,
    pub(crate) payees: ListOf,
    pub(crate) hosts: ListOf,
    pub(crate) cap: Option<String>,
    pub(crate) caps: Vec<(String, String)>,
    pub(crate) budgets: Vec<BudgetOf>,
    pub(crate) allow_mainnet: bool,
    pub(crate) timeout_s_max: Option<u64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct BudgetOf {
    pub(crate) id: String,
    /// `all`, `host`, `asset` or `payee`, and of what.
    pub(crate) scope: (String, String),
    pub(crate) limit: String,
    pub(crate) window_ms: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct LedgerOf {
    pub(crate) broken: bool,
    pub(crate) holds: Vec<HoldOf>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct HoldOf {
    pub(crate) lines: Vec<(String, String)>,
    /// When it was closed, what was taken, of how much.
    pub(crate) closed: Option<(u64, String, String)>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct ScorerOf {
    pub(crate) penalty: BTreeMap<String, String>,
    pub(crate) latency: BTreeMap<String, u64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Fixed {
    pub(crate) asset: String,
    pub(crate) answer: String,
    pub(crate) answer_decimals: u8,
    pub(crate) asset_decimals: u8,
}
