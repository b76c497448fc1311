//! One case as both programs read it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Case {
    pub id: u64,
    pub kind: String,
    pub challenge: String,
    pub host: Option<String>,
    pub now_ms: u64,
    pub payer: String,
    pub price_ttl_ms: u64,
    pub stale_ms: u64,
    pub exact: Value,
    pub policy: PolicyOf,
    pub ledger: LedgerOf,
    pub scorer: Option<ScorerOf>,
    pub fixed: Vec<Fixed>,
    pub bare: Vec<String>,
    pub networks: Vec<NetworkOf>,
    pub steps: Vec<Step>,
    pub nodes: BTreeMap<String, Node>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NetworkOf {
    pub chain: String,
    pub signer: bool,
    pub feeds: Vec<FeedOf>,
    pub learned: Vec<Value>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FeedOf {
    pub key: String,
    pub decimals: u8,
    pub address: String,
    pub max_age_s: u64,
}

/// A look at the market, taken earlier.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Step {
    pub age_ms: u64,
    pub tariffs: Vec<String>,
    pub prices: Vec<String>,
    pub nodes: BTreeMap<String, Node>,
}

/// How a node answers one kind of question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    Answers,
    Silent,
    Refuses,
    Broken,
}

/// What a node answers: raw results, `None` where a call reverts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Node {
    pub fees: Way,
    pub feeds: Way,
    pub funds: Way,
    pub time_s: u64,
    pub fee_history: Value,
    pub oracle: BTreeMap<String, Option<String>>,
    pub arb: BTreeMap<String, Option<String>>,
    /// By feed: `latestRoundData`, `decimals`.
    pub rounds: BTreeMap<String, [Option<String>; 2]>,
    pub balances: BTreeMap<String, Option<String>>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListOf {
    pub mode: String,
    pub of: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PolicyOf {
    pub networks: ListOf,
    pub assets: ListOf,
    pub payees: ListOf,
    pub hosts: ListOf,
    pub cap: Option<String>,
    pub caps: Vec<(String, String)>,
    pub budgets: Vec<BudgetOf>,
    pub allow_mainnet: bool,
    pub timeout_s_max: Option<u64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BudgetOf {
    pub id: String,
    /// `all`, `host`, `asset` or `payee`, and of what.
    pub scope: (String, String),
    pub limit: String,
    pub window_ms: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LedgerOf {
    pub broken: bool,
    pub holds: Vec<HoldOf>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HoldOf {
    pub lines: Vec<(String, String)>,
    /// When it was closed, what was taken, of how much.
    pub closed: Option<(u64, String, String)>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ScorerOf {
    pub penalty: BTreeMap<String, String>,
    pub latency: BTreeMap<String, u64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Fixed {
    pub asset: String,
    pub answer: String,
    pub answer_decimals: u8,
    pub asset_decimals: u8,
}
