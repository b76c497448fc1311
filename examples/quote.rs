//! Asks a URL for its price and prints every way to pay it: the allowed ones, best first, then the rejected ones with
//! their reasons. Signs nothing.
//!
//! ```text
//! tollway devnet                                  # in another terminal; prints the `export` lines
//! cargo run -p tollway-examples --bin quote -- http://127.0.0.1:4021/weather
//! ```
//! `TOLLWAY_RPC_URLS` are nodes, separated by commas; `TOLLWAY_PAYER_KEY` is the payer's key, or one for each family of
//! networks: whether a route can be paid depends on what that account holds.

use std::env;
use tollway::core::Role;
use tollway::http::client::Quoted;
use tollway::{House, route::Policy};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = env::args().nth(1).ok_or("usage: quote URL")?;
    let house = House::builder()
        .role(Role::Payer)
        .sqlite("pay.sqlite")? // what `pay` has in flight counts
        .payer_key(&env::var("TOLLWAY_PAYER_KEY")?)?
        .rpcs(env::var("TOLLWAY_RPC_URLS")?.split(','))
        .connect()
        .await?;

    // A policy without a cap may ask for prices, and may not pay. The devnet's chains have the ids of mainnets.
    let client = house.client(Policy { allow_mainnet: true, ..Policy::default() })?;
    let request = client.request(reqwest::Method::GET, &url).build()?;
    let asked = match client.quote(request).await? {
        Quoted::Asked(asked) => asked,
        _ => {
            println!("{url} asks for nothing");
            return Ok(());
        }
    };
    for (place, route) in asked.explanation.routes.iter().enumerate() {
        println!(
            "{}. {} on {}: you pay {:.6}, settling costs {:.6}",
            place + 1,
            route.scheme,
            route.network_title,
            route.payer_cost_usd,
            route.settlement_cost_usd
        );
    }
    for entry in &asked.explanation.rejected {
        let network = entry.network_title.as_deref().unwrap_or("?");
        println!("-  {network}: {} {}", entry.code, entry.reason);
    }
    Ok(())
}
