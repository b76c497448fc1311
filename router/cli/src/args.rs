//! What can be typed.

use clap::{Args as ClapArgs, Parser, Subcommand};
use std::path::PathBuf;
use tollway::core::{Time, Usd};

/// Prices every way an x402 server can be paid, explains the ranking, and pays the cheapest safe one.
#[derive(Debug, Parser)]
#[command(name = "tollway", version, after_help = EXIT_CODES)]
pub(crate) struct Args {
    /// Say more on stderr; twice for everything. `TOLLWAY_LOG` takes a filter.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 done
            1 failed, nothing was paid
            2 wrong usage or configuration, nothing was paid
            3 refused by a limit or policy, nothing was paid
            4 paid, and the answer was lost or is an error; the receipt is printed
            5 outcome unknown: do not pay again, ask with `tollway pay --settle-up`";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs the main job on real local chains: six networks offered, the cheapest paid, then its fees are spiked.
    Demo(Demo),
    /// Asks a URL for its price and shows every way to pay it, ranked. Pays nothing.
    Quote(Quote),
    /// Requests a URL and pays for it by the cheapest allowed route.
    #[command(after_help = EXIT_CODES)]
    Pay(Pay),
    /// Verifies and settles payments for others over HTTP.
    Facilitator(Facilitator),
    /// Runs local chains until Ctrl-C.
    Devnet(Devnet),
    /// Makes keys, takes them in, and says whose they are.
    Keys(Keys),
    /// Lists and exports payments: what was paid, sold and settled, as the ledger has it.
    Books(Books),
    /// Looks at everything that payments need, and says what is wrong and what to do. Pays nothing.
    Doctor(Doctor),
    /// Lists the schemes and networks of this build.
    Plugins(Plugins),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Demo {
    /// Pay in this token instead, over Permit2, on one network: PLAIN, PERM, MUTE, WIDE, FEE, or `all` of them. May be
    /// repeated.
    #[arg(long = "token", value_name = "SYMBOL", value_parser = token)]
    pub(crate) tokens: Vec<String>,
    /// Print one JSON object instead of tables.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A request, and who makes it.
#[derive(Debug, ClapArgs)]
pub(crate) struct Request {
    /// HTTP method.
    #[arg(short = 'X', long, default_value = "GET")]
    pub(crate) method: String,
    /// A header, `Name: value`; may be repeated.
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    pub(crate) headers: Vec<String>,
    /// The body; `@file` reads a file.
    #[arg(short, long)]
    pub(crate) data: Option<String>,
    /// Networks, key and limits.
    #[arg(short, long, value_name = "FILE", env = "TOLLWAY_CONFIG", default_value = "tollway.toml")]
    pub(crate) config: PathBuf,
    /// Allow mainnets: networks whose coins are worth something.
    #[arg(long)]
    pub(crate) mainnet: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Quote {
    /// The resource.
    pub(crate) url: url::Url,
    #[command(flatten)]
    pub(crate) request: Request,
    /// Print the table as JSON: `routes` and `rejected`, or `free` for a URL that asks for nothing.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Pay {
    /// The resource.
    #[arg(required_unless_present = "settle_up")]
    pub(crate) url: Option<url::Url>,
    #[command(flatten)]
    pub(crate) request: Request,
    /// The most this may cost, in USD, own gas included: `--max 0.05`. Needed unless the configuration sets a cap.
    #[arg(long, value_name = "USD", value_parser = usd)]
    pub(crate) max: Option<Usd>,
    /// Show what would be paid, and sign nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Write the answer's body here instead of stdout.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Ask the chains what became of earlier payments that are still open, and pay nothing.
    #[arg(long)]
    pub(crate) settle_up: bool,
    /// Print receipt and outcome as JSON on stderr.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Facilitator {
    /// Networks, keys and the address to listen on.
    #[arg(short, long, value_name = "FILE", env = "TOLLWAY_CONFIG", default_value = "tollway.toml")]
    pub(crate) config: PathBuf,
    /// Allow mainnets: networks whose coins are worth something.
    #[arg(long)]
    pub(crate) mainnet: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Devnet {
    /// Milliseconds between blocks; without it, a block per transaction.
    #[arg(long, value_name = "MS")]
    pub(crate) block_time_ms: Option<u64>,
    /// Write a configuration for `quote`, `pay` and `facilitator` on these chains here.
    #[arg(long, value_name = "FILE")]
    pub(crate) write_config: Option<PathBuf>,
    /// Take ports that are free instead of the usual ones, so that several can run at once.
    #[arg(long)]
    pub(crate) free_ports: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Plugins {
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Doctor {
    /// Networks, keys and the rest.
    #[arg(short, long, value_name = "FILE", env = "TOLLWAY_CONFIG", default_value = "tollway.toml")]
    pub(crate) config: PathBuf,
    /// A facilitator to look at too; may be repeated.
    #[arg(long = "facilitator", value_name = "URL")]
    pub(crate) facilitators: Vec<url::Url>,
    /// Print one JSON object: `ok` and `findings`.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Books {
    /// Whose ledger.
    #[arg(short, long, value_name = "FILE", env = "TOLLWAY_CONFIG", default_value = "tollway.toml")]
    pub(crate) config: PathBuf,
    /// All of them as CSV.
    #[arg(long)]
    pub(crate) csv: bool,
    /// All of them as one JSON list.
    #[arg(long, conflicts_with = "csv")]
    pub(crate) json: bool,
    /// Only those of this time or later: `2026-11-20`, `2026-11-20T15:04:05Z`, or an age such as `24h` or `7d`.
    #[arg(long, value_name = "TIME", value_parser = since)]
    pub(crate) since: Option<Time>,
    /// Only those on this network: `eip155:8453`.
    #[arg(long, value_name = "NETWORK")]
    pub(crate) network: Option<String>,
    /// How many a table shows.
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    pub(crate) last: usize,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Keys {
    #[command(subcommand)]
    pub(crate) command: KeysCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Makes a new key in a file that must not be there yet, and prints its address.
    New(Place),
    /// Puts a key that exists into such a file. It is asked for where nobody sees it, or taken from a variable.
    Import {
        #[command(flatten)]
        place: Place,
        /// The environment variable that holds the key.
        #[arg(long, value_name = "NAME")]
        key_env: Option<String>,
    },
    /// Prints whose key a file holds.
    Address(Place),
    /// Lists the configured keys, and the policy that each is held to.
    List {
        /// The configuration.
        #[arg(short, long, value_name = "FILE", env = "TOLLWAY_CONFIG", default_value = "tollway.toml")]
        config: PathBuf,
    },
}

/// A file with a key.
#[derive(Debug, ClapArgs)]
pub(crate) struct Place {
    /// The file.
    pub(crate) file: PathBuf,
    /// The environment variable that holds the file's password; without it, it is asked for.
    #[arg(long, value_name = "NAME")]
    pub(crate) password_env: Option<String>,
    /// A key for Solana, in a plain file as `solana-keygen` writes it; otherwise one for EVM networks, encrypted.
    #[arg(long)]
    pub(crate) solana: bool,
}

/// A day or a moment in UTC, or how long ago.
fn since(text: &str) -> Result<Time, String> {
    let bad = || format!("{text:?} is not like 2026-11-20, 2026-11-20T15:04:05Z, 24h or 7d");
    let moment = if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        moment
    } else if let Ok(day) = text.parse::<jiff::civil::Date>() {
        day.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| bad())?.timestamp()
    } else {
        let age: jiff::Span = text.parse().map_err(|_| bad())?;
        let age = age.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).map_err(|_| bad())?;
        jiff::Timestamp::now().checked_sub(age.abs()).map_err(|_| bad())?
    };
    u64::try_from(moment.as_millisecond()).map(Time::from_ms).map_err(|_| bad())
}

/// The symbol of a token of the local chains, as it is spelled there; `all` for all.
fn token(text: &str) -> Result<String, String> {
    let known = || tollway_devnet::TokenSpec::ALL.iter().map(|token| token.symbol).chain(["all"]);
    let found = known().find(|symbol| symbol.eq_ignore_ascii_case(text));
    found.map(str::to_owned).ok_or_else(|| format!("known are {}", known().collect::<Vec<_>>().join(", ")))
}

fn usd(text: &str) -> Result<Usd, String> {
    Usd::parse(text).map_err(|e| e.detail.into())
}
