//! Whom the real command's facilitator serves, and how it is told so.

use crate::kit::{Outcome, Running};
use crate::world::World;
use serde_json::Value;
use tollway::core::Ledger;
use tollway::core::Time;
use tollway::ledger::SqliteLedger;
use tollway::route::screening::{Found, decisions};

const KEY: &str = "correct-horse-battery";
const FILED: &str = "staple-staple-staple";

impl World {
    /// The usual configuration with more under `[facilitator]`, and what comes after it.
    fn serving(&self, more: &str, after: &str) -> String {
        let listen = "listen = \"127.0.0.1:0\"\n";
        format!("{}{after}", self.config().replace(listen, &format!("{listen}{more}")))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_facilitator_that_others_can_reach_wants_keys_or_a_word() -> Outcome {
    let world = World::start().await?;
    let wide = |text: String| text.replace("127.0.0.1:0", "0.0.0.0:0");
    world.write("wide.toml", &wide(world.config()))?;
    let said = world.run(&["facilitator", "-c", "wide.toml"]).await?;
    said.failed(2, &["0.0.0.0:0", "[[facilitator.key]]", "open = true"]);
    let table = [
        ("[[facilitator.key]]\nname = \"shop\"\nenv = \"SHOP_KEY\"\n", "SHOP_KEY", "not set"),
        ("[[facilitator.key]]\nname = \"shop\"\nfile = \"absent.key\"\n", "absent.key", "cannot read"),
        ("[[facilitator.key]]\nname = \"shop\"\nfile = \"short.key\"\n", "shop", "16 to 1024"),
        ("[[facilitator.key]]\nname = \"a b\"\nfile = \"good.key\"\n", "caller's name", "64"),
    ];
    world.write("short.key", "0short0\n")?;
    world.write("good.key", FILED)?;
    for (keys, what, why) in table {
        world.write("keys.toml", &world.serving("", keys))?;
        let said = world.run(&["facilitator", "-c", "keys.toml"]).await?;
        said.failed(2, &[what, why]);
        assert!(!said.err.contains("0short0") && !said.err.contains(FILED), "{said:?}");
    }
    for (more, words) in [
        ("payees = [\"0x209693Bc6afc0C5328bA36FaF03C514EF312287C\"]\n", "is not like"),
        ("assets = [\"eip155:8453/usdc\"]\n", "is not like"),
        ("day_usd = \"none\"\n", "TOML parse error"),
        ("at_once_per_caller = 0\n", "settles_per_caller_max"),
    ] {
        world.write("wrong.toml", &world.serving(more, ""))?;
        world.run(&["facilitator", "-c", "wrong.toml"]).await?.failed(2, &[words]);
    }
    let list = |silence: &str, chain: &str| {
        format!(
            "[screening]\nchain = \"{chain}\"\ncontract = \"0x40C57923924B5c5c5455c48D93317139ADDaC8fb\"\n{silence}"
        )
    };
    world.write("mute.toml", &world.serving("", &list("", "eip155:8453")))?;
    world.run(&["facilitator", "-c", "mute.toml"]).await?.failed(2, &["silence"]);
    world.write("far.toml", &world.serving("", &list("silence = \"closed\"\n", "eip155:1")))?;
    world.run(&["facilitator", "-c", "far.toml"]).await?.failed(2, &["network_missing", "eip155:1"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_read_from_the_environment_and_from_files() -> Outcome {
    let world = World::start().await?;
    world.write("shop.key", &format!("{FILED}\n"))?;
    let keys = "[[facilitator.key]]\nname = \"a\"\nenv = \"A_KEY\"\n[[facilitator.key]]\nname = \"b\"\nfile = \"shop.key\"\n";
    world.write("keys.toml", &world.serving("", keys))?;
    let mut command = world.command(&["facilitator", "-c", "keys.toml"]);
    command.env("A_KEY", KEY);
    let facilitator = Running::start(command)?;
    let url = format!("{}/verify", facilitator.hear("listening on ")?);
    let client = reqwest::Client::new();
    let status = async |key: Option<&str>| -> Outcome<u16> {
        let request = client.post(&url).body("{}");
        let request = match key {
            Some(key) => request.bearer_auth(key),
            None => request,
        };
        Ok(request.send().await?.status().as_u16())
    };
    let seen = [status(None).await?, status(Some("wrong-wrong-wrong")).await?];
    assert_eq!(seen, [401, 401]);
    // Known, and what it says is none.
    assert_eq!([status(Some(KEY)).await?, status(Some(FILED)).await?], [400, 400]);
    let said = tokio::task::spawn_blocking(move || facilitator.interrupt()).await??;
    assert!(!format!("{said:?}").contains(KEY) && !format!("{said:?}").contains(FILED), "{said:?}");
    world.keeps_secrets(&said);
    Ok(())
}

/// A contract that finds everybody on its list, and one that finds nobody.
#[tokio::test(flavor = "multi_thread")]
async fn a_sanctions_list_is_asked_before_anything_is_signed() -> Outcome {
    const AT: &str = "0x40C57923924B5c5c5455c48D93317139ADDaC8fb";
    let world = World::start().await?;
    let shop = world.open_shop().await?;
    let url = format!("{}/weather", shop.url);
    for (contract, silence, paid) in
        [("0x60015f5260205ff3", "closed", 0), ("0x5f5ffd", "closed", 0), ("0x5f5f5260205ff3", "open", 10_000)]
    {
        for chain in world.devnet.chains() {
            chain.set_code(AT, contract).await?;
        }
        let screening =
            format!("[screening]\nchain = \"eip155:8453\"\ncontract = \"{AT}\"\nsilence = \"{silence}\"\n");
        world.write("screened.toml", &world.serving("", &screening))?;
        let said = world.run(&["pay", "-c", "screened.toml", "--max", "0.05", &url]).await?;
        assert_eq!((said.code == Some(0), world.moved().await?), (paid > 0, paid), "{said:?}");
        let word = if contract.len() > 8 { "screening_denied" } else { "screening_unavailable" };
        assert!(paid > 0 || said.err.contains(word), "{said:?}");
    }
    let ledger = SqliteLedger::open(world.home.path().join("tollway.sqlite"))?;
    let said = decisions(&ledger, Time::ZERO, None, 100).await?;
    let found: Vec<_> = said.iter().map(|(_, decision)| decision.found).collect();
    assert!(found.contains(&Found::Denied) && found.contains(&Found::SilentRefused), "{found:?}");
    assert_eq!(found.last(), Some(&Found::Clear));
    // A decision names people, and holds no signature.
    let records = ledger.scan("audit/screen/", None, 100).await?;
    for record in records {
        let value: Value = serde_json::from_str(&record.value)?;
        assert!(value["payer"].is_string() && value.get("signature").is_none(), "{value}");
    }
    Ok(())
}
