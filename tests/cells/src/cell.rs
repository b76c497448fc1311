//! What a scheme says of itself to a stand.

use alloy::primitives::U256;
use serde_json::Value;
use tollway_core::{Json, SchemeEntry};

/// Keys, each with a value.
pub type Pairs = &'static [(&'static str, &'static str)];

/// A scheme in one token of an EVM chain.
#[derive(Debug, Clone, Copy)]
pub struct Cell {
    /// The plugin.
    pub entry: SchemeEntry,
    /// The settings of its section that vouch for these tokens.
    pub settings: fn(Vec<Value>) -> Value,
    /// The nonce in a payload, as it stands in the call data of its settlement.
    pub nonce: fn(&Json) -> [u8; 32],
    /// Keys of `extra` that a signature binds, each with a value that no token here has.
    pub bound_extra: Pairs,
    /// True when the second payload is another spelling of the first.
    pub same_payment: fn(&Json, &Json) -> bool,
}

impl Cell {
    /// A scheme whose signature binds nothing of `extra`, and whose payments are spelled in one way.
    pub const fn new(
        entry: SchemeEntry,
        settings: fn(Vec<Value>) -> Value,
        nonce: fn(&Json) -> [u8; 32],
    ) -> Self {
        Self { entry, settings, nonce, bound_extra: &[], same_payment: |_, _| false }
    }
}

/// True when one is the other with its signature made compact (EIP-2098): with `v` cut off, where that says nothing.
pub fn compacted(signed: &Json, changed: &Json) -> bool {
    let apart = |payload: &Json| {
        let mut rest = payload.value();
        let signature = rest.as_object_mut().and_then(|fields| fields.remove("signature"));
        (signature.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned(), rest)
    };
    let ((signed, terms), (changed, same)) = (apart(signed), apart(changed));
    terms == same && signed == changed + "1b"
}

/// The nonce of a permit; zero where a broken payload has none.
pub fn permit2_nonce(payload: &Json) -> [u8; 32] {
    let said = payload.value();
    let text = said["permit2Authorization"]["nonce"].as_str().unwrap_or_default();
    text.parse::<U256>().unwrap_or_default().to_be_bytes()
}
