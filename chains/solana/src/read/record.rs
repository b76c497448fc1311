use super::inner::{self, RawInner};
use crate::fault::Fault;
use crate::finality::Finality;
use crate::rpc::{Ask, Rpc};
use crate::svm::{Recorded, TokenChange};
use crate::wire::Wire;
use crate::{address, base64};
use serde::Deserialize;
use serde_json::Value;
use solana_pubkey::Pubkey;
use solana_signature::Signature;
use std::collections::BTreeMap;
use tollway_core::{Code, Error, Result, Time};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawRecord {
    slot: u64,
    #[serde(default)]
    block_time: Option<i64>,
    /// The whole transaction, and how it is encoded.
    transaction: (String, String),
    #[serde(default)]
    meta: Option<RawMeta>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawMeta {
    #[serde(default)]
    err: Value,
    fee: u64,
    #[serde(default)]
    compute_units_consumed: Option<u64>,
    #[serde(default)]
    inner_instructions: Option<Vec<RawInner>>,
    #[serde(default)]
    pre_token_balances: Option<Vec<RawBalance>>,
    #[serde(default)]
    post_token_balances: Option<Vec<RawBalance>>,
    #[serde(default)]
    loaded_addresses: Option<RawLoaded>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawBalance {
    account_index: u8,
    mint: String,
    ui_token_amount: RawAmount,
}

#[derive(Deserialize)]
struct RawAmount {
    amount: String,
}

#[derive(Deserialize)]
struct RawLoaded {
    #[serde(default)]
    writable: Vec<String>,
    #[serde(default)]
    readonly: Vec<String>,
}

/// A transaction at the set finality with all that it did.
pub(crate) async fn recorded(
    rpc: &Rpc,
    signature: &Signature,
    finality: Finality,
) -> Result<Option<Recorded>> {
    let raw: Option<RawRecord> = rpc.call(Ask::transaction(signature, finality.level())).await?;
    raw.map(|raw| raw.read(signature)).transpose()
}

impl RawRecord {
    /// The transaction's bytes, when they are those of this signature.
    pub(super) fn wire(&self, signature: &Signature) -> Result<Vec<u8>> {
        let (text, encoding) = &self.transaction;
        let wire = if encoding == "base64" { base64::decode(text)? } else { Vec::new() };
        let first = Wire::read(&wire).and_then(|wire| wire.signature(0));
        if first != Some(*signature) {
            return Err(bad("a record of another transaction"));
        }
        Ok(wire)
    }

    pub(super) fn read(self, signature: &Signature) -> Result<Recorded> {
        let wire = self.wire(signature)?;
        let meta = self.meta.ok_or_else(|| bad("a record without what became of it"))?;
        let loaded = match &meta.loaded_addresses {
            Some(loaded) => {
                let all = loaded.writable.iter().chain(&loaded.readonly);
                all.map(|key| address::parse(key))
                    .collect::<Result<Vec<_>>>()
                    .map_err(|_| bad("a loaded account"))?
            }
            None => Vec::new(),
        };
        let mut keys = Wire::read(&wire).map(|wire| wire.accounts()).unwrap_or_default();
        keys.extend(&loaded);
        Ok(Recorded {
            tx: address::tx_id(signature),
            slot: self.slot,
            time: self.block_time.and_then(|at| u64::try_from(at).ok()).map(Time::from_secs),
            fault: Fault::read(&meta.err),
            fee_lamports: meta.fee,
            units: meta.compute_units_consumed.unwrap_or(0),
            tokens: changes(meta.pre_token_balances, meta.post_token_balances, &keys)?,
            inner: inner::read(meta.inner_instructions.unwrap_or_default(), &keys)?,
            loaded,
            wire,
        })
    }
}

/// Balances before and after, side by side; one that is on one side only was nothing on the other.
fn changes(
    before: Option<Vec<RawBalance>>,
    after: Option<Vec<RawBalance>>,
    keys: &[Pubkey],
) -> Result<Vec<TokenChange>> {
    let mut by_account: BTreeMap<u8, TokenChange> = BTreeMap::new();
    for (list, is_after) in [(before, false), (after, true)] {
        for raw in list.unwrap_or_default() {
            let account =
                *keys.get(usize::from(raw.account_index)).ok_or_else(|| bad("a balance of no account"))?;
            let mint = address::parse(&raw.mint).map_err(|_| bad("a balance of no token"))?;
            let amount =
                raw.ui_token_amount.amount.parse().map_err(|_| bad("a balance that is no number"))?;
            let change = by_account.entry(raw.account_index).or_insert(TokenChange {
                account,
                mint,
                before: 0,
                after: 0,
            });
            if is_after { change.after = amount } else { change.before = amount }
        }
    }
    Ok(by_account.into_values().collect())
}

fn bad(why: &str) -> Error {
    Error::network(Code::InvalidAnswer).detail(why)
}
