//! Payments that were sent and brought no good answer. Whoever asks for the same thing again (a person, or a retrying
//! layer above) gets the very same payment sent once more, and not a second signature.

use super::wire::Stamp;
use crate::tasks::{Tasks, Watch};
use http::{HeaderMap, Method};
use sha2::{Digest, Sha256};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tollway_core::Payment;

/// How many are remembered, and how many bytes of them; the oldest goes first.
const MOST: usize = 1024;
const BYTES_MOST: usize = 16 << 20;
/// How long. By then nearly every window has ended, and the chain has the last word.
const KEPT_MS: u64 = 3_600_000;

/// Headers that differ from one sending of a request to the next.
const PASSING: [&str; 6] =
    ["baggage", "date", "traceparent", "tracestate", "x-correlation-id", "x-request-id"];

/// What makes two requests the same: method, address, headers and body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key([u8; 32]);

impl Key {
    pub(super) fn of(method: &Method, url: &str, headers: &HeaderMap, body: &[u8]) -> Self {
        let mut hash = Sha256::new();
        let mut part = |bytes: &[u8]| {
            hash.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(bytes);
        };
        part(method.as_str().as_bytes());
        part(url.as_bytes());
        part(body);
        let mut lines: Vec<_> = headers.iter().filter(|(n, _)| !PASSING.contains(&n.as_str())).collect();
        // Stable: the values of one name keep their order.
        lines.sort_by(|a, b| a.0.as_str().cmp(b.0.as_str()));
        for (name, value) in lines {
            part(name.as_str().as_bytes());
            part(value.as_bytes());
        }
        Self(hash.finalize().into())
    }
}

/// A payment, and the bytes in which it was sent. No `Debug`.
#[derive(Clone)]
pub(super) struct Signed {
    pub(super) payment: Payment,
    pub(super) stamp: Stamp,
}

impl Signed {
    /// About what it takes: the stamp is the payment once more, in Base64.
    fn bytes(&self) -> usize {
        self.stamp.bytes().saturating_mul(2)
    }
}

struct Kept {
    key: Key,
    signed: Signed,
    since: Watch,
}

/// All of one client and its clones.
#[derive(Default)]
pub(super) struct Unfinished(Mutex<VecDeque<Kept>>);

impl Unfinished {
    /// The payment that was sent with the same request before. It is the caller's now.
    pub(super) fn take(&self, key: &Key) -> Option<Signed> {
        let mut all = self.all();
        all.retain(|kept| kept.since.ms() < KEPT_MS);
        let at = all.iter().rposition(|kept| kept.key == *key)?;
        all.remove(at).map(|kept| kept.signed)
    }

    /// A payment goes out. Unless [`Out::done`] is called, it is remembered: also where nobody waits for it any more.
    pub(super) fn out(self: &Arc<Self>, key: Key, signed: Signed, tasks: &Tasks) -> Out {
        let kept = Kept { key, signed, since: tasks.watch() };
        Out { kept: Some(kept), home: Arc::clone(self) }
    }

    fn all(&self) -> MutexGuard<'_, VecDeque<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A payment on its way.
pub(super) struct Out {
    kept: Option<Kept>,
    home: Arc<Unfinished>,
}

impl Out {
    /// It brought what it was sent for, or was refused for good.
    pub(super) fn done(mut self) {
        self.kept = None;
    }
}

impl Drop for Out {
    fn drop(&mut self) {
        let Some(kept) = self.kept.take() else { return };
        let mut all = self.home.all();
        all.push_back(kept);
        let mut bytes: usize = all.iter().map(|kept| kept.signed.bytes()).sum();
        // What a server makes us sign echoes its offer, which may be long: never so much that it takes all memory.
        while all.len() > MOST || (bytes > BYTES_MOST && all.len() > 1) {
            let oldest = all.pop_front().map_or(0, |kept| kept.signed.bytes());
            bytes = bytes.saturating_sub(oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use tollway_core::{
        Account, Amount, AssetId, Ceiling, ChainId, Extra, Flow, Json, Name, Requirement, Version,
    };

    fn signed(payload_bytes: usize) -> Signed {
        let chain = ChainId::new("eip155:8453").unwrap();
        let accepted = Requirement {
            version: Version::V2,
            scheme: Name::new("exact").unwrap(),
            method: None,
            chain,
            price: Ceiling(Amount::new(AssetId::native(chain), 1)),
            pay_to: Account::new(chain, "0xpayee").unwrap(),
            timeout_s: 60,
            flow: Flow::Authorization,
            extra: Extra::default(),
            raw: Json::empty(),
        };
        let payload = Json::parse(format!(r#"{{"long":"{}"}}"#, "x".repeat(payload_bytes))).unwrap();
        let payment = Payment { accepted, payload, extensions: None, resource: None };
        Signed { stamp: Stamp::new(&payment, &[]).unwrap(), payment }
    }

    #[test]
    fn what_is_remembered_is_bounded_in_bytes_too() {
        let (memory, tasks) = (Arc::<Unfinished>::default(), Tasks::tokio());
        let of = |n: usize| key(Method::GET, &format!("http://a/{n}"), &[], b"");
        for n in 0..40 {
            drop(memory.out(of(n), signed(1 << 20), &tasks));
        }
        let bytes: usize = memory.all().iter().map(|kept| kept.signed.bytes()).sum();
        assert!(bytes <= BYTES_MOST, "{bytes}");
        assert!(memory.take(&of(0)).is_none(), "the oldest goes first");
        assert!(memory.take(&of(39)).is_some());
        // One that is longer than all of it is remembered alone.
        drop(memory.out(of(40), signed(BYTES_MOST), &tasks));
        assert_eq!(memory.all().len(), 1);
        assert!(memory.take(&of(40)).is_some());
    }

    fn key(method: Method, url: &str, headers: &[(&'static str, &'static str)], body: &[u8]) -> Key {
        let headers = headers.iter().map(|(n, v)| (n.parse().unwrap(), HeaderValue::from_static(v)));
        Key::of(&method, url, &HeaderMap::from_iter(headers), body)
    }

    #[test]
    fn what_is_the_same_request() {
        let one = key(Method::GET, "http://a/", &[("accept", "x"), ("cookie", "me")], b"");
        let rows = [
            ("another order", key(Method::GET, "http://a/", &[("cookie", "me"), ("accept", "x")], b""), true),
            (
                "another trace",
                key(
                    Method::GET,
                    "http://a/",
                    &[("accept", "x"), ("cookie", "me"), ("traceparent", "1")],
                    b"",
                ),
                true,
            ),
            (
                "another person",
                key(Method::GET, "http://a/", &[("accept", "x"), ("cookie", "you")], b""),
                false,
            ),
            (
                "another method",
                key(Method::PUT, "http://a/", &[("accept", "x"), ("cookie", "me")], b""),
                false,
            ),
            (
                "another place",
                key(Method::GET, "http://a/b", &[("accept", "x"), ("cookie", "me")], b""),
                false,
            ),
            (
                "another body",
                key(Method::GET, "http://a/", &[("accept", "x"), ("cookie", "me")], b"b"),
                false,
            ),
        ];
        for (what, other, same) in rows {
            assert_eq!(one == other, same, "{what}");
        }
    }
}
