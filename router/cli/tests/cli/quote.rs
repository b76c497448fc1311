//! `tollway quote`.

use crate::kit::Outcome;
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_quote_ranks_everything_and_pays_nothing() -> Outcome {
    let world = World::start().await?;
    let shop = world.open_shop().await?;
    let weather = format!("{}/weather", shop.url);
    let block = world.chain()?.block_number().await?;

    let said = world.run(&["quote", &weather]).await?;
    let lines: Vec<_> = said.good().lines().collect();
    let (base, op) =
        (lines.iter().position(|l| l.contains(" Base ")), lines.iter().position(|l| l.contains(" OP ")));
    assert!(base < op && base.is_some(), "{said:?}");
    assert!(said.out.contains("✗ #"), "{said:?}");
    assert!(said.out.contains("exact on Base Sepolia: insufficient_funds ("), "{said:?}");
    assert_eq!(said.err, "");

    let table = world.run(&["quote", "--json", &weather]).await?.json();
    let routes = table["routes"].as_array().ok_or("no routes")?;
    let networks: Vec<_> = routes.iter().filter_map(|r| r["network"].as_str()).collect();
    assert_eq!(networks, ["eip155:8453", "eip155:10"]);
    assert_eq!(routes[0]["price_usd"], "0.009999");
    assert_eq!(table["rejected"][0]["network"], "eip155:84532");

    // Without a word about mainnets, every one of them is refused.
    world.write("timid.toml", &world.config().replace("mainnet = true\n", ""))?;
    let table = world.run(&["quote", "-c", "timid.toml", "--json", &weather]).await?.json();
    assert_eq!(table["routes"], serde_json::json!([]));
    assert_eq!(table["rejected"].as_array().map(Vec::len), Some(3));
    let denied = |r: &&serde_json::Value| r["reason"].as_str().is_some_and(|r| r.contains("opt-in"));
    assert_eq!(table["rejected"].as_array().map(|all| all.iter().filter(denied).count()), Some(2), "{table}");
    let opted = world.run(&["quote", "-c", "timid.toml", "--mainnet", "--json", &weather]).await?.json();
    assert_eq!(opted["routes"].as_array().map(Vec::len), Some(2));

    assert_eq!((world.moved().await?, world.signatures().await?), (0, 0));
    assert_eq!(world.chain()?.block_number().await?, block);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_free_and_what_is_not_there() -> Outcome {
    let world = World::start().await?;
    let shop = world.open_shop().await?;
    let free = format!("{}/", shop.url);
    assert_eq!(world.run(&["quote", &free]).await?.good(), format!("{free} asks for nothing (200 OK)\n"));
    let said = world.run(&["quote", "--json", &free]).await?.json();
    assert_eq!(said, serde_json::json!({ "free": true, "status": 200 }));

    let gone = format!("{}/nothing?token=secret", shop.url);
    let said = world.run(&["quote", &gone]).await?;
    said.failed(1, &["/nothing answered 404 Not Found, and asks for nothing"]);
    assert!(!said.err.contains("secret"), "{said:?}");

    let said = world.run(&["quote", "http://127.0.0.1:1/weather?token=secret"]).await?;
    said.failed(1, &["http://127.0.0.1:1/weather gave no answer", "onnection refused"]);
    assert!(!said.err.contains("secret"), "{said:?}");
    world.run(&["quote", "weather"]).await?.failed(2, &["weather", "URL"]);
    world.run(&["quote"]).await?.failed(2, &["<URL>"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_down_costs_its_network_only() -> Outcome {
    let world = World::start().await?;
    let shop = world.open_shop().await?;
    let weather = format!("{}/weather", shop.url);
    let dead = world.config().replace(&world.chain()?.http_url(), "http://127.0.0.1:1/v2/secret");
    world.write("dead.toml", &dead)?;
    let said = world.run(&["quote", "-c", "dead.toml", "--json", &weather]).await?;
    assert!(said.err.contains("going on without eip155:8453: "), "{said:?}");
    assert!(!said.err.contains("secret"), "{said:?}");
    let table = said.json();
    assert_eq!(table["routes"][0]["network"], "eip155:10");
    assert!(
        table["rejected"].as_array().is_some_and(|all| all.iter().any(|r| r["network"] == "eip155:8453"))
    );

    let all_dead = world.devnet.chains().iter();
    let all_dead = all_dead.fold(world.config(), |text, c| text.replace(&c.http_url(), "http://127.0.0.1:1"));
    world.write("dead.toml", &all_dead)?;
    let said = world.run(&["quote", "-c", "dead.toml", &weather]).await?;
    said.failed(1, &["tollway: unreachable: ", "http://127.0.0.1:1", "no connection"]);
    Ok(())
}
