//! Logs go to stderr, so that `--json` on stdout stays one object; spans also to a collector, where one is configured.

use std::io::IsTerminal as _;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

/// Libraries that log what they send, and with it authorizations and URLs that hold keys. None of it is shown, however
/// much is asked for.
const TALKATIVE: [&str; 8] =
    ["alloy", "h2", "hyper", "opentelemetry", "reqwest", "rustls", "tokio_tungstenite", "tungstenite"];

/// What must live as long as the program.
#[derive(Default)]
pub(crate) struct Told {
    #[cfg(feature = "otel")]
    _collector: Option<crate::otel::Collector>,
}

/// Starts logging.
pub(crate) fn init(verbose: u8) -> Told {
    let default = match verbose {
        0 => "error",
        1 => "tollway=info,tollway_http=info,tollway_route=info,tollway_evm=info",
        _ => "tollway=debug,tollway_http=debug,tollway_route=debug,tollway_evm=debug,tollway_devnet=debug",
    };
    let asked = EnvFilter::try_from_env("TOLLWAY_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let lines = fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .without_time()
        .with_filter(filter_fn(discreet))
        .with_filter(asked);
    let subscriber = tracing_subscriber::registry().with(lines);
    #[cfg(feature = "otel")]
    {
        let (layer, collector) = crate::otel::start();
        subscriber.with(layer).init();
        Told { _collector: collector }
    }
    #[cfg(not(feature = "otel"))]
    {
        subscriber.init();
        Told::default()
    }
}

/// Our own words, which hold no secrets, and of others only what is worth a warning.
fn discreet(line: &Metadata<'_>) -> bool {
    *line.level() <= Level::INFO || !TALKATIVE.iter().any(|name| line.target().starts_with(name))
}
