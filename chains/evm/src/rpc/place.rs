use tollway_core::{Code, Error, Result};
use url::Url;

/// Reads a node's URL.
pub(super) fn parse(url: &str) -> Result<Url> {
    let parsed = Url::parse(url)
        .map_err(|e| Error::caller(Code::BadSettings).detail(format!("the node's URL: {e}")))?;
    match parsed.scheme() {
        "http" | "https" | "ws" | "wss" => Ok(parsed),
        other => Err(Error::caller(Code::BadSettings)
            .detail(format!("the node's URL begins with {other:.16}; http, https, ws and wss are known"))),
    }
}

/// Scheme, host and port of a URL. Paths, queries and users hold API keys, so they are never shown.
pub(super) fn of(url: &Url) -> String {
    let host = url.host_str().unwrap_or("?");
    match url.port() {
        Some(port) => format!("{}://{host}:{port}", url.scheme()),
        None => format!("{}://{host}", url.scheme()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_a_url_is_never_shown() {
        let url = Url::parse("https://me:secret1@node.example:8545/v2/secret2?key=secret3#secret4").unwrap();
        assert_eq!(of(&url), "https://node.example:8545");
    }
}
