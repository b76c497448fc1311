//! What makes a request the request that it is: a payment is for this one and no other.

use super::refusal::{Refused, plain};
use super::settings::Settings;
use http::request::Parts;
use http::uri::Authority;
use http::{Method, StatusCode, header};
use sha2::{Digest, Sha256};

/// Method, host, normal path and query of a request.
pub(super) struct Identity {
    pub(super) method: Method,
    pub(super) host: String,
    pub(super) path: String,
    pub(super) query: Option<String>,
    /// The resource's address, as it is advertised.
    pub(super) url: String,
}

impl Identity {
    /// `canonical` is the path as the layer sees it; where that is mounted is added.
    pub(super) fn of(parts: &Parts, canonical: &str, settings: &Settings) -> Result<Self, Refused> {
        let (scheme, host) = match &settings.origin {
            Some(origin) => (origin.scheme.clone(), origin.host.clone()),
            None => {
                let host = asked_host(parts)
                    .ok_or_else(|| plain(StatusCode::BAD_REQUEST, "invalid_host", "no single, valid Host"))?;
                (guessed_scheme(&host).to_owned(), host)
            }
        };
        let path = format!("{}{canonical}", settings.mount);
        let query = parts.uri.query().map(str::to_owned);
        let tail = query.as_deref().map(|q| format!("?{q}")).unwrap_or_default();
        let url = format!("{scheme}://{host}{path}{tail}");
        Ok(Self { method: parts.method.clone(), host, path, query, url })
    }

    /// The bytes that stand for this request in a print; no two different requests have the same.
    pub(super) fn bytes(&self, body: &[u8]) -> Vec<u8> {
        let mut out = b"tollway paywall 1".to_vec();
        let query = self.query.as_ref().map(|q| format!("?{q}")).unwrap_or_default();
        for part in [self.method.as_str(), &self.host, &self.path, &query] {
            out.extend(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            out.extend(part.as_bytes());
        }
        out.extend(Sha256::digest(body));
        out
    }

    /// A name for this one request, the same for `HEAD` and `GET`.
    pub(super) fn name(&self, body: &[u8]) -> String {
        let method = self.priced_method();
        let as_get = Self {
            method,
            host: self.host.clone(),
            path: self.path.clone(),
            query: self.query.clone(),
            url: String::new(),
        };
        Sha256::digest(as_get.bytes(body)).iter().map(|b| format!("{b:02x}")).collect()
    }

    /// `HEAD` costs what `GET` costs.
    pub(super) fn priced_method(&self) -> Method {
        if self.method == Method::HEAD { Method::GET } else { self.method.clone() }
    }
}

fn asked_host(parts: &Parts) -> Option<String> {
    let mut named = parts.headers.get_all(header::HOST).iter();
    let header = match (named.next(), named.next()) {
        (Some(_), Some(_)) => return None,
        (Some(value), None) => Some(normal_host(value.to_str().ok()?)?),
        (None, _) => None,
    };
    let target = parts.uri.authority().map(|a| normal_host(a.as_str()));
    match (target, header) {
        (Some(target), Some(header)) => target.filter(|t| *t == header),
        (Some(target), None) => target,
        (None, header) => header,
    }
}

/// Lower case, without a default port and without the root's dot.
pub(super) fn normal_host(text: &str) -> Option<String> {
    let authority: Authority = text.parse().ok()?;
    if text.contains('@') || text.len() > 255 {
        return None;
    }
    let host = authority.host().trim_end_matches('.').to_ascii_lowercase();
    let port = authority.port_u16().filter(|p| !matches!(p, 80 | 443));
    if host.is_empty() || (authority.port().is_none() && text.ends_with(':')) {
        return None;
    }
    Some(match port {
        Some(port) => format!("{host}:{port}"),
        None => host,
    })
}

/// What a proxy in front speaks is unknown without a configured origin: TLS, unless the host is this machine.
fn guessed_scheme(host: &str) -> &'static str {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    if matches!(name, "localhost" | "127.0.0.1" | "[::1]") || host == "[::1]" { "http" } else { "https" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        assert_eq!(normal_host("API.Example.com.:443").as_deref(), Some("api.example.com"));
        assert_eq!(normal_host("a:8080").as_deref(), Some("a:8080"));
        assert_eq!(normal_host("[::1]:80").as_deref(), Some("[::1]"));
        for bad in ["", "a b", "user@host", "a/b", "a\r\nb"] {
            assert_eq!(normal_host(bad), None, "{bad:?}");
        }
    }
}
