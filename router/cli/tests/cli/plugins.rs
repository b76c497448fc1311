//! `tollway plugins`.

use crate::kit::{Outcome, Running, run, tollway};
use std::io::Read;
use std::process::Stdio;

#[test]
fn plugins_are_listed_for_people() -> Outcome {
    let home = tempfile::tempdir()?;
    let said = run(tollway(home.path(), &["plugins"]))?;
    assert!(
        said.good().contains("scheme   exact/eip155/eip3009  pays yes  sells yes  settles yes"),
        "{said:?}"
    );
    assert!(said.out.contains("scheme   exact/solana  pays yes  sells yes  settles yes"), "{said:?}");
    assert!(said.out.contains("eip155:8453        Base               mainnet  USDC"), "{said:?}");
    Ok(())
}

#[test]
fn plugins_are_listed_for_programs() -> Outcome {
    let home = tempfile::tempdir()?;
    let list = run(tollway(home.path(), &["plugins", "--json"]))?.json();
    let schemes = list["schemes"].as_array().ok_or("no schemes")?;
    let exact = schemes.iter().find(|s| s["id"] == "exact/eip155/eip3009").ok_or("no exact")?;
    assert_eq!(exact["scheme"], "exact");
    assert_eq!(exact["roles"], serde_json::json!({ "payer": true, "seller": true, "settler": true }));
    let networks = list["networks"].as_array().ok_or("no networks")?;
    let sepolia = networks.iter().find(|n| n["network"] == "eip155:84532").ok_or("no Base Sepolia")?;
    assert_eq!((&sepolia["testnet"], &sepolia["v1_name"]), (&true.into(), &"base-sepolia".into()));
    let solana = networks.iter().find(|n| n["v1_name"] == "solana").ok_or("no Solana")?;
    assert_eq!(solana["network"], "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp");
    Ok(())
}

/// As in `tollway plugins | head -1`.
#[test]
fn a_reader_that_leaves_is_no_failure() -> Outcome {
    let home = tempfile::tempdir()?;
    let mut child =
        tollway(home.path(), &["plugins"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    drop(child.stdout.take());
    let mut err = String::new();
    child.stderr.take().ok_or("no stderr")?.read_to_string(&mut err)?;
    assert_eq!((child.wait()?.code(), err.as_str()), (Some(0), ""));
    Ok(())
}

#[test]
fn help_names_every_command_and_the_exit_codes() -> Outcome {
    let home = tempfile::tempdir()?;
    let said = Running::start(tollway(home.path(), &["--help"]))?.end()?;
    for word in ["demo", "quote", "pay", "facilitator", "devnet", "plugins", "Exit codes: 0 done"] {
        assert!(said.good().contains(word), "{word} is not in {said:?}");
    }
    run(tollway(home.path(), &[]))?.failed(2, &["Usage: tollway"]);
    run(tollway(home.path(), &["paay"]))?.failed(2, &["paay", "pay"]);
    Ok(())
}
