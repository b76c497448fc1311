//! `tollway keys`: makes, takes in and names keys. A secret comes from the terminal or the environment, never from an
//! argument, and goes nowhere but into a file for this user alone.

use crate::args::{Keys as Args, KeysCommand, Place};
use crate::config::Config;
use crate::exit::{Failure, Outcome};
use crate::out;
use crate::{custody, setup};
use std::io::Write as _;
use std::path::Path;
use tollway::core::Role;
use tollway::evm;
use tollway::nodes::Keys;
use tollway::solana;
use zeroize::Zeroizing;

/// The key derivation of these files is a quick one, so a password has to be long.
const PASSWORD_MIN: usize = 12;

pub(crate) async fn run(args: Args) -> Outcome {
    // Encrypting is slow by design.
    let work = tokio::task::spawn_blocking(move || match args.command {
        KeysCommand::New(place) => create(&place, None),
        KeysCommand::Import { place, key_env } => {
            let key = secret(key_env.as_deref(), "the key")?;
            create(&place, Some(key))
        }
        KeysCommand::Address(place) => address(&place),
        KeysCommand::List { config } => list(&Config::read(&config, false)?),
    });
    work.await.map_err(Failure::failed)?
}

/// Makes a file with a key, a new one or the given one.
fn create(place: &Place, key: Option<Zeroizing<String>>) -> Outcome {
    if std::fs::symlink_metadata(&place.file).is_ok() {
        let name = place.file.display();
        return Err(Failure::usage(format!("{name} is there already, and no key is ever overwritten")));
    }
    let address = if place.solana { solana_file(place, key)? } else { keystore(place, key)? };
    out::line(address)?;
    eprintln!("{}", advice(place));
    Ok(())
}

/// An encrypted file, as Ethereum's tools write it.
fn keystore(place: &Place, key: Option<Zeroizing<String>>) -> Outcome<String> {
    let secret = match key {
        None => evm::LocalKey::fresh()?,
        Some(text) => {
            // Its own words on what is wrong.
            evm::LocalKey::from_hex(&text)?;
            let digits = text.trim();
            let digits = digits.strip_prefix("0x").unwrap_or(digits);
            let mut bytes = Zeroizing::new([0u8; 32]);
            hex::decode_to_slice(digits, bytes.as_mut_slice())
                .map_err(|_| Failure::usage("no hex digits"))?;
            bytes
        }
    };
    let password = new_password(place)?;
    let folder = place.file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let unusable = |e: std::io::Error| Failure::usage(format!("cannot write into {}: {e}", folder.display()));
    let draft = tempfile::Builder::new().prefix(".tollway-key").tempdir_in(folder).map_err(unusable)?;
    let key = evm::LocalKey::create_keystore(draft.path(), &place.file, &secret, &password)?;
    Ok(key.address().to_string())
}

/// A plain file, as Solana's tools write it.
fn solana_file(place: &Place, key: Option<Zeroizing<String>>) -> Outcome<String> {
    let (text, key) = match key {
        Some(text) => {
            let key = solana::LocalKey::parse(&text)?;
            (text, key)
        }
        None => {
            let secret = evm::LocalKey::fresh()?;
            let key = solana::LocalKey::from_secret(&secret);
            let mut bytes = Zeroizing::new([0u8; 64]);
            let public = key.address();
            let halves = secret.iter().chain(public.as_array());
            bytes.iter_mut().zip(halves).for_each(|(byte, half)| *byte = *half);
            let text = serde_json::to_string(bytes.as_slice()).map_err(Failure::failed)?;
            (Zeroizing::new(text), key)
        }
    };
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let unusable = |e: std::io::Error| Failure::usage(format!("cannot write {}: {e}", place.file.display()));
    let mut file = options.open(&place.file).map_err(unusable)?;
    file.write_all(text.trim().as_bytes()).and_then(|()| file.sync_all()).map_err(unusable)?;
    Ok(key.address().to_string())
}

/// Whose key a file holds.
fn address(place: &Place) -> Outcome {
    let unreadable = |e| Failure::usage(format!("cannot read {}: {e}", place.file.display()));
    let text = Zeroizing::new(std::fs::read_to_string(&place.file).map_err(unreadable)?);
    let keys = if text.trim_start().starts_with('{') {
        let password = secret(place.password_env.as_deref(), "the password")?;
        Keys::keystore(&place.file, &password)?
    } else {
        Keys::read(&text)?
    };
    for (_, address) in keys.addresses() {
        out::line(address)?;
    }
    Ok(())
}

/// Every configured key, and what it is held to.
fn list(config: &Config) -> Outcome {
    let (payers, senders) = setup::keys(config, &[Role::Payer, Role::Settler])?;
    for (role, keys) in [("payer", &payers), ("settler", &senders)] {
        for (_, address) in keys.addresses() {
            let held = match keys.policy_of(&address) {
                Some(policy) => format!("held to: {}", custody::describe(policy)),
                None => "no policy: signs whatever it is asked to".to_owned(),
            };
            out::line(format!("{address}  {role}  {held}"))?;
        }
    }
    Ok(())
}

fn new_password(place: &Place) -> Outcome<Zeroizing<String>> {
    let password = secret(place.password_env.as_deref(), "a password")?;
    if password.chars().count() < PASSWORD_MIN {
        return Err(Failure::usage(format!("the password is too short: {PASSWORD_MIN} characters at least")));
    }
    if place.password_env.is_none() && *secret(None, "the password again")? != *password {
        return Err(Failure::usage("the two passwords differ; nothing was written"));
    }
    Ok(password)
}

/// A secret out of the environment, or typed where nobody sees it.
fn secret(variable: Option<&str>, what: &str) -> Outcome<Zeroizing<String>> {
    match variable {
        Some(name) => std::env::var(name).map(Zeroizing::new).map_err(|_| {
            Failure::usage(format!("{what} should be in the environment variable {name}, which is not set"))
        }),
        None => rpassword::prompt_password(format!("{what}: ")).map(Zeroizing::new).map_err(|_| {
            let options = "--password-env, or --key-env for a key";
            Failure::usage(format!("there is no terminal to ask for {what}: name a variable with {options}"))
        }),
    }
}

fn advice(place: &Place) -> String {
    let file = place.file.display();
    if place.solana {
        return format!("not encrypted, and for this user alone; in tollway.toml: file = \"{file}\"");
    }
    let variable = place.password_env.as_deref().unwrap_or("TOLLWAY_PASSWORD");
    format!(
        "encrypted; in tollway.toml: keystore = \"{file}\", password_env = \"{variable}\". Keep a copy: nobody can restore it"
    )
}
