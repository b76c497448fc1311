//! The request of `quote` and `pay`, from what was typed.

use crate::args::Request;
use crate::exit::{Failure, Outcome};
use tollway::http::client::PayingClient;

/// Builds the request.
pub(crate) fn build(client: &PayingClient, url: &url::Url, args: &Request) -> Outcome<reqwest::Request> {
    if !matches!(url.scheme(), "http" | "https") {
        let scheme = url.scheme();
        return Err(Failure::usage(format!(
            "a URL here begins with http:// or https://, not with {scheme}:"
        )));
    }
    let method =
        args.method.parse().map_err(|_| Failure::usage(format!("{:?} is no HTTP method", args.method)))?;
    let mut request = client.request(method, url.clone());
    for header in &args.headers {
        let (name, value) = header
            .split_once(':')
            .ok_or_else(|| Failure::usage(format!("header {header:?} is not like \"Name: value\"")))?;
        request = request.header(name.trim(), value.trim());
    }
    if let Some(data) = &args.data {
        let body = match data.strip_prefix('@') {
            Some(path) => {
                std::fs::read(path).map_err(|e| Failure::usage(format!("cannot read {path}: {e}")))?
            }
            None => data.clone().into_bytes(),
        };
        request = request.body(body);
    }
    request.build().map_err(|e| Failure::usage(format!("no request: {}", e.without_url())))
}
