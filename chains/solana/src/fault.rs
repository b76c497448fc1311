//! Why a transaction fails, as the chain says it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// Why a transaction fails, or failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fault {
    /// Its blockhash is too old, or none.
    BlockhashNotFound,
    /// It is in a block already.
    AlreadyProcessed,
    /// Its fee payer has no account, so nothing to pay with.
    AccountNotFound,
    /// Its fee payer cannot pay the fee.
    InsufficientFundsForFee,
    /// A signature does not fit.
    SignatureFailure,
    /// A program refused an instruction.
    Instruction {
        /// Which, from 0.
        index: u8,
        /// The program's own error number, where it gave one.
        custom: Option<u32>,
        /// The runtime's word for it: `Custom`, `InvalidAccountData`, …
        what: Box<str>,
    },
    /// Anything else, in the runtime's word for it.
    Other(Box<str>),
}

/// Longest word of the runtime that is kept, in bytes.
const WORD_MAX: usize = 64;

impl Fault {
    /// From the `err` of a node's answer; `None` when there is none.
    pub(crate) fn read(err: &Value) -> Option<Self> {
        match err {
            Value::Null => None,
            Value::String(word) => Some(Self::named(word)),
            Value::Object(map) => {
                let (word, inside) = map.iter().next()?;
                let refused = if word == "InstructionError" { Self::instruction(inside) } else { None };
                Some(refused.unwrap_or_else(|| Self::named(word)))
            }
            _ => Some(Self::Other("unreadable".into())),
        }
    }

    fn named(word: &str) -> Self {
        match word {
            "BlockhashNotFound" => Self::BlockhashNotFound,
            "AlreadyProcessed" => Self::AlreadyProcessed,
            "AccountNotFound" => Self::AccountNotFound,
            "InsufficientFundsForFee" => Self::InsufficientFundsForFee,
            "SignatureFailure" => Self::SignatureFailure,
            other => Self::Other(short(other)),
        }
    }

    /// `[index, "InvalidAccountData"]` or `[index, {"Custom": 1}]`.
    fn instruction(inside: &Value) -> Option<Self> {
        let index = u8::try_from(inside.get(0)?.as_u64()?).ok()?;
        let (what, custom) = match inside.get(1)? {
            Value::String(word) => (word.as_str(), None),
            Value::Object(map) => {
                let (word, code) = map.iter().next()?;
                (word.as_str(), code.as_u64().and_then(|code| u32::try_from(code).ok()))
            }
            _ => ("unreadable", None),
        };
        Some(Self::Instruction { index, custom, what: short(what) })
    }
}

fn short(word: &str) -> Box<str> {
    word.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(WORD_MAX).collect::<String>().into()
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BlockhashNotFound => f.write_str("its blockhash is too old or unknown"),
            Self::AlreadyProcessed => f.write_str("it is in a block already"),
            Self::AccountNotFound => f.write_str("its fee payer has no account"),
            Self::InsufficientFundsForFee => f.write_str("its fee payer cannot pay the fee"),
            Self::SignatureFailure => f.write_str("a signature does not fit"),
            Self::Instruction { index, custom: Some(code), .. } => {
                write!(f, "instruction {index} failed with the program's error {code}")
            }
            Self::Instruction { index, what, .. } => write!(f, "instruction {index} failed: {what}"),
            Self::Other(what) => f.write_str(what),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_form_of_the_runtimes_errors_is_read() {
        assert_eq!(Fault::read(&json!(null)), None);
        assert_eq!(Fault::read(&json!("BlockhashNotFound")), Some(Fault::BlockhashNotFound));
        assert_eq!(Fault::read(&json!("AlreadyProcessed")), Some(Fault::AlreadyProcessed));
        let custom = Fault::read(&json!({"InstructionError": [2, {"Custom": 1}]})).unwrap();
        assert_eq!(custom, Fault::Instruction { index: 2, custom: Some(1), what: "Custom".into() });
        assert!(custom.to_string().contains("instruction 2"));
        let plain = Fault::read(&json!({"InstructionError": [0, "InvalidAccountData"]})).unwrap();
        assert_eq!(plain, Fault::Instruction { index: 0, custom: None, what: "InvalidAccountData".into() });
        let rent = Fault::read(&json!({"InsufficientFundsForRent": {"account_index": 0}})).unwrap();
        assert_eq!(rent, Fault::Other("InsufficientFundsForRent".into()));
        assert!(matches!(Fault::read(&json!(7)), Some(Fault::Other(_))), "never taken for success");
        let long = Fault::read(&json!("x".repeat(5_000))).unwrap();
        assert!(long.to_string().len() <= WORD_MAX);
    }
}
