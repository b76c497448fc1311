//! A facilitator that settles through others: two of them, and one dies.

use crate::kit::{Outcome, Running, Said};
use crate::world::World;
use std::process::Command;
use std::time::{Duration, Instant};

/// Longer than the longest rest.
const LIMIT: Duration = Duration::from_secs(90);

/// The configuration of one that settles itself, by a key of its own.
fn own(world: &World, name: &str, listen: &str) -> Outcome {
    let text = world.config().replace("\"SETTLER\"", &format!("\"SETTLER_{name}\""));
    let text = text.replace("127.0.0.1:0", listen);
    world
        .write(&format!("{name}.toml"), &format!("name = \"{name}\"\nledger = \"{name}.sqlite\"\n{text}"))?;
    Ok(())
}

fn start(world: &World, name: &str, nth: usize) -> Outcome<(Running, String)> {
    let key = world.devnet.accounts().settler(nth).private_key().to_owned();
    let mut command = world.command(&["facilitator", "--config", &format!("{name}.toml")]);
    command.env(format!("SETTLER_{name}"), key);
    let running = Running::start(command)?;
    let url = running.hear("listening on ")?;
    Ok((running, url))
}

/// The one in front of them, without a key to send from.
fn front(world: &World, remotes: &[&str]) -> Outcome<Command> {
    let mut text = world.config().replace("[[settler]]\nenv = \"SETTLER\"\n", "");
    for url in remotes {
        text.push_str(&format!(
            "[[remote]]\nurl = \"{url}\"\nheaders_env = {{ x-api-key = \"REMOTE_KEY\" }}\n"
        ));
    }
    world.write("front.toml", &format!("name = \"front\"\nledger = \"front.sqlite\"\n{text}"))?;
    let mut command = world.command(&["facilitator", "--config", "front.toml"]);
    command.env("REMOTE_KEY", "0secret0");
    Ok(command)
}

/// Pays once, and says who sent the transaction.
async fn pay(world: &World, url: &str) -> Outcome<String> {
    world.run(&["pay", url, "--max", "0.05"]).await?.good();
    let block = world.chain()?.call("eth_getBlockByNumber", serde_json::json!(["latest", true])).await?;
    Ok(block["transactions"][0]["from"].as_str().unwrap_or_default().to_lowercase())
}

async fn doctor(world: &World) -> Outcome<Vec<(String, String)>> {
    let mut command = world.command(&["doctor", "--config", "front.toml", "--json"]);
    command.env("REMOTE_KEY", "0secret0");
    let said: Said = tokio::task::spawn_blocking(move || crate::kit::run(command)).await??;
    assert!(!format!("{said:?}").contains("0secret0"), "{said:?}");
    let report: serde_json::Value = serde_json::from_str(&said.out)?;
    let findings = report["findings"].as_array().ok_or("no findings")?.iter();
    let mine =
        findings.filter(|f| f["area"] == "facilitator" && !f["subject"].to_string().contains("our own"));
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    Ok(mine.map(|f| (text(&f["subject"]), text(&f["state"]))).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn others_settle_for_ours_and_one_that_died_gets_its_share_when_it_is_back() -> Outcome {
    let world = World::start().await?;
    let sender = |nth: usize| world.devnet.accounts().settler(nth).address().to_lowercase();
    own(&world, "one", "127.0.0.1:0")?;
    own(&world, "two", "127.0.0.1:0")?;
    let (one, first) = start(&world, "one", 0)?;
    let (_two, second) = start(&world, "two", 1)?;
    let shop = world.open_shop_beside(front(&world, &[&first, &second])?).await?;
    let weather = format!("{}/weather", shop.url);
    assert_eq!(pay(&world, &weather).await?, sender(0), "alike in price, the first is asked");
    let states = |one: &str| vec![(first.clone(), one.to_owned()), (second.clone(), "ok".to_owned())];
    assert_eq!(doctor(&world).await?, states("ok"));

    one.interrupt()?.good();
    for _ in 0..4 {
        assert_eq!(pay(&world, &weather).await?, sender(1));
    }
    assert_eq!(doctor(&world).await?, states("bad"));

    own(&world, "one", first.trim_start_matches("http://"))?;
    let (_one, again) = start(&world, "one", 0)?;
    assert_eq!(again, first);
    let limit = Instant::now() + LIMIT;
    while pay(&world, &weather).await? != sender(0) {
        assert!(Instant::now() < limit, "it is back, and gets nothing");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_wrong_with_a_remote_is_said() -> Outcome {
    let world = World::start().await?;
    let cases = [
        ("url = \"http://f.example\"", "plain http"),
        ("url = \"https://f.example/?key=0secret0\"", "credentials belong into headers"),
        ("url = \"https://f.example\"\nheaders_env = { x = \"NOT_THERE\" }", "NOT_THERE"),
        ("url = \"https://f.example\"\nheaders = { x = \"0secret0\" }", "unknown field `headers`"),
    ];
    for (lines, words) in cases {
        let text = world.config().replace("[[settler]]\nenv = \"SETTLER\"\n", "");
        world.write("front.toml", &format!("{text}[[remote]]\n{lines}\n"))?;
        let said = world.run(&["facilitator", "--config", "front.toml"]).await?;
        said.failed(2, &[words]);
        assert!(!said.err.contains("0secret0"), "{said:?}");
        let doctor = world.run(&["doctor", "--config", "front.toml"]).await?;
        assert!(doctor.out.contains(words) && doctor.out.contains("→"), "{lines}: {doctor:?}");
        assert!(!doctor.out.contains("0secret0"), "{doctor:?}");
    }
    let text = world.config().replace("[[settler]]\nenv = \"SETTLER\"\n", "");
    world.write("front.toml", &text)?;
    world.run(&["facilitator", "--config", "front.toml"]).await?.failed(2, &["[[settler]]", "[[remote]]"]);
    Ok(())
}
