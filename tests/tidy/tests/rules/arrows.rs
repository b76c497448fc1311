//! The arrows, on made-up graphs: each forbidden one is caught, each allowed one is not.

use crate::made_up::{member, name, on};
use tollway_tidy::arrows::{check, light};
use tollway_tidy::crates::{Crate, Kind};

const ALL: [&str; 14] = [
    "router",
    "router/core",
    "router/route",
    "router/http",
    "router/ledger",
    "router/testkit",
    "router/cli",
    "chains/devnet",
    "chains/moon",
    "chains/mars",
    "schemes/exact-moon",
    "schemes/upto-mars",
    "examples/pay",
    "tests/e2e",
];

/// Everything that a lower room may be built on, as the design has it.
const ALLOWED: [(&str, &[&str]); 12] = [
    ("router/core", &[]),
    ("router/route", &["router/core"]),
    ("router/http", &["router/core", "router/route"]),
    ("router/ledger", &["router/core"]),
    ("router/testkit", &["router/core"]),
    ("chains/devnet", &["router/core"]),
    ("chains/moon", &["router/core"]),
    ("chains/mars", &["router/core"]),
    ("schemes/exact-moon", &["router/core", "chains/moon", "chains/mars"]),
    ("schemes/upto-mars", &["router/core", "chains/moon", "chains/mars"]),
    ("examples/pay", &ALL),
    ("tests/e2e", &ALL),
];

fn graph(from: &str, to: &str, kind: Kind) -> Vec<Crate> {
    let mut crates: Vec<_> = ALL.iter().map(|folder| member(folder)).collect();
    let one = crates.iter_mut().find(|one| one.folder == from).expect("a folder of the list");
    one.dependencies.push(on(to, kind));
    crates
}

#[test]
fn every_pair_is_judged_as_designed() {
    let top = ["examples/pay", "tests/e2e"];
    for from in ALL {
        for to in ALL.into_iter().filter(|to| *to != from) {
            let listed =
                ALLOWED.iter().find(|(room, _)| *room == from).map(|(_, allowed)| allowed.contains(&to));
            // The facade and the cli may use whatever does not stand above them.
            let allowed = listed.unwrap_or(!top.contains(&to));
            for kind in [Kind::Normal, Kind::Build] {
                let found = check(&graph(from, to, kind));
                assert_eq!(found.is_empty(), allowed, "{from} → {to} ({kind:?}): {found:?}");
            }
        }
    }
}

#[test]
fn a_finding_names_both_ends_and_the_line() {
    let mut crates = graph("schemes/upto-mars", "schemes/exact-moon", Kind::Normal);
    for one in &mut crates {
        one.manifest =
            "[dependencies]\nserde.workspace = true\nschemes-exact-moon.workspace = true\n".to_owned();
    }
    let found = check(&crates);
    assert_eq!(found.len(), 1);
    let said = found[0].to_string();
    assert!(
        said.starts_with("schemes/upto-mars/Cargo.toml:3: schemes-upto-mars depends on schemes-exact-moon: "),
        "{said}"
    );
    assert!(said.contains("never knows a scheme"), "{said}");
}

#[test]
fn tests_may_reach_sideways() {
    assert_eq!(check(&graph("schemes/upto-mars", "schemes/exact-moon", Kind::Dev)), []);
    assert_eq!(check(&graph("chains/moon", "chains/devnet", Kind::Dev)), []);
    assert_eq!(check(&graph("router/core", "router/testkit", Kind::Dev)), []);
}

#[test]
fn a_test_cycle_that_cannot_be_published_is_caught() {
    let mut crates = graph("router/core", "router/testkit", Kind::Dev);
    let built = |crates: &mut [Crate], from: &str, to: &str| {
        crates
            .iter_mut()
            .find(|one| one.folder == from)
            .expect("listed")
            .dependencies
            .push(on(to, Kind::Normal));
    };
    built(&mut crates, "router/testkit", "router/core");
    let found = check(&crates);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].right.contains("by path alone"), "{found:?}");

    let core = crates.iter_mut().find(|one| one.folder == "router/core").expect("listed");
    core.dependencies[0].versioned = false;
    assert_eq!(check(&crates), []);
}

#[test]
fn a_test_cycle_is_followed_through_others() {
    let mut crates = graph("router/core", "router/http", Kind::Dev);
    for (from, to) in [("router/http", "router/route"), ("router/route", "router/core")] {
        let one = crates.iter_mut().find(|one| one.folder == from).expect("listed");
        one.dependencies.push(on(to, Kind::Normal));
    }
    assert_eq!(check(&crates).len(), 1);
}

#[test]
fn a_crate_outside_the_rooms_is_caught() {
    for folder in ["router/extra", "tools/thing", "thing"] {
        let found = check(&[member(folder)]);
        assert_eq!(found.len(), 1, "{folder}");
        assert!(found[0].what.contains("has no room"), "{found:?}");
    }
    assert_eq!(check(&[member("schemes/never-seen"), member("chains/never-seen"), member("tests/fuzz")]), []);
}

#[test]
fn heavy_packages_are_caught_in_core_and_route_only() {
    let closure =
        ["tokio", "tokio-util", "reqwest", "hyper-util", "alloy-primitives", "solana-pubkey", "serde"];
    for folder in ["router/core", "router/route"] {
        let found = light(&member(folder), closure).expect("six of them are heavy");
        let all = "is built on alloy-primitives, hyper-util, reqwest, solana-pubkey, tokio, tokio-util";
        assert!(found.what.ends_with(all), "{found}");
    }
    assert_eq!(light(&member("router/http"), closure), None);
    // Names that only begin alike.
    assert_eq!(light(&member("router/core"), ["hyperloglog", "alloyed", "serde", "smoltcp"]), None);
}

#[test]
fn made_up_names_follow_their_folder() {
    assert_eq!(name("router/core"), "router-core");
}

#[test]
fn only_a_chains_simulation_stands_on_the_testkit() {
    for (from, allowed) in [("chains/moon", true), ("schemes/exact-moon", false), ("router/http", false)] {
        let mut crates = graph(from, "router/testkit", Kind::Normal);
        assert!(!check(&crates).is_empty(), "{from}: never without a feature");
        let dependencies = crates.iter_mut().flat_map(|one| &mut one.dependencies);
        dependencies.for_each(|dependency| dependency.optional = true);
        assert_eq!(check(&crates).is_empty(), allowed, "{from}: behind a feature");
    }
}
