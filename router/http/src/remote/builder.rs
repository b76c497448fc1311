use super::call::{Caller, Sign};
use super::endpoint::{self, Endpoint};
use super::late::Left;
use super::transport::{Reqwest, Transport};
use super::{Kinds, RemoteFacilitator};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tollway_core::{Clock, Code, Error, Fee, Registry, Result, Settler, SettlerId};

/// Gathers what a [`RemoteFacilitator`] needs. `Debug` shows no header.
pub struct Builder {
    base: String,
    registry: Arc<Registry>,
    clock: Arc<dyn Clock>,
    headers: Vec<(String, String)>,
    sign: Option<Sign>,
    allow_plain_http: bool,
    connect: Duration,
    verify: Duration,
    settle: Duration,
    body_max: usize,
    supported_ttl: Duration,
    fee: Option<Fee>,
    local: Option<Arc<dyn Settler>>,
    trust_signatures: bool,
    transport: Option<Arc<dyn Transport>>,
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("headers", &self.headers.len()).finish_non_exhaustive()
    }
}

impl Builder {
    pub(super) fn new(base: &str, registry: Arc<Registry>, clock: Arc<dyn Clock>) -> Self {
        Self {
            base: base.to_owned(),
            registry,
            clock,
            headers: Vec::new(),
            sign: None,
            allow_plain_http: false,
            connect: Duration::from_secs(5),
            verify: Duration::from_secs(30),
            settle: Duration::from_secs(90),
            body_max: 512 << 10,
            supported_ttl: Duration::from_secs(300),
            fee: None,
            local: None,
            trust_signatures: false,
            transport: None,
        }
    }
    /// A header of every call, such as a key. Its value is a secret: shown nowhere, sent to no other origin.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
    /// Headers that are made for each call, such as a token that is bound to its path. Their values are secrets.
    #[must_use]
    pub fn sign_with(mut self, make: impl Fn(Endpoint) -> Result<HeaderMap> + Send + Sync + 'static) -> Self {
        self.sign = Some(Arc::new(make));
        self
    }
    /// Sends payments over plain http to other machines too. For private networks that encrypt by other means.
    #[must_use]
    pub fn allow_plain_http(mut self) -> Self {
        self.allow_plain_http = true;
        self
    }
    /// The longest that connecting takes. 5 s by default.
    #[must_use]
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect = limit;
        self
    }
    /// The longest that `/verify` and `/supported` take. 30 s by default.
    #[must_use]
    pub fn verify_timeout(mut self, limit: Duration) -> Self {
        self.verify = limit;
        self
    }
    /// The longest that `/settle` takes before its outcome is unknown. 90 s by default, as in the SDKs.
    #[must_use]
    pub fn settle_timeout(mut self, limit: Duration) -> Self {
        self.settle = limit;
        self
    }
    /// The most bytes that are read of an answer. 512 KiB by default.
    #[must_use]
    pub fn answer_bytes(mut self, max: usize) -> Self {
        self.body_max = max;
        self
    }
    /// How long `/supported` is remembered. 5 minutes by default.
    #[must_use]
    pub fn supported_ttl(mut self, ttl: Duration) -> Self {
        self.supported_ttl = ttl;
        self
    }
    /// What it takes for a settlement. Nothing by default.
    #[must_use]
    pub fn fee(mut self, fee: Fee) -> Self {
        self.fee = Some(fee);
        self
    }
    /// Who sees the chain for us, in place of the registry's own settlers.
    #[must_use]
    pub fn local(mut self, settler: Arc<dyn Settler>) -> Self {
        self.local = Some(settler);
        self
    }
    /// Takes its word also for signatures that only a chain can prove: those of accounts with code (smart wallets). Without
    /// this they are refused, unless somebody sees the chain for us.
    #[must_use]
    pub fn trust_signatures(mut self) -> Self {
        self.trust_signatures = true;
        self
    }
    /// Calls it by another way than reqwest. The time to connect is then the transport's own.
    #[must_use]
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Builds it; nothing is called yet.
    ///
    /// # Errors
    /// [`Code::InsecureTransport`] for plain http to another machine, [`Code::BadSettings`].
    pub fn build(self) -> Result<RemoteFacilitator> {
        let base = endpoint::base(&self.base, self.allow_plain_http)?;
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let bad =
                || Error::caller(Code::BadSettings).detail(format!("header {name:.64?} cannot be sent"));
            let name = HeaderName::try_from(name.as_str()).map_err(|_| bad())?;
            let mut value = HeaderValue::try_from(value.as_str()).map_err(|_| bad())?;
            value.set_sensitive(true);
            headers.append(name, value);
        }
        let transport = match self.transport {
            Some(given) => given,
            None => Arc::new(Reqwest(client(self.connect)?)),
        };
        let ttl_ms = u64::try_from(self.supported_ttl.as_millis()).unwrap_or(u64::MAX);
        Ok(RemoteFacilitator {
            id: SettlerId(endpoint::name(&base)),
            registry: self.registry,
            clock: self.clock,
            caller: Caller {
                transport,
                base,
                headers,
                sign: self.sign,
                verify: self.verify,
                settle: self.settle,
                body_max: self.body_max,
            },
            kinds: Kinds::new(ttl_ms),
            fee: self.fee,
            local: self.local,
            trust_signatures: self.trust_signatures,
            left: Left::new(),
        })
    }
}

fn client(connect: Duration) -> Result<reqwest::Client> {
    reqwest::Client::builder()
        .connect_timeout(connect)
        .redirect(endpoint::redirects())
        // A payment is sent once per call; whether to send it again is decided above, by what it means.
        .retry(reqwest::retry::never())
        .user_agent(concat!("tollway/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|_| Error::us(Code::BadSettings).detail("no HTTP client can be made on this system"))
}
