use super::number::Pointer;
use http::{HeaderMap, HeaderName, HeaderValue};
use reqwest::Url;
use std::fmt;
use tollway_core::{Code, Error, Result, Time};

/// How old a price may be unless a feed says otherwise, in seconds: five minutes.
const MAX_AGE_SECS: u64 = 300;
/// How far a feed may be ahead of our clock, in milliseconds.
const AHEAD_MS: u64 = 60_000;
/// The longest address that an error shows a part of.
const HOST_MAX: usize = 64;

/// Where the price of one coin is. `Debug` and errors show the host alone: paths, queries and headers hold API keys.
#[derive(Clone)]
pub struct Feed {
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) price: Pointer,
    pub(super) time: Option<Pointer>,
    max_age_secs: u64,
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Feed({})", self.host())
    }
}

impl Feed {
    /// A price in dollars for one whole coin, at a JSON pointer (RFC 6901) in what `url` answers: a number or a decimal
    /// string.
    ///
    /// # Errors
    /// [`Code::BadSettings`] for a URL that is not HTTPS (plain HTTP is for loopback), or a pointer that is none.
    pub fn new(url: &str, price: &str) -> Result<Self> {
        let wrong = |why: &str| Error::caller(Code::BadSettings).detail(format!("price feed: {why}"));
        let url = Url::parse(url).map_err(|_| wrong("its URL cannot be read"))?;
        let secure = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
        if !secure || url.host_str().is_none() {
            return Err(wrong("its URL must be https://, or http:// on this machine"));
        }
        let price = Pointer::parse(price)?;
        Ok(Self { url, headers: HeaderMap::new(), price, time: None, max_age_secs: MAX_AGE_SECS })
    }

    /// Where the answer says when the price was made, in Unix seconds. Without it a price is as old as its answer (and as
    /// the caches on the way say in `Age`).
    ///
    /// # Errors
    /// [`Code::BadSettings`] for a pointer that is none.
    pub fn time(mut self, pointer: &str) -> Result<Self> {
        self.time = Some(Pointer::parse(pointer)?);
        Ok(self)
    }

    /// How old a price may be, in seconds (300).
    #[must_use]
    pub fn max_age_secs(mut self, secs: u64) -> Self {
        self.max_age_secs = secs;
        self
    }

    /// A header that goes with every request, such as an API key. It is never shown.
    ///
    /// # Errors
    /// [`Code::BadSettings`] for what is no header.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self> {
        let wrong = || Error::caller(Code::BadSettings).detail("price feed: not a header");
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
        let mut value = HeaderValue::from_str(value).map_err(|_| wrong())?;
        value.set_sensitive(true);
        self.headers.insert(name, value);
        Ok(self)
    }

    /// Refuses a price of `at`.
    pub(super) fn fresh(&self, at: Time, now: Time) -> Result<()> {
        if at > now.plus_ms(AHEAD_MS) {
            return Err(self.error(Code::AbsurdPrice, "its time is in the future"));
        }
        let age_secs = now.ms_since(at) / 1000;
        if age_secs > self.max_age_secs {
            let words = format!("{age_secs} s old; {} s are the limit", self.max_age_secs);
            return Err(self.error(Code::StalePrice, &words));
        }
        Ok(())
    }

    pub(super) fn error(&self, code: Code, words: &str) -> Error {
        Error::network(code).detail(format!("the price feed at {}: {words}", self.host()))
    }

    fn host(&self) -> String {
        self.url.host_str().unwrap_or("?").chars().take(HOST_MAX).collect()
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or("").trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
