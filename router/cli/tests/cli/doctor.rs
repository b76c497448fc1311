//! `tollway doctor`: each thing broken once, and what is said then.

use crate::kit::{Outcome, run, tollway};
use crate::world::World;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

/// What must never be printed: a key in a URL.
const SECRET: &str = "s3cretpath";

/// A line that must be there: area, a part of its subject, state, a part of what was found, a part of the advice.
pub(crate) type Line<'a> = (&'a str, &'a str, &'a str, &'a str, &'a str);

/// All is well but for these lines, each of them there.
async fn only(world: &World, arguments: &[&str], expected: &[Line<'_>]) -> Outcome {
    only_with(world, &[], arguments, expected).await
}

/// The same, with more in the environment.
pub(crate) async fn only_with(
    world: &World,
    environment: &[(&str, &str)],
    arguments: &[&str],
    expected: &[Line<'_>],
) -> Outcome {
    let mut command = world.command(&[&["doctor", "--json"], arguments].concat());
    command.envs(environment.iter().copied());
    let said = tokio::task::spawn_blocking(move || run(command)).await??;
    world.keeps_secrets(&said);
    assert!(!format!("{said:?}").contains(SECRET), "{said:?}");
    let report: Value = serde_json::from_str(&said.out)?;
    let bad = expected.iter().any(|line| line.2 == "bad");
    assert_eq!((said.code, &report["ok"]), (Some(i32::from(bad)), &Value::from(!bad)), "{said:?}");
    let findings = report["findings"].as_array().ok_or("no findings")?;
    let mut open: Vec<_> = findings.iter().filter(|f| f["state"] != "ok").collect();
    for line in expected {
        let has = |finding: &Value, key: &str, part| finding[key].as_str().is_some_and(|s| s.contains(part));
        let fits = |f: &&Value| {
            let (area, subject, state, said, advice) = *line;
            let alike = f["area"] == area && f["state"] == state;
            alike && has(f, "subject", subject) && has(f, "said", said) && has(f, "advice", advice)
        };
        let at = open.iter().position(fits).ok_or_else(|| format!("{line:?} is not in {open:#?}"))?;
        open.remove(at);
    }
    assert!(open.is_empty(), "not asked for: {open:#?}, besides {expected:?}");
    Ok(())
}

pub(crate) async fn well() -> Outcome<World> {
    let world = World::start().await?;
    let payer = world.devnet.accounts().payer(0).address();
    world.devnet.chain(84532)?.set_usdc_balance(payer, 1_000_000).await?;
    Ok(world)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_broken_in_the_configuration_has_its_own_line_and_advice() -> Outcome {
    let world = well().await?;
    only(&world, &[], &[]).await?;
    let good = world.config();
    let base = world.chain()?.http_url();
    let dead = format!("http://127.0.0.1:1/{SECRET}?key={SECRET}");
    let taken = stand_in("nobody", "").await?;
    let broken: [(&str, String, Vec<Line<'_>>); 18] = [
        (
            "toml",
            format!("{good}\nnonsense = 1\n"),
            vec![("config", "toml.toml", "bad", "unknown field", "mend")],
        ),
        (
            "dead",
            good.replace(&base, &dead),
            vec![("network", "eip155:8453", "bad", "no connection", "is the node up")],
        ),
        (
            "one of two",
            good.replace(&base, &format!("{base} {dead}")),
            vec![("network", "eip155:8453, node 2 of 2", "warn", "no connection", "is the node up")],
        ),
        (
            "other",
            good.replace(&base, &world.devnet.chain(10)?.http_url()),
            vec![("network", "eip155:8453", "bad", "serves eip155:10", "belongs to another chain")],
        ),
        (
            "no url",
            good.replace(&base, "base.example"),
            vec![("network", "eip155:8453", "bad", "the node's URL", "like \"https://node.example\"")],
        ),
        (
            "no id",
            good.replace("\"eip155:8453\"", "\"base\""),
            vec![("network", "base", "bad", "is not like \"eip155:8453\"", "CAIP-2")],
        ),
        (
            "no remote",
            format!("{good}\n[[remote]]\nurl = \"facilitator.example\"\n"),
            vec![("facilitator", "[[remote]]", "bad", "write it like https://", "mend `url`")],
        ),
        (
            "unset",
            good.replace(&format!("rpc = \"{base}\""), "rpc_env = \"NOT_SET\""),
            vec![("network", "eip155:8453", "bad", "NOT_SET", "set the variable")],
        ),
        (
            "nokey",
            good.replace("env = \"PAYER\"", "env = \"NOBODY\""),
            vec![("keys", "payer in NOBODY", "bad", "not set", "export NOBODY")],
        ),
        (
            "nokeys",
            good.replace("[payer]\nenv = \"PAYER\"\n[[settler]]\nenv = \"SETTLER\"\n", ""),
            vec![("keys", "none", "bad", "neither", "tollway keys new")],
        ),
        (
            "folder",
            format!("ledger = \"no/such/folder.sqlite\"\n{good}"),
            vec![("ledger", "no/such/folder.sqlite", "bad", "folder", "make the folder")],
        ),
        (
            "price",
            format!("{good}\n[prices]\n\"ETH\" = \"1\"\n"),
            vec![("prices", "ETH", "bad", "is not like", "write it like")],
        ),
        (
            "feed",
            format!(
                "{good}\n[[price_feed]]\nurl = \"http://127.0.0.1:1/{SECRET}\"\nprice = \"/p\"\nassets = [\"eip155:8453/native\"]\n"
            ),
            vec![
                ("prices", "eip155:8453 ETH", "warn", "127.0.0.1", "left out"),
                ("prices", "eip155:8453 ETH", "bad", "1 of 2 sources agree", "rejected"),
            ],
        ),
        (
            "solana",
            format!("{good}\n[[network]]\nid = \"solana:nowhere\"\nrpc = \"{dead}\"\n"),
            vec![("network", "solana:nowhere", "bad", "no", "")],
        ),
        (
            "taken",
            good.replace("127.0.0.1:0", taken.trim_start_matches("http://")),
            vec![("facilitator", "our own", "bad", "no facilitator", "another program listens")],
        ),
        (
            "caller",
            format!("{good}\n[[facilitator.key]]\nname = \"shop-1\"\nenv = \"SHOP_KEY\"\n"),
            vec![("facilitator", "callers", "bad", "SHOP_KEY, which is not set", "export that variable")],
        ),
        (
            "remote",
            format!("{good}\n[[remote]]\nurl = \"{dead}\"\n"),
            vec![("facilitator", "127.0.0.1", "bad", "credentials belong into headers", "mend `url`")],
        ),
        (
            "asleep",
            good.replace("127.0.0.1:0", "127.0.0.1:1"),
            vec![("facilitator", "our own", "warn", "does not run", "start `tollway facilitator`")],
        ),
    ];
    for (name, config, lines) in broken {
        world.write(&format!("{name}.toml"), &config)?;
        only(&world, &["-c", &format!("{name}.toml")], &lines).await?;
    }
    world.write("empty.toml", "")?;
    let nothing = world.run(&["doctor", "-c", "empty.toml"]).await?;
    nothing.failed(1, &["broken"]);
    assert!(
        nothing.out.contains("bad   network     none: no [[network]] is configured\n      → add"),
        "{nothing:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_broken_on_the_chain_has_its_own_line_and_advice() -> Outcome {
    let world = well().await?;
    let (base, op, sepolia) = (world.chain()?, world.devnet.chain(10)?, world.devnet.chain(84532)?);
    let accounts = world.devnet.accounts();
    let (payer, settler) = (accounts.payer(0).address(), accounts.settler(0).address());
    let now = base.timestamp().await?;

    base.set_eth_usd_e8_at(250_000_000_000, now - 400_000).await?;
    let stale = ("prices", "eip155:8453 ETH", "warn", "stale_price", "left out");
    let missing = ("prices", "eip155:8453 ETH", "bad", "stale_price", "add a [[price_feed]]");
    only(&world, &[], &[stale, missing]).await?;
    let feed = stand_in("price", "").await?;
    let more = "price = \"/usd\"\nassets = [\"eip155:8453/native\"]\n[price_agreement]\nagree_min = 1\n";
    world.write("fed.toml", &format!("{}[[price_feed]]\nurl = \"{feed}\"\n{more}", world.config()))?;
    only(&world, &["-c", "fed.toml"], &[stale]).await?;
    base.set_eth_usd_e8(500_000_000_000).await?;
    let apart = ("prices", "eip155:8453 ETH", "bad", "prices_disagree", "rejected");
    let strict = std::fs::read_to_string(world.home.path().join("fed.toml"))?.replace("agree_min = 1\n", "");
    world.write("strict.toml", &strict)?;
    only(&world, &["-c", "strict.toml"], &[apart]).await?;
    base.set_eth_usd_e8(250_000_000_000).await?;

    op.set_native_balance(settler, 0).await?;
    only(&world, &[], &[("keys", &format!("{settler} on eip155:10"), "bad", "no gas", "send ETH to 0x")])
        .await?;
    op.set_native_balance(settler, 1).await?;
    only(&world, &[], &[("keys", "on eip155:10", "warn", "gas for about 0", "send ETH")]).await?;
    op.set_native_balance(settler, 1_000_000_000_000_000_000).await?;
    sepolia.set_usdc_balance(payer, 0).await?;
    only(&world, &[], &[("keys", "on eip155:84532", "warn", "no known token", "send USDC to 0x")]).await?;

    // Returns 32 zero bytes to whatever it is asked.
    sepolia.set_code(sepolia.usdc(), "0x60206000f3").await?;
    let domain = ("tokens", "eip155:84532 USDC", "bad", "DOMAIN_SEPARATOR is 0x0000", "do not pay or sell");
    let none = ("keys", "on eip155:84532", "warn", "no known token", "");
    only(&world, &[], &[domain, none]).await?;
    sepolia.set_code(sepolia.usdc(), "0x").await?;
    let gone = ("tokens", "eip155:84532 USDC", "bad", "no contract there", "do not pay");
    let bare = ("keys", "on eip155:84532", "bad", "", "");
    only(&world, &[], &[gone, bare]).await?;

    sepolia.advance_time(Duration::from_secs(3600)).await?;
    sepolia.mine(1).await?;
    let ahead = ("clock", "eip155:84532 by its newest block", "bad", "s behind", "set the clock");
    only(&world, &[], &[gone, bare, ahead]).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_broken_around_it_has_its_own_line_and_advice() -> Outcome {
    let world = well().await?;
    let config = world.config();
    let late = stand_in("late node", &world.chain()?.http_url()).await?;
    world.write("late.toml", &config.replace(&world.chain()?.http_url(), &late))?;
    let clock = ("clock", "eip155:8453 by its web server", "bad", "s ahead", "NTP");
    only(&world, &["-c", "late.toml"], &[clock]).await?;

    for (kind, part, state, said, advice) in [
        ("well", "127.0.0.1", "ok", "", ""),
        ("ill", "127.0.0.1", "bad", "cannot settle now", "its ledger"),
        ("elsewhere", "127.0.0.1", "warn", "no network of this configuration", "add its networks"),
        ("nobody", "127.0.0.1", "bad", "404", "is this its address"),
        ("liar", "127.0.0.1", "bad", "what no facilitator says", "is it up"),
    ] {
        let url = format!("{}/?key={SECRET}", stand_in(kind, "").await?);
        let line = ("facilitator", part, state, said, advice);
        let lines: &[Line<'_>] = if state == "ok" { &[] } else { &[line] };
        only(&world, &["--facilitator", &url], lines).await?;
    }
    let away = format!("http://127.0.0.1:1/{SECRET}?key={SECRET}");
    let line = ("facilitator", "http://127.0.0.1:1", "bad", "no connection", "is it up");
    only(&world, &["--facilitator", &away], &[line]).await?;

    let plain = world.write("id.json", "[1,2]")?;
    std::fs::set_permissions(&plain, PermissionsExt::from_mode(0o644))?;
    world.write("file.toml", &config.replace("env = \"PAYER\"", "file = \"id.json\""))?;
    let open = ("keys", "id.json", "warn", "other users", "chmod 600");
    let wrong = ("keys", "payer in id.json", "bad", "key", "solana-keygen");
    only(&world, &["-c", "file.toml"], &[open, wrong]).await?;

    world.run(&["pay", "--settle-up"]).await?.good();
    let ledger = world.home.path().join("tollway.sqlite");
    std::fs::set_permissions(&ledger, PermissionsExt::from_mode(0o644))?;
    only(&world, &[], &[("ledger", "tollway.sqlite", "warn", "other users", "chmod 600")]).await?;
    std::fs::set_permissions(&ledger, PermissionsExt::from_mode(0o600))?;
    let holder = rusqlite::Connection::open(&ledger)?;
    holder.execute_batch("BEGIN IMMEDIATE")?;
    only(&world, &[], &[("ledger", "tollway.sqlite", "bad", "", "another program holds it")]).await?;
    drop(holder);
    only(&world, &[], &[]).await?;
    std::fs::write(&ledger, "this is no database, and it is long enough to be looked at as one ".repeat(20))?;
    only(&world, &[], &[("ledger", "tollway.sqlite", "bad", "", "must name a file")]).await
}

/// Without any configuration it still says what to do, as JSON too.
#[test]
fn without_a_configuration_it_says_how_to_get_one() -> Outcome {
    let home = tempfile::tempdir()?;
    let said = run(tollway(home.path(), &["doctor"]))?;
    said.failed(1, &["one thing is broken"]);
    assert!(said.out.starts_with("bad   config      tollway.toml: cannot read tollway.toml"), "{said:?}");
    assert!(said.out.contains("→ name yours with --config, or write one"), "{said:?}");
    let said = run(tollway(home.path(), &["doctor", "--json"]))?;
    let report: Value = serde_json::from_str(&said.out)?;
    assert_eq!((said.code, &report["findings"][0]["area"]), (Some(1), &Value::from("config")));
    Ok(())
}

/// A server that is what its name says; returns its URL.
async fn stand_in(kind: &'static str, node: &str) -> Outcome<String> {
    let app = axum::Router::new().fallback(answer).with_state((kind, node.to_owned()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(url)
}

async fn answer(State((kind, node)): State<(&'static str, String)>, request: Request) -> Response {
    let kinds = |network| serde_json::json!({ "kinds": [{ "x402Version": 2, "scheme": "exact", "network": network }] });
    let answers: BTreeMap<_, _> = match (kind, request.uri().path()) {
        ("late node", _) => return late(request, &node).await,
        ("price", _) => [("body", serde_json::json!({ "usd": "2500" }))].into(),
        ("well" | "ill", "/supported") => [("body", kinds("eip155:8453"))].into(),
        ("well", "/health") => [("body", serde_json::json!({ "ok": true }))].into(),
        ("ill", "/health") => [("body", serde_json::json!({ "ok": false }))].into(),
        ("elsewhere", "/supported") => [("body", kinds("eip155:1"))].into(),
        ("liar", "/supported") => [("body", serde_json::json!(["x"]))].into(),
        _ => BTreeMap::new(),
    };
    match answers.get("body") {
        Some(body) => axum::Json(body).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A node whose web server lives years ago.
async fn late(request: Request, node: &str) -> Response {
    let date = [(header::DATE, "Mon, 01 Jan 2024 00:00:00 GMT"), (header::CONTENT_TYPE, "application/json")];
    let Ok(body) = axum::body::to_bytes(request.into_body(), 1 << 20).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let asked = reqwest::Client::new().post(node).header("content-type", "application/json").body(body);
    match asked.send().await {
        Ok(answer) => (date, answer.bytes().await.unwrap_or_default()).into_response(),
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}
