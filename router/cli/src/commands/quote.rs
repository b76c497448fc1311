//! `tollway quote`: the ranked table of a URL.

use super::request;
use crate::args::Quote;
use crate::config::Config;
use crate::exit::{Failure, Outcome};
use crate::{setup, table};
use tollway::core::Role;
use tollway::http::client::{ClientSettings, PayError, PayingClient, Quoted};

pub(crate) async fn run(args: &Quote) -> Outcome {
    let config = Config::read(&args.request.config, args.request.mainnet)?;
    let house = setup::house(&config, &[Role::Payer]).await?;
    let router = house.router(setup::policy(&config, None)?);
    let client = PayingClient::new(reqwest::Client::builder(), router, ClientSettings::default())?;
    let request = request::build(&client, &args.request)?;
    match client.quote(request).await.map_err(failure)? {
        Quoted::Asked(asked) if args.json => {
            println!("{}", serde_json::to_string_pretty(&asked.explanation).map_err(Failure::failed)?);
        }
        Quoted::Asked(asked) => print!("{}", table::render(&asked.explanation)),
        Quoted::Free(response) if args.json => {
            println!("{}", serde_json::json!({ "free": true, "status": response.status().as_u16() }));
        }
        Quoted::Free(response) => println!("{} asks for nothing ({})", args.request.url, response.status()),
        _ => {}
    }
    Ok(())
}

/// A failed request, by what became of the money.
pub(crate) fn failure(e: PayError) -> Failure {
    match e {
        PayError::Undelivered(lost) => {
            let tx = lost.paid.receipt.transaction().map(ToString::to_string).unwrap_or_default();
            Failure::undelivered(format!(
                "paid {} in transaction {tx}, and no answer arrived: {}. Do not pay again; show the receipt to the seller",
                lost.paid.charged, lost.why
            ))
        }
        other => Failure::from(other.error().clone()),
    }
}
