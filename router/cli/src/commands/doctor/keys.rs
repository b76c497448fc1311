//! Are the keys there and readable, whose are they, and is there money behind them?

use super::finding::{Finding, words};
use super::ledger::exposed;
use super::network::{Live, Node};
use super::{all, within};
use crate::config::{Config, Key};
use crate::{keys, prices, words as money};
use tollway::core::{Account, AssetId, Bearer, Family, KnownAsset, Purpose, Sample, Work};
use tollway::nodes::Keys;

const AREA: &str = "keys";
/// Gas for fewer settlements than this is worth a word.
const SETTLEMENTS_LEFT: u128 = 50;
/// What a settlement takes about, in gas or compute units, and in bytes.
const SETTLEMENT: (u64, usize) = (100_000, 400);

/// What a key is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Payer,
    Settler,
}

/// What came of reading one place of keys.
pub(super) struct Held {
    part: Part,
    key: Key,
    read: Result<Keys, String>,
}

/// Reads all of them; keystores are slow by design.
pub(super) async fn read(config: &Config) -> Vec<Held> {
    let of = |part, key: &Key| (part, key.clone());
    let payers = config.payer.0.iter().map(|key| of(Part::Payer, key));
    let places = payers.chain(config.settlers.0.iter().map(|key| of(Part::Settler, key)));
    all(places.map(|(part, key)| async move {
        let asked = key.clone();
        let reading = tokio::task::spawn_blocking(move || keys::read(&asked));
        let read = match within(reading).await {
            Ok(Ok(read)) => read.map_err(|e| e.words),
            Ok(Err(_)) => Err("reading it broke off".to_owned()),
            Err(late) => Err(late),
        };
        Held { part, key, read }
    }))
    .await
}

pub(super) async fn check(config: &Config, held: Vec<Held>, nodes: &[Node]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if config.payer.0.is_empty() && config.settlers.0.is_empty() {
        let advice = "`tollway keys new FILE` makes one; name it under [payer] or [[settler]]";
        findings.push(Finding::bad(AREA, "none", "neither [payer] nor [[settler]] is configured", advice));
    }
    for held in &held {
        let name = name(held);
        if let Key::File { file } = &held.key {
            findings.extend(exposed(AREA, file, "it holds a key that is not encrypted"));
        }
        match &held.read {
            Err(why) => findings.push(Finding::bad(AREA, name, why, advice(&held.key))),
            Ok(keys) => {
                let asked = keys.addresses();
                let asked =
                    asked.iter().map(|(family, address)| one(held.part, &name, family, address, nodes));
                findings.extend(all(asked).await.into_iter().flatten());
            }
        }
    }
    findings
}

fn name(held: &Held) -> String {
    let part = if held.part == Part::Payer { "payer" } else { "settler" };
    match &held.key {
        Key::Env { env } => format!("{part} in {env}"),
        Key::File { file } => format!("{part} in {}", file.display()),
        Key::Keystore { keystore, .. } => format!("{part} in {}", keystore.display()),
    }
}

fn advice(key: &Key) -> String {
    match key {
        Key::Env { env } => {
            format!("export {env}=… with a key: 64 hex digits (EVM) or 64 bytes in base58 (Solana)")
        }
        Key::File { .. } => {
            "name a key file as solana-keygen or `tollway keys new --solana` writes it".to_owned()
        }
        Key::Keystore { password_env, .. } => {
            format!("name a keystore file, and put its password into {password_env}")
        }
    }
}

/// One address, on every network of its family.
async fn one(part: Part, name: &str, namespace: &str, address: &str, nodes: &[Node]) -> Vec<Finding> {
    let mut findings = vec![Finding::ok(AREA, name, format!("is {address}"))];
    let mine = |node: &&Node| node.id.split(':').next() == Some(namespace);
    let mut on = nodes.iter().filter(mine).peekable();
    if on.peek().is_none() {
        let advice = format!("add a [[network]] with an id like \"{namespace}:…\", or leave the key out");
        findings.push(Finding::warn(AREA, name, "no network of its family is configured", advice));
    }
    let asked = on.filter_map(|node| Some((node, node.live.as_ref()?)));
    let asked = asked.map(|(node, live)| async move {
        let found = match part {
            Part::Payer => within(tokens(live, address)).await,
            Part::Settler => within(gas(live, address)).await,
        };
        let subject = format!("{address} on {}", node.id);
        found.and_then(|found| found).map_or_else(
            |why| Finding::bad(AREA, &subject, why, "the node must answer for its balance"),
            |found| found.into_finding(&subject),
        )
    });
    findings.extend(all(asked).await);
    findings
}

/// A balance, judged.
enum Found {
    Fine(String),
    Low(String, String),
    Empty(String, String),
}

impl Found {
    fn into_finding(self, subject: &str) -> Finding {
        match self {
            Self::Fine(said) => Finding::ok(AREA, subject, said),
            Self::Low(said, advice) => Finding::warn(AREA, subject, said, advice),
            Self::Empty(said, advice) => Finding::bad(AREA, subject, said, advice),
        }
    }
}

/// Gas is what a settler lives on.
async fn gas(live: &Live, address: &str) -> Result<Found, String> {
    let network = &live.connected.handle.network;
    let (family, owner) = owner(live, address)?;
    let coin = AssetId::native(network.id());
    let have = balance(live, &owner, &[coin]).await?.first().copied().unwrap_or(0);
    let (symbol, decimals) =
        family.network(&network.id()).map_or(("coins", 18), |known| (known.coin, known.coin_decimals));
    let said = format!("{} {symbol}", money::decimal(have, decimals));
    let send = format!("send {symbol} to {address}");
    if have == 0 {
        return Ok(Found::Empty(format!("{said}: no gas to settle with"), send));
    }
    let tariff = network.tariff(Purpose::Interactive, &[]).await.map_err(|e| words(&e))?;
    let mut work = Work::new(Bearer::Settler, "settlement", SETTLEMENT.0, Sample::new(vec![1; SETTLEMENT.1]));
    work.signatures = 2;
    let each = tariff.price(&work).map_err(|e| words(&e))?.total();
    if each.saturating_mul(SETTLEMENTS_LEFT) > have {
        let left = have.checked_div(each).unwrap_or(0);
        return Ok(Found::Low(format!("{said}: gas for about {left} settlements"), send));
    }
    Ok(Found::Fine(format!("{said} for gas")))
}

/// Tokens are what a payer pays with.
async fn tokens(live: &Live, address: &str) -> Result<Found, String> {
    let chain = live.connected.handle.network.id();
    let (family, owner) = owner(live, address)?;
    let known: Vec<&KnownAsset> = family.assets.iter().filter(|a| a.chain == chain.as_str()).collect();
    let assets: Vec<_> = known.iter().filter_map(|a| AssetId::new(chain, a.key).ok()).collect();
    let have = balance(live, &owner, &assets).await?;
    let held = known.iter().zip(have).filter(|(_, have)| *have > 0);
    let held: Vec<_> = held
        .map(|(token, have)| format!("{} {}", money::decimal(have, token.decimals), token.symbol))
        .collect();
    if held.is_empty() {
        let said = "holds no known token: entries on this network are rejected".to_owned();
        return Ok(Found::Low(said, format!("send USDC to {address}, or leave the network out")));
    }
    Ok(Found::Fine(held.join(", ")))
}

fn owner(live: &Live, address: &str) -> Result<(Family, Account), String> {
    let chain = live.connected.handle.network.id();
    let family = prices::family(&chain).ok_or("no family of this build")?;
    let owner = family.account(chain, address).map_err(|e| words(&e))?;
    Ok((family, owner))
}

async fn balance(live: &Live, owner: &Account, assets: &[AssetId]) -> Result<Vec<u128>, String> {
    let balances = live.connected.handle.network.balances(owner, assets).await;
    Ok(balances.map_err(|e| words(&e))?.iter().map(|amount| amount.atomic).collect())
}
