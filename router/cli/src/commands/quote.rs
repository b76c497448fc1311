//! `tollway quote`: the ranked table of a URL.

use super::request;
use crate::args::Quote;
use crate::config::Config;
use crate::exit::{Failure, Outcome};
use crate::{out, setup, table, words};
use tollway::House;
use tollway::core::Role;
use tollway::http::client::{PayError, Quoted};

pub(crate) async fn run(args: &Quote) -> Outcome {
    let config = Config::read(&args.request.config, args.request.mainnet)?;
    let policy = setup::policy(&config, None)?;
    let house = setup::house(&config, &[Role::Payer]).await?;
    let client = house.client(policy)?;
    let request = request::build(&client, &args.url, &args.request)?;
    match client.quote(request).await.map_err(|e| failure(&house, &args.url, e))? {
        Quoted::Asked(asked) if args.json => out::json(&asked.explanation),
        Quoted::Asked(asked) => out::write(table::render(&asked.explanation)),
        Quoted::Free(response) => free(&args.url, response.status(), args.json),
        _ => Ok(()),
    }
}

/// A server that asks for nothing. An error page is free too, but it is not what the caller wanted to know.
pub(crate) fn free(url: &url::Url, status: reqwest::StatusCode, json: bool) -> Outcome {
    if json {
        out::json(&serde_json::json!({ "free": true, "status": status.as_u16() }))?;
    }
    if status.is_client_error() || status.is_server_error() {
        return Err(Failure::failed(format!("{} answered {status}, and asks for nothing", place(url))));
    }
    if json { Ok(()) } else { out::line(format_args!("{} asks for nothing ({status})", place(url))) }
}

/// A URL without its query and whatever else may hold a secret.
pub(crate) fn place(url: &url::Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

/// A failed request, by what became of the money.
pub(crate) fn failure(house: &House, url: &url::Url, e: PayError) -> Failure {
    match e {
        PayError::Undelivered(lost) => Failure::undelivered(format!(
            "{}, and no answer arrived: {}. Do not pay again; show the receipt to the seller",
            words::paid(house.registry(), &lost.paid.receipt),
            lost.why.detail
        )),
        PayError::Unanswered(e, _) => Failure::failed(format!("{} gave no answer: {}", place(url), e.detail)),
        other => Failure::from(other.error().clone()),
    }
}
