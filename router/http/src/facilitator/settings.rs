use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tollway_core::{Code, Error, Result};

/// What a facilitator allows, and what it says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// How long an unknown outcome is asked after before the caller is told `settlement_pending`.
    pub patience_ms: u64,
    /// The longest that a caller of `/settle` waits; the settlement goes on without it. Below the 90 seconds after
    /// which the SDKs' clients give up.
    pub settle_wait_ms: u64,
    /// The longest that `/verify` and `/supported` take.
    pub verify_ms: u64,
    /// The longest that a body may take to arrive.
    pub body_ms: u64,
    /// The largest body.
    pub body_bytes: usize,
    /// How deep a body's JSON may nest.
    pub depth: usize,
    /// The most requests at once; one more is told to come back.
    pub requests_max: usize,
    /// The most of them for one caller, where callers have keys; those without one are one caller. A quarter of
    /// `requests_max` where nothing is set.
    pub requests_per_caller_max: Option<usize>,
    /// The most settlements under way at once, those included whose callers have left.
    pub settles_max: usize,
    /// The most of them for one caller; those without an API key are one caller.
    pub settles_per_caller_max: usize,
    /// What `/supported` says under `signers`: addresses by CAIP-2 pattern (`eip155:*`).
    pub signers: BTreeMap<String, Vec<String>>,
    /// What `/supported` says under `extensions`, on top of what the settlers offer.
    pub extensions: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            patience_ms: 20_000,
            settle_wait_ms: 60_000,
            verify_ms: 15_000,
            body_ms: 10_000,
            body_bytes: 128 << 10,
            depth: 64,
            requests_max: 1024,
            requests_per_caller_max: None,
            settles_max: 1024,
            settles_per_caller_max: 1024,
            signers: BTreeMap::new(),
            extensions: Vec::new(),
        }
    }
}

impl Settings {
    pub(super) fn check(&self) -> Result<()> {
        let positive = [
            ("settle_wait_ms", self.settle_wait_ms > 0),
            ("verify_ms", self.verify_ms > 0),
            ("body_ms", self.body_ms > 0),
            ("body_bytes", self.body_bytes > 0),
            ("depth", self.depth > 0),
            ("requests_max", (1..=1 << 20).contains(&self.requests_max)),
            (
                "requests_per_caller_max",
                self.requests_per_caller_max.is_none_or(|n| (1..=1 << 20).contains(&n)),
            ),
            ("settles_max", (1..=1 << 20).contains(&self.settles_max)),
            ("settles_per_caller_max", (1..=1 << 20).contains(&self.settles_per_caller_max)),
        ];
        match positive.iter().find(|(_, ok)| !ok) {
            None => Ok(()),
            Some((name, _)) => Err(Error::caller(Code::BadSettings)
                .detail(format!("facilitator.{name} must be positive and of a sane size"))),
        }
    }
}
