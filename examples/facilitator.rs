//! Verifies and settles payments for others, on every network whose node it knows, and pays the gas.
//!
//! ```text
//! tollway devnet                                  # in another terminal; prints the `export` lines
//! cargo run -p tollway-examples --bin facilitator
//! ```
//! `TOLLWAY_RPC_URLS` are nodes, separated by commas; `TOLLWAY_SETTLER_KEY` are the keys that send, at least one for
//! each family of networks; `TOLLWAY_LISTEN` is the address to serve on.

use std::env;
use tollway::House;
use tollway::core::Role;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Under this name it finds its own unfinished work after a restart, so no two may share one.
    let house = House::builder()
        .name("facilitator-1")
        .role(Role::Settler)
        .sqlite("facilitator.sqlite")?
        .sender_key(&env::var("TOLLWAY_SETTLER_KEY")?)?
        .rpcs(env::var("TOLLWAY_RPC_URLS")?.split(','))
        .connect()
        .await?;
    let facilitator = house.facilitator().build()?;
    facilitator.recover().await?;

    let listen = env::var("TOLLWAY_LISTEN").unwrap_or_else(|_| "127.0.0.1:4020".to_owned());
    let listener = tokio::net::TcpListener::bind(listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    for cell in house.registry().cells() {
        println!("settles {} on {}", cell.id, cell.chain);
    }
    // Ctrl-C: nothing new is taken, what is under way ends first.
    facilitator.serve(listener, async { drop(tokio::signal::ctrl_c().await) }).await?;
    Ok(())
}
