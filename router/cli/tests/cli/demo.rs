//! `tollway demo`.

use crate::kit::{Outcome, Running, all_gone, descendants, run, tollway};
use serde_json::Value;
use std::time::Duration;

const SOLANA: &str = "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp";
const BASE: &str = "eip155:8453";

/// A decimal number of dollars, in 10⁻¹⁸.
fn usd(value: &Value) -> Outcome<u128> {
    Ok(tollway::core::Usd::parse(value.as_str().ok_or("no text")?)?.e18())
}

#[test]
fn the_demo_as_json_is_one_object_with_all_that_a_script_wants() -> Outcome {
    let home = tempfile::tempdir()?;
    let running = Running::start(tollway(home.path(), &["demo", "--json"]))?;
    let mut nodes = Vec::new();
    // Six nodes, each under a guard.
    for _ in 0..1000 {
        nodes = descendants(running.pid());
        if nodes.len() >= 12 {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(nodes.len() >= 12, "{nodes:?}");
    let said = running.end()?;
    all_gone(&nodes);
    let report = said.json();
    assert_eq!(usd(&report["price_usd"])?, 10_000_000_000_000_000);
    let payments = report["payments"].as_array().ok_or("no payments")?;
    assert_eq!(payments.len(), 3);
    let networks: Vec<_> = payments.iter().map(|payment| payment["network"].as_str().unwrap_or("")).collect();
    assert_eq!(networks[..2], [SOLANA, BASE], "what gets dear is left");
    assert!(networks[2].starts_with("eip155:") && networks[2] != BASE, "{networks:?}");
    for payment in payments {
        whole(payment)?;
    }
    let priority = |payment: &Value| part(payment, SOLANA, "priority");
    assert!(priority(&payments[1])? > 10 * priority(&payments[0])?, "{payments:?}");
    assert_eq!(part(&payments[0], SOLANA, "execution")?, 10_000, "two signatures at 5,000 lamports");
    assert!(std::fs::read_dir(home.path())?.next().is_none(), "it left files behind");
    Ok(())
}

/// A part of what settling on a network costs, in the coin's smallest units.
fn part(payment: &Value, network: &str, name: &str) -> Outcome<u128> {
    let routes = payment["routes"].as_array().ok_or("no routes")?;
    let route = routes.iter().find(|route| route["network"] == network).ok_or("not ranked")?;
    let parts = route["parts"].as_array().into_iter().flatten().filter_map(|work| work["parts"].as_array());
    let part = parts.flatten().find(|part| part["part"] == name).ok_or("no such part")?;
    Ok(part["atomic"].as_str().ok_or("no amount")?.parse()?)
}

/// One payment, with the table that it was chosen from.
fn whole(payment: &Value) -> Outcome {
    let network = payment["network"].as_str().ok_or("no network")?;
    let transaction = payment["transaction"].as_str().ok_or("no transaction")?;
    match transaction.strip_prefix("0x") {
        Some(hash) => assert!(hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit()), "{hash}"),
        None => assert!(network == SOLANA && (86..=88).contains(&transaction.len()), "{transaction}"),
    }
    assert_eq!(payment["amount_atomic"], "10000");

    let routes = payment["routes"].as_array().ok_or("no routes")?;
    assert_eq!(routes.len(), 5, "{routes:?}");
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
    for rank in ["1", "2", "3", "4", "5"] {
        let rows = text.lines().filter(|line| line.trim_start().starts_with(&format!("{rank}  "))).count();
        assert_eq!(rows, 3, "place {rank} of three tables: {said:?}");
    }
    assert!(!text.contains("\n 6  "), "{said:?}");
    assert_eq!(text.matches("✗ #").count(), 3, "{said:?}");
    assert_eq!(text.matches("exact on Base Sepolia: insufficient_funds (").count(), 3, "{said:?}");
    for words in ["  → paid 0.010000 USDC on ", "    payer    10000.000000 USDC → 9999.990000 USDC"] {
        assert_eq!(text.matches(words).count(), 3, "{words:?} in {said:?}");
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
    assert!(nodes.len() >= 6, "{nodes:?}");
    running.interrupt()?;
    all_gone(&nodes);
    Ok(())
}

#[test]
fn any_token_is_paid_in_by_permit2_and_one_that_keeps_a_fee_is_refused() -> Outcome {
    let home = tempfile::tempdir()?;
    let report = run(tollway(home.path(), &["demo", "--json", "--token", "all"]))?.json();
    let tokens = report["tokens"].as_array().ok_or("no tokens")?;
    let names: Vec<_> = tokens.iter().filter_map(|token| token["token"].as_str()).collect();
    assert_eq!(names, ["PLAIN", "PERM", "MUTE", "WIDE", "FEE"]);
    for token in tokens {
        let name = token["token"].as_str().ok_or("no name")?;
        let routes = token["routes"].as_array().ok_or("no routes")?;
        let ways: Vec<_> = routes.iter().map(|route| (&route["scheme"], &route["method"])).collect();
        let permit2 = Value::from("permit2");
        assert_eq!(ways, [(&Value::from("exact"), &permit2), (&Value::from("upto"), &permit2)], "{name}");
        // Whoever knows EIP-2612 brings a permit; elsewhere the approval is paid for. What the first of those left of the
        // coins is the payer's own, and goes into the second.
        let works = routes[0]["parts"].as_array().map(Vec::len);
        assert_eq!(
            works,
            Some(if name == "PLAIN" {
                3
            } else if name == "MUTE" {
                4
            } else {
                1
            }),
            "{name}"
        );
        let (pays, price) = (usd(&routes[0]["payer_cost_usd"])?, usd(&routes[0]["price_usd"])?);
        assert!(if name == "MUTE" { pays > price } else { pays == price }, "{name}: {pays} for {price}");
        let decimals = token["decimals"].as_u64().ok_or("no decimals")?;
        let cent = 10_u128.pow(u32::try_from(decimals)? - 2);
        let balance = |which: &str| -> Outcome<u128> {
            Ok(token["balances"][which].as_str().ok_or("no balance")?.parse()?)
        };
        let gone = balance("payer_before")? - balance("payer_after")?;
        let come = balance("merchant_after")? - balance("merchant_before")?;
        if name == "FEE" {
            assert_eq!((gone, come), (0, 0));
            assert!(token["settled"].is_null());
            let row = &token["rejected"][0];
            assert_eq!((&row["scheme"], &row["method"]), (&routes[0]["scheme"], &permit2));
            assert_eq!(row["code"], "token_keeps_part", "{row}");
            assert!(row["reason"].as_str().is_some_and(|reason| reason.contains("refused")), "{row}");
            continue;
        }
        assert_eq!((gone, come), (cent, cent), "{name}");
        assert_eq!(token["rejected"], serde_json::json!([]), "{name}");
        let hash = token["settled"]["transaction"].as_str().and_then(|hash| hash.strip_prefix("0x"));
        assert!(hash.is_some_and(|hash| hash.len() == 64), "{token}");
        let cost = |which: &str| usd(&token["settled"][which]);
        assert!(cost("predicted_cost_usd")? > 0 && cost("actual_cost_usd")? > 0);
    }
    Ok(())
}

#[test]
fn the_demo_of_one_token_for_people_and_no_other_token() -> Outcome {
    let home = tempfile::tempdir()?;
    let said = run(tollway(home.path(), &["demo", "--token", "mute", "--token", "FEE"]))?;
    let text = said.good();
    for words in [
        "▌ MUTE: Silent Dollar",
        " exact/permit2 ",
        " upto/permit2 ",
        "  → paid 0.010000 MUTE on Base in 0x",
        "    payer    10000.000000 MUTE → 9999.990000 MUTE",
        "▌ FEE: Fee Dollar",
        "  1: settling is fund the payer's gas $0.00",
        "  ✗ #0 exact/permit2 on Base: token_keeps_part (",
        "    payer    10000.000000 FEE → 10000.000000 FEE",
    ] {
        assert!(text.contains(words), "{words:?} in {said:?}");
    }
    assert!(!text.contains("PLAIN"), "{said:?}");
    run(tollway(home.path(), &["demo", "--token", "gold"]))?
        .failed(2, &["gold", "known are PLAIN, PERM, MUTE, WIDE, FEE, all"]);
    Ok(())
}
