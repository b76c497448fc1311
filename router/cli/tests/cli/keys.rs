//! `tollway keys`.

use crate::kit::{Outcome, Said, run, tollway};
use crate::world::World;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const PASSWORD: &str = "correct horse battery";
/// 32 times 9, and the public half that belongs to it.
const SOLANA: &str =
    "BUguQsv2ZuHus54HAFzjdJHzZBkygAjKhEeYwSG19tUwuftFhkkkEFDzcow9XDkfD3qGi1Yb3LV15ufdrKJ226T";

fn keys(home: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Outcome<Said> {
    let mut command = tollway(home, &[&["keys"], arguments].concat());
    command.envs(variables.iter().copied());
    run(command)
}

fn mode(path: &Path) -> Outcome<u32> {
    Ok(std::fs::metadata(path)?.permissions().mode() & 0o777)
}

#[test]
fn a_new_key_is_encrypted_private_and_never_overwritten() -> Outcome {
    let home = tempfile::tempdir()?;
    let file = home.path().join("key.json");
    let new = ["new", "key.json", "--password-env", "PW"];
    keys(home.path(), &new, &[])?.failed(2, &["PW", "not set"]);
    keys(home.path(), &new, &[("PW", "short")])?.failed(2, &["too short", "12"]);
    // Nobody is at the terminal.
    keys(home.path(), &["new", "key.json"], &[]).map(|said| assert!(said.code != Some(0), "{said:?}"))?;
    assert!(std::fs::read_dir(home.path())?.next().is_none(), "something was left behind");

    let made = keys(home.path(), &new, &[("PW", PASSWORD)])?;
    let address = made.good().trim().to_owned();
    assert!(address.starts_with("0x") && address.len() == 42, "{made:?}");
    assert!(made.err.contains("keystore = \"key.json\", password_env = \"PW\""), "{made:?}");
    assert_eq!(mode(&file)?, 0o600);
    assert_eq!(std::fs::read_dir(home.path())?.count(), 1, "a draft was left behind");
    let written = std::fs::read(&file)?;

    for again in [&new[..], &["import", "key.json", "--password-env", "PW", "--key-env", "KEY"]] {
        let said = keys(home.path(), again, &[("PW", PASSWORD), ("KEY", "11")])?;
        said.failed(2, &["key.json is there already"]);
    }
    assert_eq!(std::fs::read(&file)?, written);
    let whose = ["address", "key.json", "--password-env", "PW"];
    assert_eq!(keys(home.path(), &whose, &[("PW", PASSWORD)])?.good().trim(), address);
    let wrong = keys(home.path(), &whose, &[("PW", "another password")])?;
    wrong.failed(2, &["bad_key"]);
    assert!(!wrong.err.contains("another password"), "{wrong:?}");
    let other = keys(home.path(), &["new", "other.json", "--password-env", "PW"], &[("PW", PASSWORD)])?;
    assert_ne!(other.good().trim(), address, "two keys are two");
    keys(home.path(), &["new", "no/such/key.json", "--password-env", "PW"], &[("PW", PASSWORD)])?
        .failed(2, &["cannot write into no/such"]);
    Ok(())
}

#[test]
fn solanas_keys_are_files_that_its_tools_read() -> Outcome {
    let home = tempfile::tempdir()?;
    let made = keys(home.path(), &["new", "id.json", "--solana"], &[])?;
    let address = made.good().trim().to_owned();
    let bytes: Vec<u8> = serde_json::from_str(&std::fs::read_to_string(home.path().join("id.json"))?)?;
    assert_eq!((bytes.len(), mode(&home.path().join("id.json"))?), (64, 0o600));
    assert!(made.err.contains("not encrypted"), "{made:?}");
    assert_eq!(keys(home.path(), &["address", "id.json"], &[])?.good().trim(), address);
    let import = ["import", "old.json", "--solana", "--key-env", "KEY"];
    let taken = keys(home.path(), &import, &[("KEY", SOLANA)])?;
    assert_eq!(taken.good(), keys(home.path(), &["address", "old.json"], &[])?.good());
    assert!(!format!("{taken:?}").contains(&SOLANA[..16]));
    let bad = keys(
        home.path(),
        &["import", "bad.json", "--solana", "--key-env", "KEY"],
        &[("KEY", &SOLANA[..40])],
    )?;
    bad.failed(2, &["bad_key"]);
    assert!(!bad.err.contains(&SOLANA[..16]) && !home.path().join("bad.json").exists(), "{bad:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_key_pays() -> Outcome {
    let world = World::start().await?;
    let shop = world.open_shop().await?;
    let mut command =
        world.command(&["keys", "import", "payer.json", "--password-env", "PW", "--key-env", "PAYER"]);
    command.env("PW", PASSWORD);
    let taken = tokio::task::spawn_blocking(move || run(command)).await??;
    let payer = world.devnet.accounts().payer(0).address();
    assert!(taken.good().trim().eq_ignore_ascii_case(payer), "{taken:?}");
    world.keeps_secrets(&taken);
    let store = "keystore = \"payer.json\"\npassword_env = \"PW\"\n";
    world.write("store.toml", &world.config().replace("env = \"PAYER\"\n", store))?;
    let weather = format!("{}/weather", shop.url);
    let mut command = world.command(&["pay", "-c", "store.toml", "--max", "0.05", &weather]);
    command.env("PW", PASSWORD).env_remove("PAYER");
    let paid = tokio::task::spawn_blocking(move || run(command)).await??;
    assert_eq!((paid.good(), world.moved().await?), ("sunny\n", 10_000));
    Ok(())
}
