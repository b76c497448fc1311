//! `[[key_policy]]`: what a key may sign, whatever asks it.

use crate::config::Config;
use crate::exit::{Failure, Outcome};
use crate::{prices, setup};
use serde::{Deserialize, Serialize};
use tollway::core::custody::{AllowedCall, AssetLimit, FeeLimit, KeyPolicy};
use tollway::core::{Account, AssetId, ChainId, Family};
use tollway::nodes::Keys;

/// Limits of some keys.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyLimits {
    /// The addresses of the keys; without them, all that no other policy holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    keys: Vec<String>,
    /// EIP-712 primary types.
    #[serde(default)]
    messages: Vec<String>,
    /// How long a message may stay usable.
    #[serde(default)]
    validity_s_max: u64,
    #[serde(default)]
    payees: Vec<String>,
    #[serde(default)]
    payees_denied: Vec<String>,
    #[serde(default, rename = "asset")]
    assets: Vec<Asset>,
    /// On EVM `chain/contract/function` or `chain/*/function`, a function by its selector in hex; elsewhere `chain/program`.
    #[serde(default)]
    calls: Vec<String>,
    #[serde(default, rename = "fee")]
    fees: Vec<Fee>,
}

/// Amounts are in atomic units, as text: they may be larger than TOML's numbers.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Asset {
    id: String,
    max: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hour: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    day: Option<String>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Fee {
    chain: String,
    max: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    day: Option<String>,
}

/// These keys, each behind its policy. Where there are policies, there is one for every key that is used: an address that is
/// misspelled would leave its key without.
pub(crate) fn hold(config: &Config, keys: Keys) -> Outcome<Keys> {
    let keys = config.key_policies.iter().try_fold(keys, |keys, limits| -> Outcome<Keys> {
        let policy = limits.policy()?;
        if limits.keys.is_empty() {
            return Ok(keys.held_to(None, policy)?);
        }
        limits.keys.iter().try_fold(keys, |keys, address| Ok(keys.held_to(Some(address), policy.clone())?))
    })?;
    let free = keys.addresses().into_iter().find(|(_, address)| keys.policy_of(address).is_none());
    match free.filter(|_| !config.key_policies.is_empty()) {
        None => Ok(keys),
        Some((_, address)) => Err(Failure::usage(format!(
            "[[key_policy]]: none holds {address}; name it in one, or add one without `keys` for all others"
        ))),
    }
}

/// Sees that every address in a policy is a configured key's: one that is misspelled would leave its key to the policy of all
/// others. All configured keys are read only where the ones at hand do not tell.
pub(crate) fn check(config: &Config, keys: &[&Keys], all: impl FnOnce() -> Outcome<Keys>) -> Outcome {
    let unknown = |keys: &[&Keys]| {
        let known: Vec<_> = keys.iter().flat_map(|keys| keys.addresses()).map(|(_, known)| known).collect();
        let mut named = config.key_policies.iter().flat_map(|limits| &limits.keys);
        named.find(|address| !known.iter().any(|known| known.eq_ignore_ascii_case(address))).cloned()
    };
    if unknown(keys).is_none() {
        return Ok(());
    }
    let Ok(all) = all() else { return Ok(()) };
    match unknown(&[&all]) {
        None => Ok(()),
        Some(address) => {
            Err(Failure::usage(format!("[[key_policy]]: {address} is the address of no configured key")))
        }
    }
}

/// What a policy allows, in one line.
pub(crate) fn describe(policy: &KeyPolicy) -> String {
    let assets = policy.assets.iter().map(|limit| {
        let within =
            |window: &str, most: Option<u128>| most.map(|m| format!(", {m} {window}")).unwrap_or_default();
        let (hour, day) = (within("an hour", limit.hour), within("a day", limit.day));
        format!("{} up to {}{hour}{day}", limit.asset, limit.max)
    });
    let fees = policy.fees.iter().map(|limit| {
        let day = limit.day.map(|most| format!(", {most} a day")).unwrap_or_default();
        format!("fees on {} up to {}{day}", limit.chain, limit.max)
    });
    let list = |what: &str, count: usize| (count > 0).then(|| format!("{count} {what}"));
    let lists = [
        list("payees", policy.payees.len()),
        list("denied payees", policy.payees_denied.len()),
        list("calls", policy.calls.len()),
    ];
    let messages = (!policy.messages.is_empty())
        .then(|| format!("{} for {} s", policy.messages.join(", "), policy.validity_s_max));
    let all: Vec<_> =
        messages.into_iter().chain(assets).chain(lists.into_iter().flatten()).chain(fees).collect();
    if all.is_empty() { "nothing".to_owned() } else { all.join("; ") }
}

impl KeyLimits {
    fn policy(&self) -> Outcome<KeyPolicy> {
        let accounts = |texts: &[String]| texts.iter().map(|text| account(text)).collect::<Outcome<Vec<_>>>();
        let asset = |one: &Asset| {
            Ok(AssetLimit {
                asset: asset(&one.id)?,
                max: atomic(&one.max)?,
                hour: one.hour.as_deref().map(atomic).transpose()?,
                day: one.day.as_deref().map(atomic).transpose()?,
            })
        };
        let fee = |one: &Fee| {
            let day = one.day.as_deref().map(atomic).transpose()?;
            Ok(FeeLimit { chain: setup::chain(&one.chain)?, max: atomic(&one.max)?, day })
        };
        Ok(KeyPolicy {
            assets: self.assets.iter().map(asset).collect::<Outcome<_>>()?,
            payees: accounts(&self.payees)?,
            payees_denied: accounts(&self.payees_denied)?,
            messages: self.messages.clone(),
            validity_s_max: self.validity_s_max,
            calls: self.calls.iter().map(|text| call(text)).collect::<Outcome<_>>()?,
            fees: self.fees.iter().map(fee).collect::<Outcome<_>>()?,
        })
    }
}

fn wrong(text: &str, right: &str) -> Failure {
    Failure::usage(format!("[[key_policy]]: {text:?} is not like {right}"))
}

fn atomic(text: &str) -> Outcome<u128> {
    text.parse().map_err(|_| wrong(text, "\"1000000\", whole atomic units"))
}

fn split(text: &str) -> Outcome<(Family, ChainId, &str)> {
    let like = || wrong(text, "\"eip155:8453/0x…\"");
    let (id, rest) = text.split_once('/').ok_or_else(like)?;
    let chain = setup::chain(id)?;
    Ok((prices::family(&chain).ok_or_else(like)?, chain, rest))
}

fn account(text: &str) -> Outcome<Account> {
    let (family, chain, address) = split(text)?;
    family.account(chain, address).map_err(|_| wrong(text, "\"eip155:8453/0x…\""))
}

fn asset(text: &str) -> Outcome<AssetId> {
    let (family, chain, key) = split(text)?;
    if key == "native" {
        return Ok(AssetId::native(chain));
    }
    family.asset(chain, key).map_err(|_| wrong(text, "\"eip155:8453/0x…\" or \"eip155:8453/native\""))
}

fn call(text: &str) -> Outcome<AllowedCall> {
    let like =
        || wrong(text, "\"eip155:8453/0x…/a9059cbb\", with \"*\" for any contract, or \"solana:…/program\"");
    let (family, chain, rest) = split(text)?;
    let (to, function) = rest.split_once('/').map_or((rest, None), |(to, function)| (to, Some(function)));
    let to = match to {
        "*" => None,
        address => Some(family.account(chain, address).map_err(|_| like())?),
    };
    let selector = function.map(|digits| {
        let mut selector = [0; 4];
        let digits = digits.strip_prefix("0x").unwrap_or(digits);
        hex::decode_to_slice(digits, &mut selector).map(|()| selector).map_err(|_| like())
    });
    // A list of all functions that give tokens away would never be whole, so each is named.
    let named = function.is_some() == (chain.namespace() == "eip155");
    if !named {
        return Err(like());
    }
    Ok(AllowedCall { chain, to, selector: selector.transpose()? })
}
