//! `[metrics]` of the facilitator.

use crate::kit::{Outcome, Running};
use crate::world::World;
use std::time::Duration;

/// The value of the first line that begins with `name` and has all these labels.
fn value(page: &str, name: &str, labels: &[&str]) -> Outcome<f64> {
    let mut lines = page.lines().filter(|line| line.starts_with(name) && !line.starts_with('#'));
    let line = lines.find(|line| labels.iter().all(|label| line.contains(label)));
    let line = line.ok_or_else(|| format!("no {name} with {labels:?} in {page}"))?;
    Ok(line.rsplit(' ').next().ok_or("no value")?.parse()?)
}

async fn read(url: &str) -> Outcome<String> {
    Ok(reqwest::get(url).await?.error_for_status()?.text().await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settlement_moves_the_counters_and_tells_no_secret() -> Outcome {
    let world = World::start().await?;
    // Its key in a path is a secret; this node takes any path.
    let base = world.chain()?.http_url();
    let config = world.config().replace(&base, &format!("{base}/s3cretpath?key=s3cretquery"));
    world.write("tollway.toml", &format!("{config}[metrics]\nlisten = \"127.0.0.1:0\"\n"))?;
    let shop = world.open_shop().await?;
    let url = shop.facilitator.hear("metrics on ")?;
    let listening = shop.facilitator.hear("listening on ")?;
    let settler = world.devnet.accounts().settler(0).address();
    let before = world.chain()?.native_balance(settler).await?;
    let mut page = String::new();
    for _ in 0..100 {
        page = read(&url).await?;
        if page.contains("tollway_signer_balance{") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let on_base = "network=\"eip155:8453\"";
    assert!(value(&page, "tollway_signer_balance", &[on_base, "coin=\"ETH\""])? > 1.0, "{page}");
    assert!(value(&page, "tollway_settlements_total", &[on_base]).is_err(), "{page}");

    // A payer's own run reads another configuration: two recorders cannot share a port, and it has none.
    world.write("payer.toml", &world.config())?;
    let weather = format!("{}/weather", shop.url);
    world.run(&["pay", "-c", "payer.toml", "--max", "0.05", &weather]).await?.good();
    let refused = reqwest::Client::new().post(format!("{listening}/settle")).body("{}").send().await?;
    assert_eq!(refused.status(), 400);
    reqwest::get(format!("{listening}/a-path-of-a-stranger")).await?;

    let page = read(&url).await?;
    let settled = ["route=\"settle\"", "status=\"200\"", "reason=\"\""];
    assert_eq!(value(&page, "tollway_requests_total", &settled)?, 1.0, "{page}");
    assert_eq!(
        value(&page, "tollway_requests_total", &["route=\"settle\"", "status=\"400\""])?,
        1.0,
        "{page}"
    );
    assert_eq!(
        value(&page, "tollway_requests_total", &["route=\"other\"", "status=\"404\""])?,
        1.0,
        "{page}"
    );
    assert!(value(&page, "tollway_request_seconds_count", &["route=\"settle\""])? >= 2.0, "{page}");
    assert!(
        value(&page, "tollway_request_seconds_bucket", &["route=\"verify\"", "le=\"60\""])? >= 1.0,
        "{page}"
    );
    assert_eq!(value(&page, "tollway_settlements_total", &[on_base])?, 1.0);
    let gas = before - world.chain()?.native_balance(settler).await?;
    let nano = u32::try_from(gas / 1_000_000_000)?;
    assert_eq!(value(&page, "tollway_gas_spent_nano_total", &[on_base])?, f64::from(nano));
    assert_eq!(value(&page, "tollway_signer_nonce", &[on_base])?, 0.0, "its first transaction");
    assert_eq!(value(&page, "tollway_settlements_in_flight", &[])?, 0.0);
    assert_eq!(value(&page, "tollway_settlements_unknown", &[])?, 0.0);
    let host = format!("node=\"{}\"", base.trim_end_matches('/'));
    assert!(value(&page, "tollway_rpc_requests_total", &[&host, "outcome=\"answered\""])? >= 2.0, "{page}");
    assert!(value(&page, "tollway_rpc_seconds_count", &[&host])? >= 2.0, "{page}");
    assert!(value(&page, "tollway_ledger_seconds_count", &["what=\"store_then_claim\""])? >= 1.0, "{page}");
    assert!(page.contains("tollway_quote_age_seconds{"), "{page}");
    for secret in ["s3cret", "a-path-of-a-stranger"] {
        assert!(!page.contains(secret), "{secret} in {page}");
    }
    for account in world.devnet.accounts().settlers() {
        assert!(!page.contains(account.private_key().trim_start_matches("0x")));
    }
    assert_eq!(shop.facilitator.interrupt()?.code, Some(0));
    Ok(())
}

/// Off unless it is configured; a port that is taken is said.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_place_nothing_is_shown_and_a_taken_one_is_said() -> Outcome {
    let world = World::start().await?;
    let quiet = Running::start(world.command(&["facilitator"]))?;
    let url = quiet.hear("listening on ")?;
    assert_eq!(reqwest::get(format!("{url}/metrics")).await?.status(), 404);
    assert_eq!(quiet.interrupt()?.good(), format!("listening on {url}\n"));
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let at = taken.local_addr()?;
    world.write("taken.toml", &format!("{}[metrics]\nlisten = \"{at}\"\n", world.config()))?;
    world.run(&["facilitator", "-c", "taken.toml"]).await?.failed(2, &["metrics: cannot listen on"]);
    Ok(())
}
