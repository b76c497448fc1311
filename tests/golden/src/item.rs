use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One thing that went over the wire, as an SDK (or Tollway) wrote it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Item {
    /// Names it within its corpus.
    pub id: String,
    /// `challenge`, `payment`, `request`, `verify`, `settle`, `supported` or `receipt`.
    pub what: String,
    /// x402's version: 1 or 2.
    pub version: u8,
    /// The header, for what travels in one.
    pub header: Option<Header>,
    /// The body, for what travels in one.
    pub text: Option<String>,
    /// What the SDK that wrote it reads in it.
    #[serde(default)]
    pub read: Value,
    /// A payment's challenge, by id.
    pub answers: Option<String>,
    /// The entry of that challenge that it pays.
    pub at: Option<usize>,
    /// That entry's transfer method.
    pub method: Option<String>,
}

/// A header as it is sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// What an SDK says to something.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It took it; this is what it made of it.
    Value(Value),
    /// It did not; this is what it threw.
    Error(String),
}
