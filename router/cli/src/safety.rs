//! From the configuration to what a facilitator asks, allows and spends.

use crate::config::{Config, Key};
use crate::exit::{Failure, Outcome};
use crate::serving::{Bound, KnownCaller, Serving};
use crate::setup;
use std::sync::Arc;
use tollway::House;
use tollway::core::{Account, AssetId, ChainId, Family, Usd};
use tollway::http::facilitator::{ApiKeys, Settings};
use tollway::route::guard::{Limit, Strikes};
use tollway::route::{Guard, GuardSettings, List, Screening};

/// Failures count for an hour.
const FAILURES_MS: u64 = 3_600_000;

/// Who may use the facilitator; `None` for everybody.
///
/// Everybody is somebody's decision: without keys, only this machine is served unasked.
pub(crate) fn keys(serving: &Serving) -> Outcome<Option<ApiKeys>> {
    if serving.keys.is_empty() {
        if serving.open || serving.listen.ip().is_loopback() {
            return Ok(None);
        }
        return Err(Failure::usage(format!(
            "{} can be reached from elsewhere, and whoever reaches it would spend this facilitator's gas: give callers \
             keys ([[facilitator.key]]), or write open = true under [facilitator]",
            serving.listen
        )));
    }
    let mut keys = ApiKeys::new();
    for key in &serving.keys {
        keys = keys.with(&key.name, read(key)?.trim())?;
    }
    Ok(Some(if serving.open { keys.or_anyone() } else { keys }))
}

fn read(key: &KnownCaller) -> Outcome<String> {
    let of = &key.name;
    match &key.place {
        Key::Env { env } => std::env::var(env).map_err(|_| {
            Failure::usage(format!(
                "the API key of {of:?} is configured to be in the environment variable {env}, which is not set"
            ))
        }),
        Key::File { file } => std::fs::read_to_string(file)
            .map_err(|e| Failure::usage(format!("cannot read the API key of {of:?} in {}: {e}", file.display()))),
        Key::Keystore { .. } => {
            Err(Failure::usage(format!("the API key of {of:?} is no private key: name it by env or file")))
        }
    }
}

/// What HTTP allows.
pub(crate) fn settings(serving: &Serving) -> Settings {
    let mut settings = Settings::default();
    settings.settles_per_caller_max = serving.at_once_per_caller;
    // A caller has a quarter of the places for requests: room for as many settlements as it may wait for.
    settings.requests_max =
        settings.requests_max.max(serving.at_once_per_caller.saturating_mul(4).min(1 << 20));
    settings
}

/// What gas is spent on.
pub(crate) fn guard(config: &Config, house: &House) -> Outcome<Arc<Guard>> {
    let serving = &config.facilitator;
    let day = |bound: Bound<Usd>| bound.get().map(Limit::a_day);
    let failures = [serving.failures_payer, serving.failures_payee, serving.failures_caller];
    let most = |bound: Bound<u32>| bound.get().unwrap_or(u32::MAX);
    let strikes = Strikes {
        window_ms: FAILURES_MS,
        payer: most(serving.failures_payer),
        payee: most(serving.failures_payee),
        caller: most(serving.failures_caller),
        lost_percent: 50,
    };
    let settings = GuardSettings {
        payees: listed(&serving.payees, payee)?,
        assets: listed(&serving.assets, asset)?,
        amount_usd_min: serving.amount_usd_min.get(),
        gas_percent_max: serving.gas_percent_max.get(),
        gas_usd_max: serving.gas_usd_max.get(),
        gas_over_plain_percent_max: serving.gas_over_plain_percent_max.get(),
        gas_all: day(serving.day_usd),
        gas_caller: day(serving.day_usd_caller),
        gas_payee: day(serving.day_usd_payee),
        at_once_payer: serving.at_once_per_payer.get(),
        strikes: failures.iter().any(|bound| bound.get().is_some()).then_some(strikes),
        ..GuardSettings::default()
    };
    let guard = house.guard(settings)?;
    Ok(Arc::new(match screening(config, house)? {
        Some(screening) => guard.screening(screening),
        None => guard,
    }))
}

/// The sanctions list, where one is configured.
pub(crate) fn screening(config: &Config, house: &House) -> Outcome<Option<Arc<Screening>>> {
    let Some(screens) = &config.screening else { return Ok(None) };
    let list = house.sanctions_list(setup::chain(&screens.chain)?, &screens.contract)?;
    Ok(Some(house.screening(list, screens.silence, screens.limit_ms)))
}

fn listed<T>(
    texts: &[String],
    read: fn(&Family, ChainId, &str) -> tollway::core::Result<T>,
) -> Outcome<List<T>> {
    if texts.is_empty() {
        return Ok(List::Any);
    }
    let one = |text: &String| {
        let wrong = || Failure::usage(format!("[facilitator]: {text:?} is not like \"eip155:8453/0x…\""));
        let (id, key) = text.split_once('/').ok_or_else(wrong)?;
        let chain = setup::chain(id)?;
        let family = crate::prices::family(&chain).ok_or_else(wrong)?;
        read(&family, chain, key).map_err(|_| wrong())
    };
    texts.iter().map(one).collect::<Outcome<_>>().map(List::Only)
}

fn payee(family: &Family, chain: ChainId, key: &str) -> tollway::core::Result<Account> {
    family.account(chain, key)
}

fn asset(family: &Family, chain: ChainId, key: &str) -> tollway::core::Result<AssetId> {
    family.asset(chain, key)
}
