//! The configuration file: networks, keys, limits. Keys are named by where they are, never written in it.

use crate::exit::{Failure, Outcome};
use crate::serving::{Screens, Serving};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tollway::core::Usd;

/// `tollway.toml`.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// This process's lasting name; two processes over one ledger need two.
    #[serde(default = "default_name")]
    pub(crate) name: String,
    /// The ledger's file; as every path in here, from the folder that this file is in.
    #[serde(default = "default_ledger")]
    pub(crate) ledger: PathBuf,
    /// The environment variable that holds a PostgreSQL URL, for a ledger that several machines share; `ledger` is unused then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ledger_env: Option<String>,
    /// True when networks whose coins are worth something may be used; the same as `--mainnet`.
    #[serde(default)]
    pub(crate) mainnet: bool,
    /// The chains.
    #[serde(default, rename = "network")]
    pub(crate) networks: Vec<Network>,
    /// The keys that pay, one for each family of networks.
    #[serde(default)]
    pub(crate) payer: Places,
    /// The keys that settle.
    #[serde(default, rename = "settler")]
    pub(crate) settlers: Places,
    /// The payer's limits.
    #[serde(default)]
    pub(crate) policy: Limits,
    /// What keys may sign, whatever asks them.
    #[serde(default, rename = "key_policy", skip_serializing_if = "Vec::is_empty")]
    pub(crate) key_policies: Vec<crate::custody::KeyLimits>,
    /// Where the facilitator listens, whom it serves, and what it spends gas on.
    #[serde(default)]
    pub(crate) facilitator: Serving,
    /// Other people's facilitators, which ours settles through: behind one pool with its own senders.
    #[serde(default, rename = "remote", skip_serializing_if = "Vec::is_empty")]
    pub(crate) remotes: Vec<crate::remotes::Remote>,
    /// The sanctions list that payments are screened by, on both sides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) screening: Option<Screens>,
    /// Where a monitor reads; nowhere without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) metrics: Option<crate::metrics::Metrics>,
    /// Fixed prices in USD per whole unit, by `eip155:8453/native` or `eip155:8453/0x…`.
    #[serde(default)]
    pub(crate) prices: BTreeMap<String, FixedPrice>,
    /// Prices over HTTP, beside the feeds of the chains.
    #[serde(default, rename = "price_feed", skip_serializing_if = "Vec::is_empty")]
    pub(crate) price_feeds: Vec<PriceFeed>,
    /// How far sources of a price may be apart, and how many must agree.
    #[serde(default)]
    pub(crate) price_agreement: Agreement,
    /// Settings of schemes, by their name.
    #[serde(default)]
    pub(crate) schemes: BTreeMap<String, toml::Value>,
}

/// One chain.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Network {
    /// CAIP-2 id: the node must serve this chain.
    pub(crate) id: String,
    /// The node's URL, or those of several nodes, separated by spaces: the first is asked as long as it is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rpc: Option<String>,
    /// The environment variable that holds the node's URL, for URLs with a key in them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rpc_env: Option<String>,
    /// Confirmations that count as final; without it the network's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) confirmations: Option<u32>,
    /// The most that is ever offered per gas, in wei; EVM only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fee_cap_wei: Option<u64>,
    /// The most that is offered for what is stuck, in multiples of the first offer; EVM only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bid_times_max: Option<u32>,
}

/// A price that is fixed, in USD per whole unit.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(untagged)]
pub(crate) enum FixedPrice {
    /// Of a coin or token whose fraction digits are known.
    Known(String),
    /// Of a token that is in no table.
    Token(TokenPrice),
}

/// The price of a token that is in no table.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenPrice {
    /// In USD per whole unit.
    pub(crate) usd: String,
    /// How many fraction digits a whole unit has.
    pub(crate) decimals: u8,
}

/// Where a price is on the web.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PriceFeed {
    /// An endpoint that answers JSON.
    pub(crate) url: String,
    /// Where in it the price in USD is, as a JSON pointer: `/data/amount`.
    pub(crate) price: String,
    /// Whose price: `eip155:8453/native` or `eip155:8453/0x…`, any number of them.
    pub(crate) assets: Vec<String>,
    /// Where in it the Unix time of the price is, as a JSON pointer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time: Option<String>,
    /// How old the price may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_age_secs: Option<u64>,
    /// Headers to send, by name: the environment variable that holds each one's value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) headers_env: BTreeMap<String, String>,
}

/// How far sources of a price may be apart, and how many must agree.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Agreement {
    /// In hundredths of a percent of the lower price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) apart_bps_max: Option<u32>,
    /// By default more than half.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) agree_min: Option<usize>,
}

/// Where keys are: one place, or a list of them.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(from = "OneOrMore")]
pub(crate) struct Places(pub(crate) Vec<Key>);

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(Key),
    More(Vec<Key>),
}

impl From<OneOrMore> for Places {
    fn from(places: OneOrMore) -> Self {
        match places {
            OneOrMore::One(key) => Self(vec![key]),
            OneOrMore::More(keys) => Self(keys),
        }
    }
}

/// Where a private key is.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(untagged, deny_unknown_fields)]
pub(crate) enum Key {
    /// In an environment variable, as its family spells it; or several, separated by commas.
    Env {
        /// Its name.
        env: String,
    },
    /// In a plain file, such as Solana's tools write.
    File {
        /// The file.
        file: PathBuf,
    },
    /// In an encrypted keystore file.
    Keystore {
        /// The file.
        keystore: PathBuf,
        /// The environment variable with its password.
        password_env: String,
    },
}

/// The payer's limits.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limits {
    /// The most for one payment, in USD.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_usd: Option<Usd>,
    /// The most within 24 hours, in USD.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) day_usd: Option<Usd>,
    /// Networks that may be paid on; empty for all.
    #[serde(default)]
    pub(crate) networks: Vec<String>,
    /// Hosts that may be paid; empty for all.
    #[serde(default)]
    pub(crate) hosts: Vec<String>,
    /// May the payer's own account send what a route wants done first (EVM: a one-time approval of Permit2), and pay its
    /// gas? Without it such a route is refused, unless somebody else pays for that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) own_transactions: bool,
}

fn default_name() -> String {
    "tollway".to_owned()
}

fn default_ledger() -> PathBuf {
    PathBuf::from("tollway.sqlite")
}

impl Config {
    /// Reads a file.
    ///
    /// `mainnet` is what was typed; either opts in.
    pub(crate) fn read(path: &Path, mainnet: bool) -> Outcome<Self> {
        let text = std::fs::read_to_string(path).map_err(|e| {
            Failure::usage(format!(
                "cannot read {}: {e}. `tollway devnet --write-config {}` writes one for local chains",
                path.display(),
                path.display()
            ))
        })?;
        let mut config: Self = toml::from_str(&text)
            .map_err(|e| Failure::usage(format!("{}: {}", path.display(), wrong(&e, &text))))?;
        config.mainnet |= mainnet;
        // From wherever the command is called, it must be the same memory.
        let home = path.parent().unwrap_or(Path::new(""));
        config.ledger = home.join(&config.ledger);
        let api_keys = config.facilitator.keys.iter_mut().map(|key| &mut key.place);
        for key in config.payer.0.iter_mut().chain(&mut config.settlers.0).chain(api_keys) {
            if let Key::Keystore { keystore: file, .. } | Key::File { file } = key {
                *file = home.join(&*file);
            }
        }
        Ok(config)
    }
}

/// Where a file is wrong and why. The parser's own display shows the whole line, and the likeliest mistake is a key
/// written where only its place belongs.
fn wrong(e: &toml::de::Error, text: &str) -> String {
    let before = e.span().and_then(|at| text.get(..at.start));
    let line = before.map_or(1, |before| before.matches('\n').count().saturating_add(1));
    format!("TOML parse error at line {line}: {}", e.message())
}

#[cfg(test)]
mod tests {
    use super::{Config, FixedPrice, Key};
    use crate::serving::Bound;

    #[test]
    fn a_limit_is_off_only_by_that_word() {
        let read = |line: &str| toml::from_str::<Config>(&format!("[facilitator]\n{line}"));
        assert_eq!(read("day_usd = \"off\"").unwrap().facilitator.day_usd.get(), None);
        assert_eq!(read("gas_percent_max = 50").unwrap().facilitator.gas_percent_max, Bound::At(50));
        for wrong in
            ["day_usd = \"\"", "day_usd = \"none\"", "gas_percent_max = -1", "gas_percent_max = \"no\""]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        let silent = "[screening]\nchain = \"eip155:1\"\ncontract = \"0x\"\n";
        assert!(toml::from_str::<Config>(silent).unwrap_err().message().contains("silence"));
    }

    /// What the book shows must be what is read here.
    #[test]
    fn the_configuration_in_the_book_can_be_read() {
        let chapter = include_str!("../../src/book/command.rs");
        let lines = chapter.lines().skip_while(|line| !line.ends_with("```toml")).skip(1);
        let lines =
            lines.take_while(|line| !line.ends_with("```")).map(|line| line.trim_start_matches("//!"));
        let config: Config = toml::from_str(&lines.collect::<Vec<_>>().join("\n")).unwrap();
        assert_eq!((config.networks.len(), config.networks[1].confirmations), (2, Some(2)));
        let bounds = |n: &super::Network| (n.fee_cap_wei, n.bid_times_max);
        assert_eq!(
            (bounds(&config.networks[0]), bounds(&config.networks[1])),
            ((None, None), (Some(50_000_000_000), Some(10)))
        );
        assert!(matches!(&config.payer.0[..], [Key::Env { env }] if env == "PAYER_KEY"));
        assert!(matches!(&config.settlers.0[..], [Key::Keystore { .. }, Key::File { .. }]));
        assert_eq!((config.policy.networks.len(), config.key_policies.len()), (2, 2));
        let none = crate::custody::hold(&config, tollway::nodes::Keys::none()).unwrap();
        let payer = none.policy_of("0x209693Bc6afc0C5328bA36FaF03C514EF312287C").unwrap();
        assert_eq!((payer.assets[0].max, payer.validity_s_max, payer.fees.len()), (100_000, 600, 0));
        let other = none.policy_of("0x0000000000000000000000000000000000000001").unwrap();
        assert_eq!(
            (other.calls.len(), other.calls[0].selector, other.messages.len()),
            (1, Some([0xe3, 0xee, 0x16, 0x0e]), 0)
        );
        assert!(config.policy.max_usd.is_some() && config.policy.day_usd.is_some());
        assert_eq!((config.prices.len(), config.schemes.len()), (2, 1));
        let written = |price: &FixedPrice| matches!(price, FixedPrice::Token(token) if token.decimals == 18);
        assert_eq!(config.prices.values().filter(|price| written(price)).count(), 1);
        assert!(config.policy.own_transactions);
        assert_eq!((config.price_feeds.len(), config.price_agreement.apart_bps_max), (1, Some(200)));
        let serving = &config.facilitator;
        assert_eq!((serving.payees.len(), serving.assets.len(), serving.keys.len()), (1, 1, 2));
        assert!(serving.keys.iter().all(|key| matches!(&key.place, Key::Env { .. } | Key::File { .. })));
        assert!(config.screening.is_some());
        assert_eq!((config.remotes.len(), config.remotes[0].headers_env.len()), (1, 1));
        // What the book shows as a default is one.
        let defaults = |text: &str| -> Config { toml::from_str(text).unwrap() };
        let (own, ours) = (defaults("").facilitator, serving);
        assert_eq!((own.amount_usd_min, own.gas_percent_max), (ours.amount_usd_min, ours.gas_percent_max));
        assert_eq!((own.day_usd, own.day_usd_caller), (ours.day_usd, ours.day_usd_caller));
        assert_eq!((own.day_usd_payee, own.gas_usd_max), (ours.day_usd_payee, ours.gas_usd_max));
        assert_eq!((own.failures_payer, own.failures_payee), (ours.failures_payer, ours.failures_payee));
        assert_eq!(own.failures_caller, ours.failures_caller);
        assert_eq!(own.at_once_per_payer, ours.at_once_per_payer);
        assert_eq!(own.gas_over_plain_percent_max, ours.gas_over_plain_percent_max);
        assert_eq!((own.listen, own.at_once_per_caller), (ours.listen, ours.at_once_per_caller));
        assert_eq!(own.lease_ms, ours.lease_ms);
    }
}
