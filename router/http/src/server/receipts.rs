//! How a receipt is written where the head of the answer is gone.

use crate::codec;
use bytes::Bytes;
use http::{HeaderMap, header};
use tollway_core::wire::{SettleResponse, header as x402};
use tollway_core::{Json, Version};

/// What the answer is, and in which version its receipt is written.
pub(super) struct Form {
    version: Version,
    /// For a stream of events: whether what went out so far ends one.
    events: Option<Boundary>,
}

/// The end of what went out: an event ends with an empty line.
#[derive(Default)]
struct Boundary {
    last: Vec<u8>,
    /// False while nothing went out.
    begun: bool,
}

impl Form {
    pub(super) fn of(headers: &HeaderMap, version: Version) -> Self {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        let plain = !headers.contains_key(header::CONTENT_ENCODING);
        let events = plain && kind.eq_ignore_ascii_case("text/event-stream");
        Self { version, events: events.then(Boundary::default) }
    }

    pub(super) fn is_events(&self) -> bool {
        self.events.is_some()
    }

    /// Notes how a chunk ends.
    pub(super) fn saw(&mut self, data: &[u8]) {
        let Some(boundary) = self.events.as_mut().filter(|_| !data.is_empty()) else { return };
        boundary.begun = true;
        boundary.last.extend(data.iter().rev().take(4).rev());
        let cut = boundary.last.len().saturating_sub(4);
        boundary.last.drain(..cut);
    }

    /// Puts the receipt into the trailers; and returns it as an event, where the answer consists of these.
    pub(super) fn write(&self, receipt: &SettleResponse, trailers: &mut HeaderMap) -> Option<Bytes> {
        if let Err(e) = codec::write_receipt(trailers, self.version, receipt) {
            tracing::error!(error = %e, "a receipt cannot be written");
            return None;
        }
        let boundary = self.events.as_ref()?;
        let ended = [&b"\n\n"[..], b"\r\r", b"\r\n\r\n"].iter().any(|end| boundary.last.ends_with(end));
        let gap = if ended || !boundary.begun { "" } else { "\n\n" };
        let receipt = codec::encode(&Json::of(receipt));
        let name = x402::receipt(self.version);
        Some(Bytes::from(format!("{gap}event: {name}\ndata: {receipt}\n\n")))
    }
}
