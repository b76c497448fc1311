//! The configuration: what is wrong in it is said in words that help, and without secrets.

use crate::kit::{Outcome, run, tollway};
use crate::world::{BASE, World};
use alloy::signers::k256::elliptic_curve::rand_core::OsRng;
use alloy::signers::local::PrivateKeySigner;

const URL: &str = "http://127.0.0.1:1/";

#[test]
fn a_configuration_that_cannot_be_read() -> Outcome {
    let home = tempfile::tempdir()?;
    let quote = |config: &str| run(tollway(home.path(), &["quote", "-c", config, URL]));
    let write = |text: &str| std::fs::write(home.path().join("wrong.toml"), text);
    quote("absent.toml")?
        .failed(2, &["cannot read absent.toml", "tollway devnet --write-config absent.toml"]);
    run(tollway(home.path(), &["quote", URL]))?.failed(2, &["cannot read tollway.toml"]);
    write("ledger = ")?;
    quote("wrong.toml")?.failed(2, &["wrong.toml: TOML parse error at line 1"]);
    write("ledgr = \"x\"")?;
    quote("wrong.toml")?.failed(2, &["unknown field `ledgr`", "`ledger`"]);
    write("[policy]\nmax_usd = \"much\"")?;
    quote("wrong.toml")?.failed(2, &["wrong.toml", "much"]);
    // The likeliest mistakes are keys that are written where only their places belong.
    for line in [
        "payer = \"0xSECRET\"",
        "payer = { key = \"0xSECRET\" }",
        "payer_key = \"0xSECRET\"",
        "payer = \"0xSECRET",
    ] {
        write(&format!("name = \"x\"\n{line}"))?;
        let said = quote("wrong.toml")?;
        assert!(!said.err.contains("SECRET"), "{said:?}");
        said.failed(2, &["wrong.toml: TOML parse error at line 2"]);
    }
    write("")?;
    quote("wrong.toml")?.failed(2, &["no [[network]] is configured"]);
    let network = |more: &str| format!("[[network]]\nid = \"eip155:8453\"\n{more}");
    write(&network(""))?;
    quote("wrong.toml")?.failed(2, &["eip155:8453: set either rpc or rpc_env"]);
    write(&network("rpc_env = \"NODE_URL\""))?;
    quote("wrong.toml")?.failed(2, &["NODE_URL", "is not set"]);
    write(&network("rpc = \"http://127.0.0.1:1\"").replace("eip155:8453", "base"))?;
    quote("wrong.toml")?.failed(2, &["network \"base\" is not like \"eip155:8453\""]);
    for (more, words) in [
        ("[prices]\n\"ETH\" = \"1\"", "prices: \"ETH\" is not like"),
        ("[prices]\n\"eip155:8453/native\" = \"much\"", "prices: \"much\" is not an amount"),
        ("[policy]\nnetworks = [\"base\"]", "network \"base\""),
    ] {
        write(&format!("{}{more}", network("rpc = \"http://127.0.0.1:1\"\n")))?;
        quote("wrong.toml")?.failed(2, &[words]);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_not_there_or_not_right() -> Outcome {
    let world = World::start().await?;
    let key = world.devnet.accounts().payer(0).private_key();
    let quote = |name: &str, value: Option<&str>| {
        let mut command = tollway(world.home.path(), &["quote", URL]);
        if let Some(value) = value {
            command.env(name, value);
        }
        tokio::task::spawn_blocking(move || run(command))
    };
    let absent = quote("PAYER", None).await??;
    absent.failed(2, &["environment variable PAYER", "not set"]);
    for wrong in [&key[..40], &format!("{key}00"), &key.replace('a', "g"), ""] {
        let said = quote("PAYER", Some(wrong)).await??;
        said.failed(2, &["bad_key"]);
        assert!(wrong.is_empty() || !said.err.contains(&wrong[2..18]), "{said:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keystore_opens_with_its_password_only() -> Outcome {
    let world = World::start().await?;
    let key = world.devnet.accounts().payer(0).private_key();
    let signer: PrivateKeySigner = key.parse()?;
    let folder = world.home.path();
    PrivateKeySigner::encrypt_keystore(
        folder,
        &mut OsRng,
        signer.to_bytes(),
        "open sesame",
        Some("key.json"),
    )?;
    let keystore = "keystore = \"key.json\"\npassword_env = \"PASSWORD\"\n";
    world.write("store.toml", &world.config().replace("env = \"PAYER\"\n", keystore))?;
    let ask = |password: Option<&str>| {
        let mut command = world.command(&["pay", "--settle-up", "-c", "store.toml"]);
        if let Some(password) = password {
            command.env("PASSWORD", password);
        }
        tokio::task::spawn_blocking(move || run(command))
    };
    let wrong = ask(Some("open barley")).await??;
    wrong.failed(2, &["bad_key", "key.json"]);
    assert!(!wrong.err.contains("barley"), "{wrong:?}");
    ask(None).await??.failed(2, &["PASSWORD", "not set"]);
    let right = ask(Some("open sesame")).await??;
    assert_eq!(right.good(), "0 payments in the journal, 0 still open\n");
    world.keeps_secrets(&right);

    std::fs::remove_file(world.home.path().join("key.json"))?;
    ask(Some("open sesame")).await??.failed(2, &["bad_key", "key.json"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_another_chain_is_refused() -> Outcome {
    let world = World::start().await?;
    let (base, op) = (world.devnet.chain(BASE)?.http_url(), world.devnet.chain(10)?.http_url());
    world.write("tollway.toml", &world.config().replace(&base, &op))?;
    world.run(&["quote", URL]).await?.failed(2, &["wrong_chain", &op, "serves eip155:10, not eip155:8453"]);
    Ok(())
}

/// Budgets and signatures are remembered in one place, from wherever the command is called.
#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_lies_beside_the_configuration() -> Outcome {
    let world = World::start().await?;
    let elsewhere = tempfile::tempdir()?;
    let config = world.home.path().join("tollway.toml");
    let mut command = world.command(&["pay", "--settle-up"]);
    command.current_dir(elsewhere.path()).env("TOLLWAY_CONFIG", &config);
    tokio::task::spawn_blocking(move || run(command)).await??.good();
    assert!(world.home.path().join("tollway.sqlite").exists());
    assert!(std::fs::read_dir(elsewhere.path())?.next().is_none());
    Ok(())
}
