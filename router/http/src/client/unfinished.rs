//! Payments that were sent and brought no good answer. Whoever asks for the same thing again (a person, or a retrying
//! layer above) gets the very same payment sent once more, and not a second signature.

use super::wire::Stamp;
use crate::tasks::{Tasks, Watch};
use http::{HeaderMap, Method};
use sha2::{Digest, Sha256};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tollway_core::Payment;

/// How many are remembered; the oldest goes first.
const MOST: usize = 1024;
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
        if all.len() >= MOST {
            all.pop_front();
        }
        all.push_back(kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

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
