use super::answer::{json, no_verdict};
use super::call::Caller;
use super::{Answer, Endpoint, not_this_one};
use serde::Deserialize;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};
use tollway_core::wire::SupportedKind;
use tollway_core::{Clock, Code, Family, Json, Kind, Next, Result, Time};

/// The most kinds that are read.
const KINDS_MAX: usize = 1024;
/// Tries of one look, as the reference client makes them: more than one only for 429.
const TRIES: u32 = 3;
/// The longest pause between two tries.
const PAUSE_MS_MAX: u64 = 30_000;
/// How long an old answer serves while no new one can be had.
const STALE_MS: u64 = 3_600_000;

/// `/supported`, remembered.
pub(super) struct Kinds {
    pub(super) ttl_ms: u64,
    cached: Mutex<Option<(Time, Vec<Kind>)>>,
}

/// The most extensions that are read, and the longest key of one.
const EXTENSIONS_MAX: usize = 32;
const EXTENSION_BYTES_MAX: usize = 64;

#[derive(Deserialize)]
struct Supported {
    kinds: Vec<Json>,
    #[serde(default)]
    extensions: Option<Json>,
}

impl Supported {
    /// What it says it acts on; nothing where that is not a list.
    fn extensions(&self) -> Vec<String> {
        let listed =
            self.extensions.as_ref().and_then(|list| list.read::<Vec<Json>>().ok()).unwrap_or_default();
        let keys = listed.iter().take(EXTENSIONS_MAX).filter_map(|key| key.read::<String>().ok());
        keys.filter(|key| key.len() <= EXTENSION_BYTES_MAX).collect()
    }
}

impl Kinds {
    pub(super) fn new(ttl_ms: u64) -> Self {
        Self { ttl_ms, cached: Mutex::new(None) }
    }

    pub(super) async fn get(
        &self,
        caller: &Caller,
        clock: &dyn Clock,
        families: &[Family],
    ) -> Result<Vec<Kind>> {
        let known = self.cached.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let now = clock.now();
        if let Some((at, kinds)) = known.as_ref().filter(|(at, _)| now.ms_since(*at) < self.ttl_ms) {
            tracing::trace!(?at, "supported kinds from memory");
            return Ok(kinds.clone());
        }
        match ask(caller, clock, families).await {
            Ok(kinds) => {
                let fresh = Some((now, kinds.clone()));
                *self.cached.lock().unwrap_or_else(PoisonError::into_inner) = fresh;
                Ok(kinds)
            }
            Err(e) => match known.filter(|(at, _)| now.ms_since(*at) < STALE_MS) {
                Some((_, kinds)) => {
                    tracing::warn!(error = %e, "an old list of supported kinds serves on");
                    Ok(kinds)
                }
                None => Err(e),
            },
        }
    }
}

pub(super) async fn ask(caller: &Caller, clock: &dyn Clock, families: &[Family]) -> Result<Vec<Kind>> {
    let mut tried = 0u32;
    loop {
        let answer = caller.get(Endpoint::Supported).await;
        let answer = answer.map_err(|trouble| trouble.error.next(Next::Later))?;
        tried = tried.saturating_add(1);
        if answer.status.as_u16() == 429 && tried < TRIES {
            clock.sleep(pause_ms(&answer, tried, clock.now())).await;
            continue;
        }
        if !answer.status.is_success() {
            return Err(no_verdict(&answer));
        }
        let unreadable = || not_this_one(Code::InvalidAnswer).detail("not a list of supported kinds");
        let found: Supported = json(&answer).and_then(|j| j.read().ok()).ok_or_else(unreadable)?;
        // One kind that nobody here can read spoils no other.
        let kinds = found.kinds.iter().take(KINDS_MAX).filter_map(|k| k.read::<SupportedKind>().ok());
        let extensions = found.extensions();
        return Ok(kinds.filter_map(|k| k.kind(families, &extensions)).collect());
    }
}

/// `Retry-After` in seconds or as a date, else one second, doubling.
fn pause_ms(answer: &Answer, tried: u32, now: Time) -> u64 {
    let asked = answer.retry_after.as_deref().and_then(|text| match text.trim().parse::<u64>() {
        Ok(seconds) => Some(seconds.saturating_mul(1000)),
        Err(_) => {
            let at = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
            Some(
                u64::try_from(at.saturating_sub(Duration::from_millis(now.ms())).as_millis())
                    .unwrap_or(u64::MAX),
            )
        }
    });
    let own = 500u64.saturating_mul(2u64.saturating_pow(tried));
    asked.unwrap_or(own).min(PAUSE_MS_MAX)
}
