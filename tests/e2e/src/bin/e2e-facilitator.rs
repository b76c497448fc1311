//! A facilitator in a process of its own. Told everything by `E2E_FACILITATOR` (JSON of
//! [`tollway_e2e::process::Settings`]); drains and ends on SIGTERM or Ctrl-C; ends at once when its stdin does, so that
//! it never outlives the test.

use std::io::Read;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tollway::House;
use tollway::core::Role;
use tollway::http::facilitator;
use tollway_e2e::Outcome;
use tollway_e2e::process::Settings;
use tollway_e2e::world::{HouseKeys, open_house, open_shared_house};

/// How often starting is tried while nodes do not answer, and the pause between two tries.
const TRIES: u32 = 200;
const PAUSE: Duration = Duration::from_millis(50);

#[tokio::main]
async fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env();
    let filter = filter.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    watch_parent();
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            tracing::error!("{e}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Outcome {
    let settings: Settings = serde_json::from_str(&std::env::var("E2E_FACILITATOR")?)?;
    let (mut term, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let keys = HouseKeys { payer: None, senders: settings.senders.clone() };
    let mut tried = 0u32;
    let house = loop {
        match open(&settings, &keys).await {
            Ok(house) => break house,
            Err(e) if tried >= TRIES => return Err(e),
            Err(e) => tracing::info!("not yet: {e}"),
        }
        tried = tried.saturating_add(1);
        tokio::time::sleep(PAUSE).await;
    };
    let mut own = facilitator::Settings::default();
    own.patience_ms = settings.patience_ms;
    let facilitator = house.facilitator().settings(own).build()?;
    facilitator.recover().await?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", settings.port)).await?;
    let asked = async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    Ok(facilitator.serve(listener, asked).await?)
}

async fn open(settings: &Settings, keys: &HouseKeys) -> Outcome<House> {
    let (name, chains) = (&settings.name, &settings.chains);
    match &settings.database {
        Some(url) => open_shared_house(name, (url, settings.lease_ms), chains, keys).await,
        None => open_house(name, &settings.ledger, Role::Settler, chains, keys).await,
    }
}

/// Ends the process at once when the parent has gone: its end of our stdin is closed then.
fn watch_parent() {
    std::thread::spawn(|| {
        let mut nothing = [0u8; 64];
        while std::io::stdin().read(&mut nothing).is_ok_and(|n| n > 0) {}
        std::process::exit(1);
    });
}
