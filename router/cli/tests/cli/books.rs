//! `tollway books`.

use crate::kit::{Outcome, Said, run, tollway};
use crate::world::World;
use serde_json::Value;
use std::collections::BTreeMap;
use tollway::core::flow::BookRecord;
use tollway::core::{Ledger, Time, Write};
use tollway::ledger::{PostgresLedger, PostgresSettings, SqliteLedger};
use tollway_devnet::Postgres;

const PAYER: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";

/// The rows of a CSV, each by its headings.
fn rows(said: &Said) -> Outcome<Vec<BTreeMap<String, String>>> {
    let mut reader = csv::Reader::from_reader(said.good().as_bytes());
    let rows = reader.deserialize().collect::<Result<Vec<_>, _>>()?;
    Ok(rows)
}

fn only<'a>(
    rows: &'a [BTreeMap<String, String>],
    side: &str,
    state: &str,
) -> Outcome<&'a BTreeMap<String, String>> {
    let mut found = rows.iter().filter(|row| row["side"] == side && row["state"] == state);
    match (found.next(), found.next()) {
        (Some(row), None) => Ok(row),
        _ => Err(format!("not one {side} {state} in {rows:#?}").into()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_in_the_books_of_all_three_sides() -> Outcome {
    let world = World::start().await?;
    let nothing = world.run(&["books"]).await?;
    nothing.failed(2, &["there is no ledger at", "tollway.sqlite"]);
    let shop = world.open_shop().await?;
    assert_eq!(world.run(&["books", "--json"]).await?.good(), "[]\n");
    assert_eq!(world.run(&["books"]).await?.good(), "no payments\n");
    let settler = world.devnet.accounts().settler(0).address();
    let before = world.chain()?.native_balance(settler).await?;
    world.run(&["pay", "--max", "0.05", &format!("{}/weather?token=s3cret", shop.url)]).await?.good();
    let gas = before - world.chain()?.native_balance(settler).await?;
    world.run(&["pay", "--max", "0.05", &format!("{}/broken", shop.url)]).await?.failed(5, &[]);

    // The payer and the facilitator share one configuration here, and so one ledger.
    let said = world.run(&["books", "--csv"]).await?;
    assert!(!said.out.contains("s3cret"), "{said:?}");
    let both = rows(&said)?;
    let (paid, settled) = (only(&both, "payer", "paid")?, only(&both, "facilitator", "paid")?);
    let open = only(&both, "payer", "open")?;
    world.write("shop.toml", &format!("ledger = \"shop.sqlite\"\n{}", world.config()))?;
    let shops = rows(&world.run(&["books", "--csv", "-c", "shop.toml"]).await?)?;
    let sold = only(&shops, "seller", "paid")?;
    assert_eq!((both.len(), shops.len()), (3, 1), "what was refused to be served is in no seller's books");
    let weather = format!("{}/weather", shop.url);
    for row in [paid, settled, sold] {
        let expected = [
            ("scheme", "exact"),
            ("network", "eip155:8453"),
            ("payer", world.devnet.accounts().payer(0).address()),
            ("payee", world.devnet.accounts().merchant(0).address()),
            ("unit", "USDC"),
            ("charged", "0.010000"),
            ("charged_atomic", "10000"),
            ("resource", &weather),
        ];
        for (heading, value) in expected {
            assert!(row[heading].eq_ignore_ascii_case(value), "{heading}: {row:#?}");
        }
        assert_eq!(row["transaction"], paid["transaction"]);
        assert!(row["id"].len() >= 32 && row["time"].ends_with('Z'), "{row:#?}");
    }
    assert_eq!((settled["gas_atomic"].as_str(), settled["gas_unit"].as_str()), (&*gas.to_string(), "ETH"));
    assert_eq!((open["charged"].as_str(), open["at_most_atomic"].as_str()), ("", "10000"));

    let json = world.run(&["books", "--json", "--since", "1h"]).await?.json();
    let listed = json.as_array().ok_or("no list")?;
    assert_eq!(listed.len(), 3);
    assert!(listed.iter().any(|row| row["transaction"] == paid["transaction"].as_str()));
    let table = world.run(&["books"]).await?;
    for words in ["payer", "facilitator", "paid", "0.010000 USDC", &paid["transaction"]] {
        assert!(table.good().contains(words), "{words:?} in {table:?}");
    }
    assert_eq!(world.run(&["books", "--json", "--network", "eip155:10"]).await?.good(), "[]\n");
    world.run(&["books", "--network", "base"]).await?.failed(2, &["is not like"]);
    world.run(&["books", "--since", "yesterday"]).await?.failed(2, &["is not like 2026-11-20"]);
    world.run(&["books", "--csv", "--json"]).await?.failed(2, &[]);
    Ok(())
}

/// A line as an older version would have written it: without the resource.
fn line(n: u64, resource: Option<&str>) -> Value {
    let mut line = serde_json::json!({
        "at": n * 1000, "print": format!("{n:064x}"), "scheme": "exact",
        "pay_to": "eip155:8453:0x00000000000000000000000000000000000000aa",
        "receipt": {
            "landed": { "on_chain": { "transaction": format!("0x{n:064x}") } },
            "charged": { "asset": "eip155:8453/0x833589fcd6edb6e08f4c7c32d4f71b54bda02913", "atomic": "10000" },
            "payer": format!("eip155:8453:{}", PAYER.to_lowercase()), "chain": "eip155:8453", "spent": null, "extra": {},
        },
    });
    if let Some(resource) = resource {
        line["resource"] = resource.into();
    }
    line
}

async fn fill(ledger: &dyn Ledger, count: u64) -> Outcome {
    let all: Vec<u64> = (1..=count).collect();
    for some in all.chunks(500) {
        let write = |n: &u64| {
            let resource = n.is_multiple_of(2).then_some("=HYPERLINK(\"http://evil.example\",\"x\")\r\n+1");
            let key = format!("{}/eip3009:{n}", BookRecord::since("facilitator", Time::from_ms(n * 1000)));
            Write { key: key.as_str().into(), expect: None, value: Some(line(*n, resource).to_string()) }
        };
        ledger.store(&some.iter().map(write).collect::<Vec<_>>()).await?;
    }
    let broken = Write { key: "attempt/broken".into(), expect: None, value: Some("{\"no\":1}".to_owned()) };
    ledger.store(&[broken]).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_payments_are_exported_and_no_formula_with_them() -> Outcome {
    const COUNT: u64 = 10_000;
    let home = tempfile::tempdir()?;
    fill(&SqliteLedger::open(home.path().join("tollway.sqlite"))?, COUNT).await?;
    std::fs::write(home.path().join("tollway.toml"), "")?;
    let books = |arguments: &[&str]| run(tollway(home.path(), &[&["books"], arguments].concat()));

    let said = books(&["--csv"])?;
    assert!(said.err.contains("1 records cannot be read"), "{}", said.err);
    let all = rows(&said)?;
    assert_eq!(u64::try_from(all.len())?, COUNT);
    assert_eq!((all[0]["time"].as_str(), all[0]["resource"].as_str()), ("1970-01-01T00:00:01Z", ""));
    for row in &all {
        assert!(row.values().all(|cell| !cell.starts_with(['=', '+', '-', '@', '\t', '\r'])), "{row:#?}");
    }
    assert!(all[1]["resource"].starts_with("'=HYPERLINK"), "{:#?}", all[1]);
    assert_eq!(all[1]["payer"], PAYER, "with its checksum");

    assert_eq!(books(&["--json"])?.json().as_array().map(Vec::len), Some(10_000));
    let since = books(&["--csv", "--since", "1970-01-01T02:00:00Z"])?;
    let since = rows(&since)?;
    assert_eq!((since.len(), since[0]["time"].as_str()), (2_801, "1970-01-01T02:00:00Z"));
    assert_eq!(rows(&books(&["--csv", "--since", "2026-01-01"])?)?.len(), 0);
    assert_eq!(rows(&books(&["--csv", "--network", "eip155:1"])?)?.len(), 0);

    let table = books(&["--last", "3"])?;
    let lines: Vec<_> = table.good().lines().collect();
    assert_eq!(lines.len(), 5, "{table:?}");
    assert!(lines[3].contains("1970-01-01T02:46:40Z"), "the newest comes last: {table:?}");
    assert_eq!(lines[4], "and 9997 older ones; --csv and --json export all");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_in_postgresql_has_the_same_books() -> Outcome {
    const COUNT: u64 = 1_000;
    let server = tokio::task::spawn_blocking(Postgres::start).await??;
    let (home, url) = (tempfile::tempdir()?, server.url("postgres"));
    std::fs::write(home.path().join("shared.toml"), "ledger_env = \"LEDGER_URL\"\n")?;
    std::fs::write(home.path().join("tollway.toml"), "")?;
    let books = |arguments: &[&str]| run(tollway(home.path(), &[&["books"], arguments].concat()));
    let shared = |arguments: &[&str]| {
        let mut command = tollway(home.path(), &[&["books", "-c", "shared.toml"], arguments].concat());
        run({
            command.env("LEDGER_URL", &url);
            command
        })
    };
    books(&["-c", "shared.toml"])?.failed(2, &["LEDGER_URL", "not set"]);
    shared(&[])?.failed(2, &["there is no ledger in the database that LEDGER_URL names"]);

    fill(&SqliteLedger::open(home.path().join("tollway.sqlite"))?, COUNT).await?;
    fill(&PostgresLedger::open(PostgresSettings::new(&url)?).await?, COUNT).await?;
    for arguments in [
        &["--csv"][..],
        &["--json"],
        &["--last", "7"],
        &["--csv", "--since", "1970-01-01T00:10:00Z"],
        &["--json", "--network", "eip155:1"],
    ] {
        let (file, database) = (books(arguments)?, shared(arguments)?);
        assert_eq!(file.good(), database.good(), "{arguments:?}");
        assert_eq!(file.err, database.err, "{arguments:?}");
    }
    assert_eq!(rows(&shared(&["--csv"])?)?.len(), usize::try_from(COUNT)?);
    drop(server);
    shared(&[])?.failed(1, &["PostgreSQL"]);
    Ok(())
}
