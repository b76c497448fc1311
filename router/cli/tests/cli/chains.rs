//! `tollway devnet` and `tollway facilitator`: what runs until Ctrl-C.

use crate::kit::{Outcome, Running, all_gone, descendants, run, tollway};
use crate::world::World;
use std::net::TcpListener;
use std::path::Path;

/// Starts a devnet that writes a configuration, and returns the keys that it prints.
fn devnet(home: &Path) -> Outcome<(Running, Vec<(String, String)>)> {
    let running = Running::start(tollway(home, &["devnet", "--free-ports", "--write-config", "net.toml"]))?;
    running.hear("Ctrl-C ends the chains")?;
    let names = ["TOLLWAY_PAYER_KEY", "TOLLWAY_SETTLER_KEY", "TOLLWAY_PAY_TO", "TOLLWAY_RPC_URLS"];
    let value = |name: &str| Ok((name.to_owned(), running.hear(&format!("export {name}="))?));
    let exports = names.into_iter().map(value).collect::<Outcome<_>>()?;
    Ok((running, exports))
}

#[test]
fn a_devnet_and_a_facilitator_run_until_ctrl_c_and_leave_nothing() -> Outcome {
    let home = tempfile::tempdir()?;
    let (chains, exports) = devnet(home.path())?;
    let nodes = descendants(chains.pid());
    assert!(nodes.len() >= 12, "six nodes and their guards: {nodes:?}");
    assert_eq!(exports[3].1.split(',').count(), 6);

    // What it wrote is all that the facilitator needs; its port may be taken here.
    let config = std::fs::read_to_string(home.path().join("net.toml"))?;
    assert!(config.starts_with("# Written by `tollway devnet`"), "{config}");
    let written: toml::Value = toml::from_str(&config)?;
    assert_eq!(written["prices"].as_table().map(toml::Table::len), Some(25), "five tokens on five networks");
    for tokens in [&written["schemes"]["exact"]["permit2"]["tokens"], &written["schemes"]["upto"]["tokens"]] {
        assert_eq!(tokens.as_array().map(Vec::len), Some(25));
    }
    std::fs::write(home.path().join("net.toml"), config.replace("127.0.0.1:8402", "127.0.0.1:0"))?;
    let with_keys = |arguments: &[&str]| {
        let mut command = tollway(home.path(), arguments);
        command.envs(exports.iter().map(|(name, value)| (name, value)));
        command
    };
    let facilitator = Running::start(with_keys(&["facilitator", "--config", "net.toml"]))?;
    let url = facilitator.hear("listening on ")?;
    let said = run(with_keys(&["quote", "--config", "net.toml", &format!("{url}/supported")]))?;
    assert_eq!(said.good(), format!("{url}/supported asks for nothing (200 OK)\n"));
    let journal = run(with_keys(&["pay", "--config", "net.toml", "--settle-up"]))?;
    assert_eq!(journal.good(), "0 payments in the journal, 0 still open\n");
    assert!(home.path().join("net.devnet.sqlite").exists());

    let said = facilitator.interrupt()?;
    assert_eq!(said.good(), format!("listening on {url}\n"));
    assert!(said.err.contains("settles exact/eip155/eip3009 on eip155:8453\n"), "{said:?}");
    assert!(said.err.contains(" on solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp\n"), "{said:?}");
    for key in exports.iter().take(2).flat_map(|(_, keys)| keys.split(',')) {
        assert!(!format!("{said:?}{journal:?}").contains(key.trim_start_matches("0x")));
    }
    let said = chains.interrupt()?;
    assert!(said.good().contains("Base           eip155:8453        http://127.0.0.1:"), "{said:?}");
    all_gone(&nodes);

    // A second one over the same file begins anew.
    let (chains, _) = devnet(home.path())?;
    assert!(!home.path().join("net.devnet.sqlite").exists(), "the first one's memory is still there");
    let nodes = descendants(chains.pid());
    drop(chains); // SIGKILL
    all_gone(&nodes);
    Ok(())
}

#[test]
fn a_taken_port_is_said_and_nothing_is_left() -> Outcome {
    // Whether this or somebody else's devnet has it: it is taken.
    let _held = TcpListener::bind("127.0.0.1:18501");
    let home = tempfile::tempdir()?;
    let running = Running::start(tollway(home.path(), &["devnet", "--write-config", "net.toml"]))?;
    let said = running.end()?;
    said.failed(1, &["port 18501 is taken", "--free-ports"]);
    assert!(!home.path().join("net.toml").exists());
    Ok(())
}

#[test]
fn a_devnet_does_not_overwrite_somebodys_own_configuration() -> Outcome {
    let home = tempfile::tempdir()?;
    std::fs::write(home.path().join("tollway.toml"), "mainnet = true\n")?;
    let said = run(tollway(home.path(), &["devnet", "--free-ports", "--write-config", "tollway.toml"]))?;
    said.failed(2, &["tollway.toml is there already"]);
    assert_eq!(std::fs::read_to_string(home.path().join("tollway.toml"))?, "mainnet = true\n");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_facilitator_says_why_it_does_not_start() -> Outcome {
    let world = World::start().await?;
    let config = world.config();
    let without = config.replace("[[settler]]\nenv = \"SETTLER\"\n", "");
    world.write("nobody.toml", &without)?;
    world.run(&["facilitator", "-c", "nobody.toml"]).await?.failed(2, &["[[settler]]"]);

    world.write("real.toml", &config.replace("mainnet = true\n", ""))?;
    world.run(&["facilitator", "-c", "real.toml"]).await?.failed(2, &["is a mainnet", "--mainnet"]);

    let dead = config.replace(&world.chain()?.http_url(), "http://127.0.0.1:1");
    world.write("dead.toml", &dead)?;
    world.run(&["facilitator", "-c", "dead.toml"]).await?.failed(1, &["http://127.0.0.1:1", "no connection"]);

    let taken = TcpListener::bind("127.0.0.1:0")?;
    let at = taken.local_addr()?.to_string();
    world.write("taken.toml", &config.replace("127.0.0.1:0", &at))?;
    world.run(&["facilitator", "-c", "taken.toml"]).await?.failed(2, &["cannot listen on", &at]);
    Ok(())
}
