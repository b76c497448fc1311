//! What every manifest inherits, and that the facade offers every plugin.

use toml::Table;

use crate::Finding;
use crate::crates::{Crate, Kind, Room};
use crate::source::{Source, occurrences};

const INHERITED: [&str; 4] = ["version", "edition", "rust-version", "license"];

/// Crates written as somebody outside this tree would write them, who has no workspace to inherit from.
const OUTSIDERS: [&str; 1] = ["examples/third-party-scheme"];

/// Everything that a member spells out although the workspace says it once.
pub fn inheritance(crates: &[Crate]) -> Vec<Finding> {
    let mut found = Vec::new();
    for one in crates.iter().filter(|one| !OUTSIDERS.contains(&one.folder.as_str())) {
        let path = one.manifest_path();
        let manifest: Table = match one.manifest.parse() {
            Ok(manifest) => manifest,
            Err(error) => {
                found.push(Finding::at(path, 0, format!("{error}"), "a manifest is TOML"));
                continue;
            }
        };
        let from_workspace = |value: Option<&toml::Value>| {
            value.and_then(|value| value.get("workspace")).and_then(toml::Value::as_bool) == Some(true)
        };
        if !from_workspace(manifest.get("lints")) {
            let right = "`[lints]` with `workspace = true`";
            found.push(Finding::at(
                &path,
                one.line_of("[lints"),
                "the workspace's lints do not hold here",
                right,
            ));
        }
        let package = manifest.get("package");
        for key in INHERITED {
            if !from_workspace(package.and_then(|package| package.get(key))) {
                let what = format!("`{key}` is not inherited");
                found.push(Finding::at(&path, one.line_of(key), what, format!("`{key}.workspace = true`")));
            }
        }
    }
    found
}

/// Every plugin that the facade does not offer: as an optional dependency, under a feature, and by name in its
/// code, since a crate that is linked but never named registers nothing.
pub fn offered(crates: &[Crate], sources: &[Source]) -> Vec<Finding> {
    let Some(facade) = crates.iter().find(|one| one.room() == Room::Facade) else {
        return vec![Finding::at("router/Cargo.toml", 0, "there is no facade", "the package `tollway`")];
    };
    let mut found = Vec::new();
    let ours: Vec<_> = sources.iter().filter(|source| source.path.starts_with("router/src/")).collect();
    for plugin in crates.iter().filter(|one| one.room().is_plugin()) {
        let name = &plugin.name;
        let mut say = |what: &str, right: String| {
            let line = facade.line_of(name);
            found.push(Finding::at(facade.manifest_path(), line, format!("{name} {what}"), right));
        };
        let normal = |kind| kind == Kind::Normal;
        let Some(dependency) = facade.dependencies.iter().find(|one| one.name == *name && normal(one.kind))
        else {
            say(
                "is not offered",
                format!("`{name} = {{ workspace = true, optional = true }}` and a feature"),
            );
            continue;
        };
        if !dependency.optional {
            say(
                "cannot be left out",
                "`optional = true`, so that a plugin costs only those who ask".to_owned(),
            );
        }
        let switch = format!("dep:{name}");
        if dependency.optional && !facade.features.values().flatten().any(|on| *on == switch) {
            say("has no feature", format!("a feature that holds `{switch}`"));
        }
        let ident = plugin.ident();
        let named = |source: &&Source| {
            source.lines.iter().any(|line| occurrences(&line.code, &ident).next().is_some())
        };
        if !ours.iter().any(named) {
            say("is never named in router/src", format!("`use {ident} …`: else discovery does not see it"));
        }
    }
    found
}
