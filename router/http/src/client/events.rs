//! The receipt in a stream of events (`text/event-stream`).

use http::{HeaderMap, HeaderName, HeaderValue};
use tollway_core::wire::header;

/// Reads events as they pass and keeps nothing but what may be a receipt.
pub(super) struct Events {
    line: Vec<u8>,
    line_max: usize,
    /// True while the line is longer than anything that matters.
    long: bool,
    /// True after a carriage return, which a line feed may follow.
    returned: bool,
    name: Option<&'static str>,
    data: Vec<u8>,
}

impl Events {
    /// Receipts have at most so many bytes.
    pub(super) fn new(receipt_bytes: usize) -> Self {
        let line_max = receipt_bytes.saturating_add(16);
        Self { line: Vec::new(), line_max, long: false, returned: false, name: None, data: Vec::new() }
    }

    /// Reads on; the last receipt that ends in these bytes, as the header that it stands for.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Option<HeaderMap> {
        let mut found = None;
        for &byte in bytes {
            let after_return = std::mem::replace(&mut self.returned, byte == b'\r');
            match byte {
                b'\n' if after_return => {}
                b'\n' | b'\r' => found = self.end_line().or(found),
                _ if self.line.len() < self.line_max => self.line.push(byte),
                _ => self.long = true,
            }
        }
        found
    }

    fn end_line(&mut self) -> Option<HeaderMap> {
        let line = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.long) {
            return None;
        }
        if line.is_empty() {
            return self.end_event();
        }
        let value = |name: &[u8]| {
            let value = line.strip_prefix(name)?.strip_prefix(b":")?;
            Some(value.strip_prefix(b" ").unwrap_or(value))
        };
        if let Some(name) = value(b"event") {
            let names = [header::PAYMENT_RESPONSE, header::X_PAYMENT_RESPONSE];
            self.name = names.into_iter().find(|n| n.as_bytes() == name);
        } else if let Some(data) = value(b"data") {
            data.clone_into(&mut self.data);
        }
        None
    }

    fn end_event(&mut self) -> Option<HeaderMap> {
        let (name, data) = (self.name.take(), std::mem::take(&mut self.data));
        let value = HeaderValue::from_bytes(&data).ok()?;
        Some(HeaderMap::from_iter([(HeaderName::from_static(name?), value)]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<String> {
        // However it is cut, it is read the same.
        let whole = Events::new(64).read(text.as_bytes());
        for size in [1, 2, 3, 7] {
            let mut events = Events::new(64);
            let parts = text.as_bytes().chunks(size).filter_map(|part| events.read(part));
            assert_eq!(parts.last(), whole, "{text:?} in pieces of {size}");
        }
        Some(whole?.get(header::PAYMENT_RESPONSE)?.to_str().ok()?.to_owned())
    }

    #[test]
    fn the_last_receipt_is_found() {
        assert_eq!(found("data: hi\n\nevent: payment-response\ndata: abc\n\n").as_deref(), Some("abc"));
        assert_eq!(found("data:abc\r\nevent:payment-response\r\n\r\n").as_deref(), Some("abc"));
        assert_eq!(found("event: payment-response\rdata: abc\r\r").as_deref(), Some("abc"));
        let twice = "event: payment-response\ndata: a\n\nevent: payment-response\ndata: b\n\n";
        assert_eq!(found(twice).as_deref(), Some("b"));
    }

    #[test]
    fn nothing_else_is() {
        let long = format!("event: payment-response\ndata: {}\n\n", "x".repeat(200));
        for text in [
            "event: payment-response\ndata: abc\n", // it has not ended
            "event: message\ndata: abc\n\n",
            "data: event: payment-response\ndata: abc\n\n",
            "event: payment-response\n\ndata: abc\n\n",
            ": event: payment-response\n\n",
        ] {
            assert!(found(text).is_none_or(|data| data.is_empty()), "{text:?}");
        }
        assert!(found(&long).is_none_or(|data| data.is_empty()));
    }
}
