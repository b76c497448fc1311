//! JSON-RPC as bytes: enough reading to know what is asked, and how to write an answer.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// One request, borrowed from its body.
#[derive(Debug, Deserialize)]
pub(crate) struct Call<'a> {
    #[serde(borrow)]
    pub(super) method: Cow<'a, str>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
}

/// One answer, borrowed from its body.
#[derive(Debug, Deserialize)]
struct Answer<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    result: Option<&'a RawValue>,
}

/// A result of `null` is a result: nothing is there yet.
fn present<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(d).map(Some)
}

impl<'a> Call<'a> {
    pub(super) fn read(body: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    /// The parameters as they were written.
    pub(super) fn raw_params(&self) -> &str {
        self.params.map_or("[]", RawValue::get)
    }

    /// The parameter at this place.
    pub(super) fn param(&self, place: usize) -> Option<Value> {
        let mut params: Vec<Value> = serde_json::from_str(self.raw_params()).ok()?;
        (place < params.len()).then(|| params.swap_remove(place))
    }

    /// An answer to this call with the given result, which is JSON already.
    pub(super) fn answer(&self, result: &str) -> Bytes {
        format!("{{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":{result}}}", self.raw_id()).into()
    }

    /// An error to this call.
    pub(super) fn refuse(&self, code: i64, message: &str) -> Bytes {
        let message = Value::from(message);
        let id = self.raw_id();
        format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"error\":{{\"code\":{code},\"message\":{message}}}}}")
            .into()
    }

    /// The id as a value.
    pub(super) fn id(&self) -> Value {
        serde_json::from_str(self.raw_id()).unwrap_or_default()
    }

    fn raw_id(&self) -> &str {
        self.id.map_or("null", RawValue::get)
    }
}

/// The result in an answer as it was written; `None` for an error or for something that is no answer.
pub(super) fn raw_result(answer: &[u8]) -> Option<&str> {
    serde_json::from_slice::<Answer<'_>>(answer).ok()?.result.map(RawValue::get)
}

/// The requests of a batch, or `None` when the body is a single one.
pub(super) fn batch(body: &[u8]) -> Option<Vec<&RawValue>> {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace())?;
    if *first != b'[' {
        return None;
    }
    serde_json::from_slice(body).ok()
}
