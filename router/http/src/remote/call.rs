use super::endpoint::Endpoint;
use super::transport::{Answer, Call, Transport, Trouble};
use http::{HeaderMap, HeaderValue, Method, header};
use reqwest::Url;
use std::sync::Arc;
use std::time::Duration;
use tollway_core::{Json, Result};

/// Makes the headers of one call, for credentials that are made anew for each.
pub(super) type Sign = Arc<dyn Fn(Endpoint) -> Result<HeaderMap> + Send + Sync>;

/// Calls one facilitator, bounded in time and in what is read.
pub(super) struct Caller {
    pub(super) transport: Arc<dyn Transport>,
    pub(super) base: Url,
    pub(super) headers: HeaderMap,
    pub(super) sign: Option<Sign>,
    pub(super) verify: Duration,
    pub(super) settle: Duration,
    pub(super) body_max: usize,
}

impl Caller {
    pub(super) async fn post(&self, endpoint: Endpoint, body: &Json) -> Result<Answer, Trouble> {
        self.call(endpoint, Method::POST, Some(body)).await
    }

    pub(super) async fn get(&self, endpoint: Endpoint) -> Result<Answer, Trouble> {
        self.call(endpoint, Method::GET, None).await
    }

    async fn call(&self, endpoint: Endpoint, method: Method, body: Option<&Json>) -> Result<Answer, Trouble> {
        let mut headers = self.headers.clone();
        if let Some(sign) = &self.sign {
            let made = sign(endpoint).map_err(|error| Trouble { maybe_sent: false, error })?;
            for (name, mut value) in made {
                value.set_sensitive(true);
                headers.extend(name.map(|name| (name, value)));
            }
        }
        if body.is_some() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let limit = if endpoint == Endpoint::Settle { self.settle } else { self.verify };
        let (url, body) = (endpoint.of(&self.base), body.cloned());
        self.transport.call(Call { method, url, headers, body, limit, body_max: self.body_max }).await
    }
}
