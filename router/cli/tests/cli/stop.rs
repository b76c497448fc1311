//! SIGTERM while a payment is being settled.

use crate::kit::{Outcome, Running};
use crate::world::World;
use serde_json::json;
use std::time::Duration;

/// Waits until a settlement is on its way.
async fn sent(world: &World) -> Outcome {
    for _ in 0..600 {
        let pending = world.chain()?.call("eth_getBlockByNumber", json!(["pending", false])).await?;
        if pending["transactions"].as_array().is_some_and(|list| !list.is_empty()) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err("no transaction was sent".into())
}

/// The block comes a second after the signal: the payment ends well, and so does the program.
#[tokio::test(flavor = "multi_thread")]
async fn a_settlement_under_way_ends_before_the_program_does() -> Outcome {
    let world = World::start().await?;
    let shop = world.open_shop().await?;
    world.chain()?.set_automine(false).await?;
    let paying = Running::start(world.command(&["pay", "--max", "0.05", &format!("{}/weather", shop.url)]))?;
    sent(&world).await?;
    shop.facilitator.signal("-TERM")?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.chain()?.mine(1).await?;
    let (paid, stopped) = (paying.end()?, shop.facilitator.end()?);
    assert_eq!((paid.good(), stopped.code), ("sunny\n", Some(0)), "{paid:?} {stopped:?}");
    assert_eq!(world.moved().await?, 10_000);
    let booked = world.run(&["books", "--json"]).await?.json();
    let settled = booked.as_array().into_iter().flatten().filter(|row| row["side"] == "facilitator");
    assert_eq!(settled.map(|row| row["state"].clone()).collect::<Vec<_>>(), ["paid"]);
    Ok(())
}

/// No block comes while it waits: it ends well all the same, the journal has the payment, and the next life finds out.
#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_end_in_time_is_left_to_the_next_start() -> Outcome {
    let world = World::start().await?;
    let shop = world.open_shop().await?;
    world.chain()?.set_automine(false).await?;
    let paying = Running::start(world.command(&["pay", "--max", "0.05", &format!("{}/weather", shop.url)]))?;
    sent(&world).await?;
    shop.facilitator.signal("-TERM")?;
    let stopped = shop.facilitator.end()?;
    assert_eq!(stopped.code, Some(0), "{stopped:?}");
    let open = world.run(&["books", "--json"]).await?.json();
    let open = open.as_array().into_iter().flatten().find(|row| row["side"] == "facilitator").cloned();
    assert_eq!(open.ok_or("not in the journal")?["state"], "open");
    let _ = paying.end()?; // It learned that nobody knows, or waits no more.

    let next = Running::start(world.command(&["facilitator"]))?;
    let url = next.hear("listening on ")?;
    world.chain()?.set_automine(true).await?;
    world.chain()?.mine(1).await?;
    let mut recovering = json!(1);
    for _ in 0..600 {
        let health: serde_json::Value = reqwest::get(format!("{url}/health")).await?.json().await?;
        recovering = health["recovering"].clone();
        if recovering == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!((recovering, world.moved().await?), (json!(0), 10_000));
    let settled = world.run(&["books", "--json"]).await?.json();
    let settled = settled.as_array().into_iter().flatten().filter(|row| row["side"] == "facilitator");
    assert_eq!(settled.map(|row| row["state"].clone()).collect::<Vec<_>>(), ["paid"]);
    assert_eq!(world.run(&["pay", "--settle-up"]).await?.good(), "1 payments in the journal, 0 still open\n");
    assert_eq!(next.interrupt()?.code, Some(0));
    Ok(())
}

/// Half a minute between a chain and everybody else is tolerated; more is named, by the payment and by the doctor.
#[tokio::test(flavor = "multi_thread")]
async fn half_a_minute_of_skew_is_tolerated_and_more_is_named() -> Outcome {
    let world = World::start().await?;
    let shop = world.open_shop().await?;
    let weather = format!("{}/weather", shop.url);
    let base = world.chain()?;
    // The others must not be the way out.
    let only = format!("{}[policy]\nnetworks = [\"eip155:8453\"]\n", world.config());
    world.write("tollway.toml", &only)?;
    base.advance_time(Duration::from_secs(30)).await?;
    base.mine(1).await?;
    world.run(&["pay", "--max", "0.05", &weather]).await?.good();
    assert_eq!(world.moved().await?, 10_000);
    base.advance_time(Duration::from_secs(600)).await?;
    base.mine(1).await?;
    let refused = world.run(&["pay", "--max", "0.05", &weather]).await?;
    assert_ne!(refused.code, Some(0), "{refused:?}");
    assert!(refused.err.contains("authorization_valid_before"), "{refused:?}");
    assert_eq!(world.moved().await?, 10_000, "and nothing was paid");
    let doctor = world.run(&["doctor"]).await?;
    let line = doctor.out.lines().find(|line| line.contains("eip155:8453 by its newest block"));
    assert!(line.is_some_and(|line| line.starts_with("bad ") && line.contains("s behind")), "{doctor:?}");
    Ok(())
}
