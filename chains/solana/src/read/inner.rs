//! Instructions that programs called. A trial tells them taken apart, a recorded transaction as indexes.

use crate::address;
use crate::svm::{Call, Inner};
use crate::token::TokenProgram;
use serde::Deserialize;
use serde_json::Value;
use solana_pubkey::Pubkey;
use tollway_core::{Code, Error, Result};

/// More than a transaction can run.
const INNER_MAX: usize = 512;
/// Longest name that is kept, in bytes.
const NAME_MAX: usize = 64;

/// All that ran under one top-level instruction.
#[derive(Deserialize)]
pub(super) struct RawInner {
    index: u8,
    instructions: Vec<RawCall>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawCall {
    #[serde(default)]
    stack_height: Option<u32>,
    /// As an index (recorded) …
    #[serde(default)]
    program_id_index: Option<u8>,
    /// … or by its address (tried).
    #[serde(default)]
    program_id: Option<String>,
    #[serde(default)]
    accounts: Option<Vec<Value>>,
    #[serde(default)]
    data: Option<String>,
    #[serde(default)]
    parsed: Option<Value>,
}

/// All of them in order. An instruction that cannot be understood is an error: whoever looks for hidden transfers must
/// see every one.
pub(super) fn read(raw: Vec<RawInner>, keys: &[Pubkey]) -> Result<Vec<Inner>> {
    let mut all = Vec::new();
    for group in raw {
        for call in group.instructions {
            if all.len() >= INNER_MAX {
                return Err(bad("too many inner instructions"));
            }
            let depth = call.stack_height;
            let (program, call) =
                one(call, keys).ok_or_else(|| bad("an inner instruction that cannot be read"))?;
            all.push(Inner { under: group.index, program, call, depth });
        }
    }
    Ok(all)
}

fn bad(why: &str) -> Error {
    Error::network(Code::InvalidAnswer).detail(why)
}

fn one(raw: RawCall, keys: &[Pubkey]) -> Option<(Pubkey, Call)> {
    let program = match (&raw.program_id, raw.program_id_index) {
        (Some(spelled), _) => address::parse(spelled).ok()?,
        (None, Some(index)) => *keys.get(usize::from(index))?,
        (None, None) => return None,
    };
    if let Some(parsed) = &raw.parsed {
        return Some((program, named(&program, parsed)?));
    }
    let account = |value: &Value| match value {
        Value::String(spelled) => address::parse(spelled).ok(),
        Value::Number(index) => keys.get(usize::try_from(index.as_u64()?).ok()?).copied(),
        _ => None,
    };
    let accounts = raw.accounts?.iter().map(account).collect::<Option<Vec<_>>>()?;
    let data = bs58::decode(raw.data?).into_vec().ok()?;
    Some((program, Call::Plain { accounts, data }))
}

/// What a node took apart: a name and its arguments.
fn named(program: &Pubkey, parsed: &Value) -> Option<Call> {
    // Memos are taken apart into a bare string.
    let Some(kind) = parsed.get("type").and_then(Value::as_str) else {
        return Some(Call::Named("memo".into()));
    };
    let transfer = matches!(kind, "transfer" | "transferChecked" | "transferCheckedWithFee");
    if TokenProgram::at(program).is_none() || !transfer {
        return Some(Call::Named(kind.chars().take(NAME_MAX).collect::<String>().into()));
    }
    let info = parsed.get("info")?;
    let key = |name: &str| address::parse(info.get(name)?.as_str()?).ok();
    let authority = key("authority").or_else(|| key("multisigAuthority"))?;
    let amount = info.get("amount").or_else(|| info.get("tokenAmount")?.get("amount"))?;
    Some(Call::Transfer {
        source: key("source")?,
        destination: key("destination")?,
        authority,
        mint: key("mint"),
        amount: amount.as_str()?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::TOKEN;
    use serde_json::json;

    fn read_json(json: Value, keys: &[Pubkey]) -> Result<Vec<Inner>> {
        read(serde_json::from_value(json).unwrap(), keys)
    }

    #[test]
    fn both_spellings_of_an_inner_instruction_are_read_and_nothing_is_skipped() {
        let keys: Vec<Pubkey> = (1..5u8).map(|n| Pubkey::from([n; 32])).collect();
        let tried = json!([{"index": 2, "instructions": [
            {"program": "spl-token", "programId": TOKEN.to_string(), "stackHeight": 2, "parsed": {
                "type": "transferChecked", "info": {"source": keys[0].to_string(), "mint": keys[1].to_string(),
                "destination": keys[2].to_string(), "authority": keys[3].to_string(),
                "tokenAmount": {"amount": "1000", "decimals": 6, "uiAmount": 0.001}}}},
            {"programId": keys[0].to_string(), "accounts": [keys[1].to_string()], "data": "2", "stackHeight": 3},
        ]}]);
        let inner = read_json(tried, &[]).unwrap();
        assert_eq!(inner[0].under, 2);
        assert!(matches!(&inner[0].call, Call::Transfer { amount: 1000, source, mint: Some(mint), .. }
            if *source == keys[0] && *mint == keys[1]));
        assert_eq!(inner[1].call, Call::Plain { accounts: vec![keys[1]], data: vec![1] });
        let recorded = json!([{"index": 0, "instructions": [
            {"programIdIndex": 3, "accounts": [0, 1], "data": "3", "stackHeight": null}]}]);
        let inner = read_json(recorded, &keys).unwrap();
        assert_eq!((inner[0].program, inner[0].depth), (keys[3], None));
        let beyond =
            json!([{"index": 0, "instructions": [{"programIdIndex": 9, "accounts": [], "data": ""}]}]);
        assert_eq!(read_json(beyond, &keys).unwrap_err().code, Code::InvalidAnswer);
    }
}
