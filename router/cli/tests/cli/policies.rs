//! `[[key_policy]]`, and `tollway keys list`.

use crate::kit::Outcome;
use crate::world::World;

/// For whoever pays: Base's USDC, so much a payment and so much a day.
fn paying(world: &World, most: &str, day: &str) -> Outcome<String> {
    let usdc = world.chain()?.usdc();
    let address = world.devnet.accounts().payer(0).address();
    Ok(format!(
        "[policy]\nmax_usd = \"1\"\nnetworks = [\"eip155:8453\"]\n[[key_policy]]\nkeys = [\"{address}\"]\n\
         messages = [\"TransferWithAuthorization\"]\nvalidity_s_max = 3600\n\
         asset = [{{ id = \"eip155:8453/{usdc}\", max = \"{most}\", day = \"{day}\" }}]\n"
    ))
}

/// For whoever settles: one function of USDC on Base.
fn settling(world: &World) -> Outcome<String> {
    let usdc = world.chain()?.usdc();
    Ok(format!(
        "[[key_policy]]\ncalls = [\"eip155:8453/{usdc}/e3ee160e\"]\n\
         fee = [{{ chain = \"eip155:8453\", max = \"10000000000000000\" }}]\n"
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payer_and_a_settler_keep_to_the_policies_of_their_keys() -> Outcome {
    let world = World::start().await?;
    let config = |most: &str, day: &str| -> Outcome<String> {
        Ok(format!("{}{}{}", world.config(), paying(&world, most, day)?, settling(&world)?))
    };
    world.write("tollway.toml", &config("10000", "15000")?)?;
    let shop = world.open_shop().await?;
    let weather = format!("{}/weather", shop.url);
    assert_eq!(world.run(&["pay", &weather]).await?.good(), "sunny\n");
    // The day has no room for a second cent, in a process of its own.
    let second = world.run(&["pay", &weather]).await?;
    second.failed(3, &["budget_exceeded", "10000 more on top of 10000 would pass 15000"]);
    world.write("tollway.toml", &config("9999", "150000")?)?;
    let dear = world.run(&["pay", &weather]).await?;
    dear.failed(3, &["policy_denied", "9999 are the most for one signature"]);
    assert_eq!(world.moved().await?, 10_000);
    world.keeps_secrets(&shop.facilitator.interrupt()?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_without_a_policy_is_found_before_anything_is_signed() -> Outcome {
    let world = World::start().await?;
    let (payer, settler) = (world.devnet.accounts().payer(0), world.devnet.accounts().settler(0));
    let bare = world.run(&["keys", "list"]).await?;
    let whole = bare.good();
    assert!(whole.contains(&format!("{}  payer  no policy", payer.address())), "{bare:?}");
    assert!(whole.contains(&format!("{}  settler  no policy", settler.address())), "{bare:?}");

    let usdc = world.chain()?.usdc();
    let both = format!("{}{}{}", world.config(), paying(&world, "100", "200")?, settling(&world)?);
    world.write("tollway.toml", &both)?;
    let held = world.run(&["keys", "list"]).await?;
    let words = format!("TransferWithAuthorization for 3600 s; eip155:8453/{usdc} up to 100, 200 a day");
    assert!(held.good().to_lowercase().contains(&words.to_lowercase()), "{held:?}");
    assert!(held.good().contains("settler  held to: 1 calls; fees on eip155:8453 up to"), "{held:?}");

    let misspelled = payer.address().replace(&payer.address()[2..8], "000000");
    let only = paying(&world, "100", "200")?.replace(payer.address(), &misspelled);
    world.write("tollway.toml", &format!("{}{only}", world.config()))?;
    for arguments in [&["keys", "list"][..], &["pay", "--settle-up"]] {
        world.run(arguments).await?.failed(2, &[&misspelled, "is the address of no configured key"]);
    }
    // Beside one for all other keys, that one would hold the key.
    world.write("tollway.toml", &format!("{}{only}{}", world.config(), settling(&world)?))?;
    for arguments in [&["keys", "list"][..], &["pay", "--settle-up"]] {
        world.run(arguments).await?.failed(2, &[&misspelled, "is the address of no configured key"]);
    }
    let other = format!("[[key_policy]]\nkeys = [\"{}\"]\n", settler.address());
    world.write("tollway.toml", &format!("{}{other}", world.config()))?;
    world.run(&["pay", "--settle-up"]).await?.failed(2, &["none holds", payer.address()]);
    for wrong in [
        "asset = [{ id = \"USDC\", max = \"1\" }]",
        "calls = [\"eip155:8453/0x1/e3ee160e\"]",
        "calls = [\"eip155:8453/*\"]",
        "calls = [\"eip155:8453/0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913\"]",
        "fee = [{ chain = \"x\", max = \"1\" }]",
    ] {
        world.write("tollway.toml", &format!("{}[[key_policy]]\n{wrong}\n", world.config()))?;
        world.run(&["keys", "list"]).await?.failed(2, &["is not like"]);
    }
    Ok(())
}
