//! The crates of the workspace and the room each lives in.

use std::collections::BTreeMap;

use serde_json::Value;

/// What a crate is for, told by its folder alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// `router`
    Facade,
    /// `router/core`
    Core,
    /// `router/route`
    Route,
    /// `router/http`
    Http,
    /// `router/ledger`
    Ledger,
    /// `router/testkit`
    Testkit,
    /// `router/cli`
    Cli,
    /// `chains/*`
    Chain,
    /// `chains/devnet`, a tool
    Devnet,
    /// `schemes/*`
    Scheme,
    /// `examples` and below
    Example,
    /// `tests` and below
    Test,
    /// Anywhere else, which is a finding.
    Unknown,
}

impl Room {
    /// The room of a folder, given from the root of the tree.
    pub fn of(folder: &str) -> Self {
        match folder {
            "router" => Self::Facade,
            "router/core" => Self::Core,
            "router/route" => Self::Route,
            "router/http" => Self::Http,
            "router/ledger" => Self::Ledger,
            "router/testkit" => Self::Testkit,
            "router/cli" => Self::Cli,
            "chains/devnet" => Self::Devnet,
            _ => match folder.split('/').next() {
                Some("chains") => Self::Chain,
                Some("schemes") => Self::Scheme,
                Some("examples") => Self::Example,
                Some("tests") => Self::Test,
                _ => Self::Unknown,
            },
        }
    }

    /// Whether the crate is written for others to build on, and so must answer bad input with an error.
    pub fn is_library(self) -> bool {
        !matches!(self, Self::Testkit | Self::Example | Self::Test)
    }

    /// Whether the crate is one that the facade offers as a plugin.
    pub fn is_plugin(self) -> bool {
        matches!(self, Self::Chain | Self::Scheme)
    }
}

/// When a dependency is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// In the crate itself.
    Normal,
    /// In its build script.
    Build,
    /// In its tests, benches and examples.
    Dev,
}

/// One line of a manifest's dependencies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The package's own name, whatever it is renamed to.
    pub name: String,
    /// When it is used.
    pub kind: Kind,
    /// Whether a feature switches it on.
    pub optional: bool,
    /// Whether a version is asked for, beside or without a path.
    pub versioned: bool,
}

/// One member of the workspace.
#[derive(Debug, Clone)]
pub struct Crate {
    /// The package's name.
    pub name: String,
    /// Its folder, from the root of the tree.
    pub folder: String,
    /// Its manifest, as written.
    pub manifest: String,
    /// What it depends on, in every kind.
    pub dependencies: Vec<Dependency>,
    /// Its features and what each switches on.
    pub features: BTreeMap<String, Vec<String>>,
}

impl Crate {
    /// Where the crate belongs.
    pub fn room(&self) -> Room {
        Room::of(&self.folder)
    }

    /// The manifest's path, from the root of the tree.
    pub fn manifest_path(&self) -> String {
        format!("{}/Cargo.toml", self.folder)
    }

    /// The name by which Rust code knows the crate.
    pub fn ident(&self) -> String {
        self.name.replace('-', "_")
    }

    /// The first line of the manifest that starts with `key`, counted from 1, or 0.
    pub fn line_of(&self, key: &str) -> usize {
        let names = |line: &str| {
            line.trim_start().strip_prefix(key).is_some_and(|rest| rest.starts_with(['.', ' ', '=', ']']))
        };
        self.manifest.lines().position(names).map_or(0, |at| at + 1)
    }
}

/// Reads what `cargo metadata --no-deps` says of each package, together with its manifest's text.
pub fn read(metadata: &Value, mut manifest: impl FnMut(&str) -> String) -> Vec<Crate> {
    let root = text(&metadata["workspace_root"]);
    let mut crates: Vec<_> = list(&metadata["packages"])
        .iter()
        .map(|package| {
            let path = text(&package["manifest_path"]);
            let folder = path.strip_suffix("/Cargo.toml").unwrap_or(path);
            let folder = folder.strip_prefix(root).unwrap_or(folder).trim_start_matches('/');
            Crate {
                name: text(&package["name"]).to_owned(),
                folder: folder.to_owned(),
                manifest: manifest(folder),
                dependencies: list(&package["dependencies"]).iter().map(dependency).collect(),
                features: features(&package["features"]),
            }
        })
        .collect();
    crates.sort_by(|a, b| a.folder.cmp(&b.folder));
    crates
}

fn dependency(value: &Value) -> Dependency {
    Dependency {
        name: text(&value["name"]).to_owned(),
        kind: match value["kind"].as_str() {
            Some("dev") => Kind::Dev,
            Some("build") => Kind::Build,
            _ => Kind::Normal,
        },
        optional: value["optional"].as_bool().unwrap_or(false),
        versioned: value["req"] != "*",
    }
}

fn features(value: &Value) -> BTreeMap<String, Vec<String>> {
    let Some(features) = value.as_object() else { return BTreeMap::new() };
    let on = |value: &Value| list(value).iter().map(|one| text(one).to_owned()).collect();
    features.iter().map(|(name, value)| (name.clone(), on(value))).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
