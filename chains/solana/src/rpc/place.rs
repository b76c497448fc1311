use url::Url;

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
