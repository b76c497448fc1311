//! `tollway demo`.

use crate::kit::{Outcome, Running, all_gone, descendants, run, tollway};
use serde_json::Value;
use std::time::Duration;

/// A decimal number of dollars, in 10⁻¹⁸.
fn usd(value: &Value) -> Outcome<u128> {
    Ok(tollway::core::Usd::parse(value.as_str().ok_or("no text")?)?.e18())
}

#[test]
fn the_demo_as_json_is_one_object_with_all_that_a_script_wants() -> Outcome {
    let home = tempfile::tempdir()?;
    let running = Running::start(tollway(home.path(), &["demo", "--json"]))?;
    let mut nodes = Vec::new();
    // Five nodes, each under a guard.
    for _ in 0..1000 {
        nodes = descendants(running.pid());
        if nodes.len() >= 10 {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(nodes.len() >= 10, "{nodes:?}");
    let said = running.end()?;
    all_gone(&nodes);
    let report = said.json();
    assert_eq!(usd(&report["price_usd"])?, 10_000_000_000_000_000);
    let payments = report["payments"].as_array().ok_or("no payments")?;
    assert_eq!(payments.len(), 2);
    assert_ne!(payments[0]["network"], payments[1]["network"]);
    assert_ne!(payments[0]["transaction"], payments[1]["transaction"]);
    for payment in payments {
        whole(payment)?;
    }
    assert!(std::fs::read_dir(home.path())?.next().is_none(), "it left files behind");
    Ok(())
}

/// One payment, with the table that it was chosen from.
fn whole(payment: &Value) -> Outcome {
    let network = payment["network"].as_str().ok_or("no network")?;
    assert!(network.starts_with("eip155:"), "{network}");
    let hash = payment["transaction"].as_str().and_then(|t| t.strip_prefix("0x")).ok_or("no transaction")?;
    assert!(hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit()), "{hash}");
    assert_eq!(payment["amount_atomic"], "10000");

    let routes = payment["routes"].as_array().ok_or("no routes")?;
    assert_eq!(routes.len(), 4, "{routes:?}");
    assert_eq!(routes[0]["network"], network, "the first is the one that was paid");
    let rank =
        |route: &Value| Outcome::Ok((usd(&route["payer_cost_usd"])?, usd(&route["settlement_cost_usd"])?));
    let ranks = routes.iter().map(rank).collect::<Outcome<Vec<_>>>()?;
    assert!(ranks.is_sorted(), "{ranks:?}");
    for route in routes {
        let works = route["parts"].as_array().filter(|w| !w.is_empty()).ok_or("no parts")?;
        let mut sum = 0;
        for work in works {
            sum += usd(&work["usd"])?;
            assert!(work["parts"].as_array().is_some_and(|p| p.len() >= 2), "{work}");
        }
        assert_eq!(sum, usd(&route["settlement_cost_usd"])?, "the parts do not add up");
    }

    let rejected = payment["rejected"].as_array().ok_or("nothing rejected")?;
    assert_eq!(rejected.len(), 1);
    assert_eq!(rejected[0]["code"], "insufficient_funds");
    assert!(rejected[0]["reason"].as_str().is_some_and(|reason| reason.contains("holds 0 of")));

    let (predicted, actual) = (usd(&payment["predicted_cost_usd"])?, usd(&payment["actual_cost_usd"])?);
    assert_eq!(predicted, ranks[0].1);
    assert!(predicted.abs_diff(actual) * 10 <= actual, "predicted {predicted}, and it was {actual}");

    let balance = |name: &str| payment["balances"][name].as_u64().ok_or_else(|| format!("no {name}"));
    assert_eq!(balance("payer_usdc_before")? - balance("payer_usdc_after")?, 10_000);
    assert_eq!(balance("merchant_usdc_after")? - balance("merchant_usdc_before")?, 10_000);
    Ok(())
}

#[test]
fn the_demo_for_people_shows_tables_reasons_and_balances() -> Outcome {
    let home = tempfile::tempdir()?;
    let said = run(tollway(home.path(), &["demo"]))?;
    let text = said.good();
    for rank in ["1", "2", "3", "4"] {
        let rows = text.lines().filter(|line| line.trim_start().starts_with(&format!("{rank}  "))).count();
        assert_eq!(rows, 2, "place {rank} of two tables: {said:?}");
    }
    assert!(!text.contains("\n 5  "), "{said:?}");
    assert_eq!(text.matches("✗ #").count(), 2, "{said:?}");
    assert_eq!(text.matches("exact on Base Sepolia: insufficient_funds (").count(), 2, "{said:?}");
    for words in ["  → paid 0.010000 USDC on ", "    payer    10000.000000 USDC → 9999.990000 USDC"] {
        assert_eq!(text.matches(words).count(), 2, "{words:?} in {said:?}");
    }
    assert!(text.contains("    merchant 100.000000 USDC → 100.010000 USDC"), "{said:?}");
    assert!(text.contains("settling was predicted to cost $0.00"), "{said:?}");
    Ok(())
}

#[test]
fn ctrl_c_in_the_middle_leaves_no_node_behind() -> Outcome {
    let home = tempfile::tempdir()?;
    let running = Running::start(tollway(home.path(), &["demo"]))?;
    running.hear("▌ A paid API asks")?;
    let nodes = descendants(running.pid());
    assert!(nodes.len() >= 5, "{nodes:?}");
    running.interrupt()?;
    all_gone(&nodes);
    Ok(())
}
