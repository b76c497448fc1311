//! The sections `[[remote]]` of the configuration: other people's facilitators.

use crate::config::Config;
use crate::exit::{Failure, Outcome};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use tollway::House;
use tollway::http::RemoteFacilitator;
use tollway::route::pool::{Pool, Seat};

/// Somebody's facilitator, that ours may settle through.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Remote {
    /// Its address, below which `/verify`, `/settle` and `/supported` are.
    pub(crate) url: String,
    /// Headers to send, by name: the environment variable that holds each one's value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) headers_env: BTreeMap<String, String>,
    /// True to take its word for signatures that only a chain can prove, where we have no node to look ourselves.
    #[serde(default)]
    pub(crate) trust_signatures: bool,
    /// True for plain http to another machine, on a network that is private by other means.
    #[serde(default)]
    pub(crate) plain_http: bool,
}

impl Remote {
    /// The headers with their values, which are secrets.
    pub(crate) fn headers(&self) -> Outcome<Vec<(String, String)>> {
        let read = |(name, variable): (&String, &String)| match std::env::var(variable) {
            Ok(value) => Ok((name.clone(), value)),
            Err(_) => Err(Failure::usage(format!(
                "remote: the environment variable {variable} with the header {name} is not set"
            ))),
        };
        self.headers_env.iter().map(read).collect()
    }

    fn seat(&self, house: &House) -> Outcome<Seat> {
        let (registry, clock) = (Arc::clone(house.registry()), Arc::clone(house.clock()));
        let mut builder = RemoteFacilitator::builder(&self.url, registry, clock);
        for (name, value) in self.headers()? {
            builder = builder.header(&name, &value);
        }
        if self.trust_signatures {
            builder = builder.trust_signatures();
        }
        if self.plain_http {
            builder = builder.allow_plain_http();
        }
        Ok(builder.build()?.seat())
    }
}

/// All of them and our own senders behind one; `None` where nobody else is configured.
pub(crate) fn pool(config: &Config, house: &House) -> Outcome<Option<Arc<Pool>>> {
    if config.remotes.is_empty() {
        return Ok(None);
    }
    let seats = config.remotes.iter().map(|remote| remote.seat(house)).collect::<Outcome<Vec<_>>>()?;
    Ok(Some(house.pool(seats)?))
}

/// An address for people: a path may hold a key.
pub(crate) fn shown(url: &str) -> String {
    url::Url::parse(url).map_or_else(|_| "a [[remote]]".to_owned(), |url| url.origin().ascii_serialization())
}
