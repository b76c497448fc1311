//! Who may depend on whom.
//!
//! ```text
//! schemes → chains → core        http → route → core        ledger → core        testkit → core
//! facade, cli, examples, tests → anything
//! ```
//!
//! A chain may reach for the testkit behind a feature: the simulation of its own typed trait stands on it.
//!
//! The arrows hold for normal and build dependencies. Tests may reach sideways; they may also reach up, to a crate
//! that builds on theirs, as long as both can still be published.

use std::collections::BTreeSet;

use crate::Finding;
use crate::crates::{Crate, Dependency, Kind, Room};

/// What the contract and the brain must do without, by the start of the name: runtimes, HTTP and chain SDKs.
const TOO_HEAVY: [&str; 8] = ["tokio", "async-std", "smol", "reqwest", "hyper", "axum", "alloy", "solana"];

/// Every arrow that points where it may not.
pub fn check(crates: &[Crate]) -> Vec<Finding> {
    let mut found = Vec::new();
    for from in crates {
        if from.room() == Room::Unknown {
            let right = "a crate lives in router/{core,route,http,ledger,testkit,cli}, chains/, schemes/, examples/ or tests/";
            found.push(Finding::at(from.manifest_path(), 0, format!("{} has no room", from.name), right));
        }
        for dependency in &from.dependencies {
            let to = crates.iter().find(|one| one.name == dependency.name);
            found.extend(match (dependency.kind, to) {
                (Kind::Dev, Some(to)) => cycle(crates, from, to, dependency),
                (_, Some(to)) if simulates(from, to, dependency) => None,
                (_, Some(to)) => arrow(from, to),
                (_, None) => None,
            });
        }
    }
    found
}

/// The packages of `closure` that `of` must do without, if `of` is the contract or the brain. `closure` is what
/// `of` is built from, directly or not.
pub fn light<'a>(of: &Crate, closure: impl IntoIterator<Item = &'a str>) -> Option<Finding> {
    if !matches!(of.room(), Room::Core | Room::Route) {
        return None;
    }
    let heavy = |name: &str| {
        TOO_HEAVY.iter().any(|bad| name.strip_prefix(bad).is_some_and(|rest| !starts_alphanumeric(rest)))
    };
    let right = "core and route know no runtime, no HTTP and no chain SDK; what needs one lives in http, ledger or chains/";
    let names: Vec<_> =
        BTreeSet::from_iter(closure.into_iter().filter(|name| heavy(name))).into_iter().collect();
    if names.is_empty() {
        return None;
    }
    let line = names.iter().map(|name| of.line_of(name)).find(|&line| line > 0).unwrap_or(0);
    let what = format!("{} is built on {}", of.name, names.join(", "));
    Some(Finding::at(of.manifest_path(), line, what, right))
}

/// A chain's simulation, for those who switch it on.
fn simulates(from: &Crate, to: &Crate, dependency: &Dependency) -> bool {
    dependency.optional && from.room() == Room::Chain && to.room() == Room::Testkit
}

fn starts_alphanumeric(rest: &str) -> bool {
    rest.starts_with(|c: char| c.is_ascii_alphanumeric())
}

fn arrow(from: &Crate, to: &Crate) -> Option<Finding> {
    let right = refusal(from.room(), to.room())?;
    let what = format!("{} depends on {}", from.name, to.name);
    Some(Finding::at(from.manifest_path(), from.line_of(&to.name), what, right))
}

/// Why `from` may not depend on `to`; `None` if it may.
fn refusal(from: Room, to: Room) -> Option<&'static str> {
    use Room::{
        Chain, Cli, Core, Devnet, Example, Facade, Http, Ledger, Route, Scheme, Test, Testkit, Unknown,
    };
    match (from, to) {
        (Example | Test, _) => None,
        (_, Example | Test) => Some("examples and tests stand at the top; nothing is built on them"),
        (Facade | Cli, _) => None,
        (_, Devnet) => Some(
            "the devnet is a tool for the facade, the cli, examples and tests; use it as a dev-dependency",
        ),
        (Route | Http | Ledger | Testkit | Chain | Devnet | Scheme, Core)
        | (Http, Route)
        | (Scheme, Chain) => None,
        (Scheme, Scheme) => {
            Some("a scheme never knows a scheme; what both need goes down into their chain crate")
        }
        (Chain | Devnet, Chain) => Some("a chain never knows a chain; what both need goes down into core"),
        (Route | Http, Scheme | Chain) => {
            Some("route and http name no concrete scheme or chain; they reach them through the registry")
        }
        (Core, _) => Some("core is the contract and depends on no other room"),
        (Unknown, _) => Some("give the crate a room first"),
        _ => {
            Some("the arrows are schemes → chains → core, http → route → core, ledger → core, testkit → core")
        }
    }
}

/// A dev-dependency that leads back here must go by path alone: with a version, neither crate could be published
/// before the other.
fn cycle(crates: &[Crate], from: &Crate, to: &Crate, dependency: &Dependency) -> Option<Finding> {
    if !dependency.versioned || from.name == to.name || !reaches(crates, to, from) {
        return None;
    }
    let what = format!("{} tests itself with {}, which is built on it", from.name, to.name);
    let right = "name it by path alone, without a version (so not through the workspace), or neither can be published first";
    Some(Finding::at(from.manifest_path(), from.line_of(&to.name), what, right))
}

fn reaches(crates: &[Crate], from: &Crate, goal: &Crate) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(next) = open.pop() {
        if next.name == goal.name {
            return true;
        }
        if !seen.insert(&next.name) {
            continue;
        }
        let built_on = |dependency: &&Dependency| dependency.kind != Kind::Dev;
        for dependency in next.dependencies.iter().filter(built_on) {
            open.extend(crates.iter().find(|one| one.name == dependency.name));
        }
    }
    false
}
