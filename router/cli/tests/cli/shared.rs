//! Facilitators over one PostgreSQL.

use crate::kit::{Outcome, Running};
use crate::world::World;
use std::process::Command;
use tollway_devnet::Postgres;

fn facilitator(world: &World, url: &str) -> Command {
    let mut command = world.command(&["facilitator"]);
    command.env("LEDGER_URL", url);
    command
}

/// A payment is settled by one over the database; another under the same name takes over, and then the first ends by itself and
/// says why, for whoever starts it again. The second is told to end, and ends well.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_taken_over_from_ends_and_says_why() -> Outcome {
    let (world, server) = (World::start().await?, tokio::task::spawn_blocking(Postgres::start).await??);
    let config = world.config().replace("[facilitator]\n", "[facilitator]\nlease_ms = 2000\n");
    world.write("tollway.toml", &format!("name = \"one\"\nledger_env = \"LEDGER_URL\"\n{config}"))?;
    let shop = world.open_shop_beside(facilitator(&world, &server.url("postgres"))).await?;
    let paid = Running::start({
        let mut pay = world.command(&["pay", "--max", "0.05", &format!("{}/weather", shop.url)]);
        pay.env("LEDGER_URL", server.url("postgres"));
        pay
    })?;
    let paid = paid.end()?;
    assert_eq!(paid.good(), "sunny\n", "{paid:?}");
    assert_eq!(world.moved().await?, 10_000);

    let second = Running::start(facilitator(&world, &server.url("postgres")))?;
    second.hear("listening on ")?;
    let first = shop.facilitator.end()?;
    assert_eq!(first.code, Some(1), "{first:?}");
    assert!(first.err.contains("has taken over from this one"), "{first:?}");
    second.signal("-TERM")?;
    let second = second.end()?;
    assert_eq!(second.code, Some(0), "{second:?}");
    Ok(())
}
