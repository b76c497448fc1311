//! Answers that were paid for, kept for a buyer who comes again because the first answer got lost.

use super::refusal::Answer;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tollway_core::{Clock, Code, Error, Json, Ledger, Print, RecordKey, Result, Time, Write};

/// The ledger's room for answers.
const ROOM: &str = "answer/";
/// The longest that an answer is kept, whatever window a payer signed.
const KEPT_MS_MAX: u64 = 24 * 3600 * 1000;
/// How often expired answers are looked for, and how many records are looked at each time.
const SWEEP_MS: u64 = 600_000;
const SWEEP_PAGES: usize = 64;

/// What is kept of an answer beside status and body: what it is, not how it travelled. Cookies are not kept.
const KEPT_HEADERS: [HeaderName; 8] = [
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_DISPOSITION,
    header::CACHE_CONTROL,
    header::ETAG,
    header::LAST_MODIFIED,
    header::LOCATION,
];

/// The answers' shelf in a ledger.
pub(super) struct Answers {
    pub(super) ledger: Arc<dyn Ledger>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) bytes_max: usize,
    swept_ms: AtomicU64,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    until: Time,
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Answers {
    pub(super) fn new(ledger: Arc<dyn Ledger>, clock: Arc<dyn Clock>, bytes_max: usize) -> Self {
        Self { ledger, clock, bytes_max, swept_ms: AtomicU64::new(0) }
    }

    /// Keeps an answer until the payment's window ends. One that is too large is forgotten, and with it any earlier
    /// one under this print.
    pub(super) async fn put(&self, print: &Print, answer: &Answer, window: Time) -> Result<()> {
        let fits = answer.body().len() <= self.bytes_max;
        let value = fits.then(|| {
            let text =
                |n: &HeaderName| Some((n.to_string(), answer.headers().get(n)?.to_str().ok()?.to_owned()));
            let until = window.min(self.clock.now().plus_ms(KEPT_MS_MAX));
            let kept = Kept {
                until,
                status: answer.status().as_u16(),
                headers: KEPT_HEADERS.iter().filter_map(text).collect(),
                body: base64_simd::STANDARD.encode_to_string(answer.body()),
            };
            Json::of(&kept).as_str().to_owned()
        });
        let key = key(print);
        let expect = self.ledger.load(&key).await?.map(|r| r.version);
        if value.is_none() && expect.is_none() {
            return Ok(());
        }
        match self.ledger.store(&[Write { key, expect, value }]).await {
            // The same payment beside us: its answer is as good.
            Err(e) if e.code == Code::Conflict => Ok(()),
            other => other,
        }
    }

    /// The answer under a print, when it is still kept.
    pub(super) async fn get(&self, print: &Print) -> Result<Option<Answer>> {
        let Some(record) = self.ledger.load(&key(print)).await? else { return Ok(None) };
        let kept = read(&record.value)?;
        if self.clock.now() >= kept.until {
            return Ok(None);
        }
        let body = base64_simd::STANDARD.decode_to_vec(kept.body.as_bytes()).map_err(|_| unreadable())?;
        let mut answer = Response::new(Bytes::from(body));
        *answer.status_mut() = StatusCode::from_u16(kept.status).map_err(|_| unreadable())?;
        for (name, value) in &kept.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                answer.headers_mut().insert(name, value);
            }
        }
        Ok(Some(answer))
    }

    /// True when it is time to sweep; the caller who is told so sweeps.
    pub(super) fn sweep_due(&self) -> bool {
        let (now, last) = (self.clock.now().ms(), self.swept_ms.load(Ordering::Relaxed));
        let due = now.saturating_sub(last) >= SWEEP_MS;
        due && self.swept_ms.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Forgets what has expired. Returns how many.
    pub(super) async fn sweep(&self) -> Result<usize> {
        let mut gone = 0usize;
        let mut after: Option<RecordKey> = None;
        for _ in 0..SWEEP_PAGES {
            let page = self.ledger.scan(ROOM, after.as_ref(), 256).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key.clone());
            for record in page {
                if read(&record.value).is_ok_and(|kept| self.clock.now() < kept.until) {
                    continue;
                }
                let write = Write { key: record.key, expect: Some(record.version), value: None };
                if self.ledger.store(&[write]).await.is_ok() {
                    gone = gone.saturating_add(1);
                }
            }
        }
        Ok(gone)
    }
}

fn key(print: &Print) -> RecordKey {
    RecordKey(format!("{ROOM}{print}"))
}

fn read(text: &str) -> Result<Kept> {
    serde_json::from_str(text).map_err(|_| unreadable())
}

fn unreadable() -> Error {
    Error::us(Code::LedgerFailed).detail("an answer record cannot be read")
}
