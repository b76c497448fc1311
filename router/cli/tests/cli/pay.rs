//! `tollway pay`.

use crate::kit::{Outcome, Running};
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_needs_a_cap_and_keeps_to_it() -> Outcome {
    let world = World::start().await?;
    let shop = world.open_shop().await?;
    let weather = format!("{}/weather", shop.url);
    let block = world.chain()?.block_number().await?;

    world.run(&["pay", &weather]).await?.failed(2, &["--max 0.05", "max_usd"]);
    let dear = world.run(&["pay", "--max", "0.001", &weather]).await?;
    dear.failed(3, &["over_cap", "$0.009999 is more than the cap of $0.001"]);
    for wrong in ["x", "-1", "1e3"] {
        world
            .run(&["pay", &format!("--max={wrong}"), &weather])
            .await?
            .failed(2, &["is not an amount like $0.01"]);
    }
    let dry = world.run(&["pay", "--dry-run", "--max", "0.05", &weather]).await?;
    assert!(dry.good().ends_with("would pay $0.009999 on Base; nothing was signed\n"), "{dry:?}");
    world.run(&["pay", "--dry-run", "--max", "0.001", &weather]).await?.failed(3, &["nothing was signed"]);
    let nowhere = world.run(&["pay", "--max", "0.05", "-o", "no/such/folder", &weather]).await?;
    nowhere.failed(2, &["cannot write no/such/folder"]);
    assert_eq!((world.moved().await?, world.signatures().await?), (0, 0));
    assert_eq!(world.chain()?.block_number().await?, block);

    let paid = world.run(&["pay", "--max", "0.05", &weather]).await?;
    assert_eq!(paid.good(), "sunny\n");
    let hash = paid.err.strip_prefix("paid 0.010000 USDC on Base in transaction ").ok_or(paid.err.clone())?;
    let receipt = world.chain()?.call("eth_getTransactionReceipt", serde_json::json!([hash.trim()])).await?;
    assert_eq!(receipt["status"], "0x1");
    assert_eq!((world.moved().await?, world.signatures().await?), (10_000, 1));
    let journal = world.run(&["pay", "--settle-up"]).await?;
    assert_eq!(journal.good(), "1 payments in the journal, 0 still open\n");
    world.keeps_secrets(&shop.facilitator.interrupt()?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_gets_the_body_in_a_file_and_the_receipt_as_json() -> Outcome {
    let world = World::start().await?;
    let shop = world.open_shop().await?;
    world.write("tollway.toml", &format!("{}[policy]\nmax_usd = \"0.02\"\n", world.config()))?;
    let said = world.run(&["pay", "--json", "-o", "body.txt", &format!("{}/weather", shop.url)]).await?;
    assert_eq!(said.good(), "");
    assert_eq!(std::fs::read_to_string(world.home.path().join("body.txt"))?, "sunny\n");
    let receipt: serde_json::Value = serde_json::from_str(&said.err)?;
    assert_eq!((&receipt["paid"], &receipt["network"]), (&true.into(), &"eip155:8453".into()));
    assert_eq!((&receipt["amount_atomic"], &receipt["status"]), (&"10000".into(), &200.into()));
    assert!(receipt["transaction"].as_str().is_some_and(|tx| tx.len() == 66), "{receipt}");

    let free = world.run(&["pay", "--json", &format!("{}/", shop.url)]).await?;
    assert_eq!((free.good(), free.err.as_str()), ("free\n", "{\"paid\":false}\n"));
    world.run(&["pay", &format!("{}/gone", shop.url)]).await?.failed(1, &["the server answered 404"]);
    let free = world.run(&["pay", "--dry-run", &format!("{}/", shop.url)]).await?;
    assert_eq!(free.good(), format!("{}/ asks for nothing (200 OK)\n", shop.url));
    world.run(&["pay", "http://127.0.0.1:1/"]).await?.failed(1, &["gave no answer"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn several_commands_share_one_ledger_and_one_budget() -> Outcome {
    let world = World::start().await?;
    let shop = world.open_shop().await?;
    let weather = format!("{}/weather", shop.url);
    // Four fit, the fifth does not.
    world.write("tollway.toml", &format!("{}[policy]\nday_usd = \"0.0405\"\n", world.config()))?;
    let start = |_| Running::start(world.command(&["pay", "--max", "0.05", &weather]));
    let all = (0..6).map(start).collect::<Outcome<Vec<_>>>()?;
    let ends = all.into_iter().map(|one| tokio::task::spawn_blocking(move || one.end()));
    let mut said = Vec::new();
    for end in ends {
        said.push(end.await??);
    }
    let codes: Vec<_> = said.iter().filter_map(|s| s.code).collect();
    assert_eq!(codes.iter().filter(|code| **code == 0).count(), 4, "{said:?}");
    assert_eq!(codes.iter().filter(|code| **code == 3).count(), 2, "{said:?}");
    assert_eq!(world.moved().await?, 40_000);
    let journal = world.run(&["pay", "--settle-up"]).await?;
    assert!(journal.good().ends_with(", 0 still open\n"), "{journal:?}");
    world.run(&["pay", "--max", "0.05", &weather]).await?.failed(3, &["budget_exceeded"]);
    Ok(())
}
