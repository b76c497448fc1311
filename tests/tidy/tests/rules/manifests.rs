//! Manifests, sizes, metadata and feature checks, on made-up crates.

use crate::made_up::{member, on};
use serde_json::json;
use tollway_tidy::crates::{self, Crate, Kind, Room};
use tollway_tidy::manifests::{inheritance, offered};
use tollway_tidy::source::Source;
use tollway_tidy::tree::File;
use tollway_tidy::{Finding, features, sizes, verdict};

const WHOLE: &str = "[package]\nname = \"a\"\nversion.workspace = true\nedition.workspace = true\n\
    rust-version.workspace = true\nlicense = { workspace = true }\n\n[lints]\nworkspace = true\n";

fn written(manifest: &str) -> Vec<Finding> {
    inheritance(&[Crate { manifest: manifest.to_owned(), ..member("schemes/a") }])
}

#[test]
fn what_the_workspace_says_once_is_inherited() {
    assert_eq!(written(WHOLE), []);
    for (is, made) in [
        ("version.workspace = true\nedition", "version = \"0.2.0\"\nedition"),
        ("edition.workspace = true", "edition = \"2021\""),
        ("rust-version.workspace = true\n", ""),
        ("license = { workspace = true }", "license = \"MIT\""),
        ("[lints]\nworkspace = true", "[lints]\nworkspace = false"),
        ("[lints]\nworkspace = true", "[lints.rust]\nunsafe_code = \"allow\""),
    ] {
        assert_eq!(written(&WHOLE.replace(is, made)).len(), 1, "{made}");
    }
    let found = written(&WHOLE.replace("edition.workspace = true", "edition = \"2021\""));
    assert_eq!(
        found[0].to_string(),
        "schemes/a/Cargo.toml:4: `edition` is not inherited: `edition.workspace = true`"
    );
    assert_eq!(written("[package").len(), 1);
}

/// A facade that offers one scheme as it should, and that scheme.
fn house() -> [Crate; 3] {
    let mut facade = member("router");
    facade.dependencies.push(on("schemes/exact-moon", Kind::Normal));
    facade.dependencies[0].optional = true;
    facade.features.insert("exact-moon".to_owned(), vec!["dep:schemes-exact-moon".to_owned()]);
    [facade, member("schemes/exact-moon"), member("chains/devnet")]
}

fn lib() -> [Source; 1] {
    [Source::read("router/src/lib.rs", "pub use schemes_exact_moon as exact_moon;")]
}

#[test]
fn the_facade_offers_every_plugin() {
    assert_eq!(offered(&house(), &lib()), []);

    let wrong = |change: fn(&mut [Crate; 3]), what: &str| {
        let mut crates = house();
        change(&mut crates);
        let found = offered(&crates, &lib());
        assert_eq!(found.len(), 1, "{what}: {found:?}");
        assert!(found[0].what.contains(what), "{found:?}");
    };
    wrong(|all| all[0].dependencies.clear(), "is not offered");
    wrong(|all| all[0].dependencies[0].kind = Kind::Dev, "is not offered");
    wrong(|all| all[0].dependencies[0].optional = false, "cannot be left out");
    wrong(|all| all[0].features.clear(), "has no feature");
    wrong(|all| all[2] = member("chains/moon"), "is not offered");
    wrong(|all| all[0] = member("router/core"), "there is no facade");

    let unnamed = [Source::read("router/src/lib.rs", "// schemes_exact_moon is linked")];
    assert_eq!(offered(&house(), &unnamed).len(), 1);
}

#[test]
fn long_files_are_listed_or_split() {
    let file = |lines: usize| File { path: "router/src/a.rs".to_owned(), text: "x\n".repeat(lines) };
    let listed = [("router/src/a.rs", "one table")];
    assert_eq!(sizes::check(&[file(sizes::LINES_MAX)], &[]), []);
    assert_eq!(sizes::check(&[file(sizes::LINES_MAX + 1)], &[]).len(), 1);
    assert_eq!(sizes::check(&[file(sizes::LINES_MAX + 1)], &listed), []);
    assert_eq!(sizes::check(&[file(sizes::LINES_MAX)], &listed).len(), 1, "a stale entry");
    let data = File { path: "tests/golden/a.json".to_owned(), text: "x\n".repeat(9_000) };
    assert_eq!(sizes::check(&[data], &[]), []);
}

#[test]
fn metadata_is_read_as_cargo_writes_it() {
    let metadata = json!({
        "workspace_root": "/somewhere/tree",
        "packages": [{
            "name": "tollway-a",
            "manifest_path": "/somewhere/tree/schemes/a/Cargo.toml",
            "features": { "fast": ["dep:b"] },
            "dependencies": [
                { "name": "b", "kind": null, "optional": true, "req": "^1" },
                { "name": "c", "kind": "dev", "optional": false, "req": "*" },
                { "name": "d", "kind": "build", "optional": false, "req": "^1" },
            ],
        }],
    });
    let read = crates::read(&metadata, |folder| format!("# {folder}"));
    assert_eq!((read[0].folder.as_str(), read[0].room()), ("schemes/a", Room::Scheme));
    assert_eq!((read[0].manifest.as_str(), read[0].ident().as_str()), ("# schemes/a", "tollway_a"));
    let kinds: Vec<_> =
        read[0].dependencies.iter().map(|one| (one.kind, one.optional, one.versioned)).collect();
    assert_eq!(kinds, [(Kind::Normal, true, true), (Kind::Dev, false, false), (Kind::Build, false, true)]);
    assert_eq!(read[0].features["fast"], ["dep:b"]);
}

#[test]
fn features_are_checked_alone_and_not_at_all() {
    let mut two = member("router/http");
    two.features.insert("client".to_owned(), Vec::new());
    two.features.insert("server".to_owned(), Vec::new());
    let bare = "--package router-http --no-default-features";
    let expected =
        [bare.to_owned(), format!("{bare} --features client"), format!("{bare} --features server")];
    assert_eq!(features::checks(&[two, member("router/core")]), expected);
}

#[test]
fn a_verdict_is_sorted_and_says_each_thing_once() {
    let at = |path, line| Finding::at(path, line, "is", "be");
    let said = verdict(vec![at("b.rs", 2), at("a.rs", 10), at("b.rs", 2), at("a.rs", 9), at("c.rs", 0)]);
    assert_eq!(
        said,
        Err("4 found\na.rs:9: is: be\na.rs:10: is: be\nb.rs:2: is: be\nc.rs: is: be".to_owned())
    );
    assert_eq!(verdict(Vec::new()), Ok(()));
}
