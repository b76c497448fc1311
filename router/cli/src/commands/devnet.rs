//! `tollway devnet`: local chains until Ctrl-C, and a configuration that uses them.

use super::stopped;
use crate::args::Devnet as Args;
use crate::config::{Config, Key, Network};
use crate::exit::{Failure, Outcome};
use tollway_devnet::{ChainSpec, Devnet};

/// Where the configuration expects the keys.
pub(crate) const PAYER_ENV: &str = "TOLLWAY_PAYER_KEY";
/// Where the configuration expects the settler's key.
pub(crate) const SETTLER_ENV: &str = "TOLLWAY_SETTLER_KEY";

pub(crate) async fn run(args: &Args) -> Outcome {
    let devnet = Devnet::builder()
        .chains(ALL)
        .block_time_ms(args.block_time_ms)
        .fixed_ports(true)
        .start()
        .await
        .map_err(Failure::failed)?;
    for chain in devnet.chains() {
        println!(
            "{:<14} {:<18} {}  USDC {}",
            chain.spec().name,
            chain.spec().caip2(),
            chain.http_url(),
            chain.usdc()
        );
    }
    println!("\nkeys of the well-known test mnemonic; worthless anywhere else:");
    println!("export {PAYER_ENV}={}", devnet.accounts().payer(0).private_key());
    println!("export {SETTLER_ENV}={}", devnet.accounts().settler(0).private_key());
    if let Some(path) = &args.write_config {
        let text = toml::to_string(&config(&devnet)?).map_err(Failure::failed)?;
        std::fs::write(path, text)
            .map_err(|e| Failure::failed(format!("cannot write {}: {e}", path.display())))?;
        println!("\nwrote {0}: try `tollway facilitator -c {0}`, `tollway quote -c {0} URL`", path.display());
    }
    println!("\nCtrl-C ends the chains");
    stopped().await;
    devnet.stop().await;
    Ok(())
}

/// Every chain there is.
pub(crate) const ALL: [ChainSpec; 5] =
    [ChainSpec::ETHEREUM, ChainSpec::BASE, ChainSpec::OP, ChainSpec::ARBITRUM, ChainSpec::BASE_SEPOLIA];

fn config(devnet: &Devnet) -> Outcome<Config> {
    let networks = devnet.chains().iter().map(|chain| Network {
        id: chain.spec().caip2(),
        rpc: Some(chain.http_url()),
        rpc_env: None,
        confirmations: None,
    });
    let limits =
        crate::config::Limits { max_usd: Some(tollway::core::Usd::parse("0.10")?), ..Default::default() };
    Ok(Config {
        name: "devnet".to_owned(),
        ledger: "tollway-devnet.sqlite".into(),
        // These chains have mainnets' ids, and coins that are worth nothing.
        mainnet: true,
        networks: networks.collect(),
        payer: Some(Key::Env { env: PAYER_ENV.to_owned() }),
        settlers: vec![Key::Env { env: SETTLER_ENV.to_owned() }],
        policy: limits,
        ..Config::default()
    })
}
