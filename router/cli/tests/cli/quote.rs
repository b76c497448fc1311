//! `tollway quote`.

use crate::kit::Outcome;
use crate::world::World;
use tollway::core::Name;
use tollway::route::Rail;

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
async fn what_the_payer_must_send_first_is_shown_whole_and_with_the_share_that_counts() -> Outcome {
    let world = World::start().await?;
    // Base's USDC by both methods; the facilitator does not help who lacks an allowance.
    let none = "[schemes.exact.permit2]\ngas_sponsoring = []\n[schemes.upto]\ngas_sponsoring = []\n";
    world.write("alone.toml", &(world.config() + none))?;
    let both = |rails: Vec<Rail>| {
        let base = rails.into_iter().find(|rail| rail.asset.chain.as_str() == "eip155:8453");
        let permit2 = Name::new("permit2").ok();
        base.into_iter().flat_map(|rail| [Rail { method: permit2, ..rail.clone() }, rail]).collect()
    };
    let shop = world.open_shop_that(world.command(&["facilitator", "-c", "alone.toml"]), both).await?;
    let weather = format!("{}/weather", shop.url);

    // The payer's key sends nothing unless that is allowed.
    let table = world.run(&["quote", "--json", &weather]).await?.json();
    assert_eq!(table["routes"].as_array().map(Vec::len), Some(1), "{table}");
    assert_eq!(table["rejected"][0]["method"], "permit2");
    assert_eq!(table["rejected"][0]["code"], "permit2_allowance_required");

    let allowed =
        world.config().replace("mainnet = true\n", "mainnet = true\n[policy]\nown_transactions = true\n");
    world.write("own.toml", &allowed)?;
    let table = world.run(&["quote", "-c", "own.toml", "--json", &weather]).await?.json();
    let route = |at: usize| &table["routes"][at];
    assert_eq!(
        (&route(0)["scheme"], &route(0)["parts"][0]["label"]),
        (&"exact".into(), &"transferWithAuthorization".into())
    );
    assert_eq!(route(1)["method"], "permit2");
    let approve = &route(1)["parts"][0];
    assert_eq!((&approve["label"], &approve["bearer"]), (&"approve".into(), &"payer".into()));
    assert_eq!(approve["shared_by"], 20);
    assert_eq!(route(0)["price_usd"], route(1)["price_usd"]);
    assert_ne!(route(0)["payer_cost_usd"], route(1)["payer_cost_usd"]);

    // How many payments it will serve is the payer's to say.
    world.write("own.toml", &format!("{allowed}[schemes.exact.permit2]\napproval_payments = 4\n"))?;
    let said = world.run(&["quote", "-c", "own.toml", &weather]).await?;
    let text = said.good();
    assert!(text.contains(" exact/permit2 "), "{said:?}");
    let line =
        text.lines().find(|line| line.starts_with("  2: you send approve first, for $0.00")).ok_or(text)?;
    assert!(line.ends_with(" of it counts here, as one of 4 payments"), "{line}");
    assert_eq!((world.moved().await?, world.signatures().await?), (0, 0));
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
