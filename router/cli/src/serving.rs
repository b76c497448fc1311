//! The sections `[facilitator]` and `[screening]` of the configuration. Every limit of a facilitator has a default, and
//! none is off unless somebody wrote `"off"`.

use crate::config::Key;
use serde::{Deserialize, Serialize};
use tollway::core::Usd;
use tollway::route::Silence;

/// Where the facilitator listens, whom it serves, and what it spends gas on.
#[derive(Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Serving {
    /// Address and port.
    pub(crate) listen: std::net::SocketAddr,
    /// How long a dead facilitator's keys lie idle, in milliseconds, where several share a PostgreSQL ledger and their keys: a
    /// lease is renewed four times as often. From 1,000 to 600,000.
    pub(crate) lease_ms: u64,
    /// True when callers without an API key are served too, all of them as one caller. Without keys and without this, it
    /// serves this machine alone.
    pub(crate) open: bool,
    /// Payees that are settled for, `eip155:8453/0x…`; empty for all.
    pub(crate) payees: Vec<String>,
    /// Assets that are settled, spelled alike; empty for all.
    pub(crate) assets: Vec<String>,
    /// The least that is settled, in USD.
    pub(crate) amount_usd_min: Bound<Usd>,
    /// The most that gas may be of the amount.
    pub(crate) gas_percent_max: Bound<u32>,
    /// The most that gas of one settlement may be, in USD.
    pub(crate) gas_usd_max: Bound<Usd>,
    /// The most that gas may be of a plain payment's.
    pub(crate) gas_over_plain_percent_max: Bound<u32>,
    /// All gas within 24 hours, in USD; for one caller; for one payee.
    pub(crate) day_usd: Bound<Usd>,
    pub(crate) day_usd_caller: Bound<Usd>,
    pub(crate) day_usd_payee: Bound<Usd>,
    /// Settlements of one payer, payee or caller that may fail within an hour.
    pub(crate) failures_payer: Bound<u32>,
    pub(crate) failures_payee: Bound<u32>,
    pub(crate) failures_caller: Bound<u32>,
    /// Settlements of one payer under way at once.
    pub(crate) at_once_per_payer: Bound<u32>,
    /// Settlements of one caller under way at once.
    pub(crate) at_once_per_caller: usize,
    /// Who may use it.
    #[serde(rename = "key", skip_serializing_if = "Vec::is_empty")]
    pub(crate) keys: Vec<KnownCaller>,
}

impl Default for Serving {
    fn default() -> Self {
        Self {
            listen: ([127, 0, 0, 1], 8402).into(),
            lease_ms: 10_000,
            open: false,
            payees: Vec::new(),
            assets: Vec::new(),
            amount_usd_min: Bound::At(Usd::from_micros(100)),
            gas_percent_max: Bound::At(100),
            gas_usd_max: Bound::At(Usd::from_micros(5_000_000)),
            gas_over_plain_percent_max: Bound::At(400),
            day_usd: Bound::At(Usd::from_micros(100_000_000)),
            day_usd_caller: Bound::At(Usd::from_micros(50_000_000)),
            day_usd_payee: Bound::At(Usd::from_micros(25_000_000)),
            failures_payer: Bound::At(3),
            failures_payee: Bound::At(20),
            failures_caller: Bound::At(50),
            at_once_per_payer: Bound::At(32),
            at_once_per_caller: 256,
            keys: Vec::new(),
        }
    }
}

/// A limit, or the word that there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub(crate) enum Bound<T> {
    /// None.
    Off(Off),
    /// This.
    At(T),
}

/// The word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) enum Off {
    /// `"off"`
    #[serde(rename = "off")]
    Off,
}

impl<T: Copy> Bound<T> {
    pub(crate) fn get(self) -> Option<T> {
        match self {
            Self::Off(_) => None,
            Self::At(limit) => Some(limit),
        }
    }
}

/// One caller, and where its API key is.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct KnownCaller {
    /// The caller's name, which its budgets have too.
    pub(crate) name: String,
    /// An environment variable or a plain file.
    #[serde(flatten)]
    pub(crate) place: Key,
}

/// The sanctions list that payers, payees and tokens are looked up in.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Screens {
    /// The chain it is on; one of the networks.
    pub(crate) chain: String,
    /// Its address there.
    pub(crate) contract: String,
    /// What it means when it does not answer: `closed` or `open`. There is no default.
    pub(crate) silence: Silence,
    /// How long it may take, in milliseconds.
    #[serde(default = "limit_ms")]
    pub(crate) limit_ms: u64,
}

fn limit_ms() -> u64 {
    2_000
}
