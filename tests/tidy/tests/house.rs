//! The house rules, on this tree as it stands.

use tollway_tidy::source::Source;
use tollway_tidy::tree::Tree;
use tollway_tidy::{Finding, arrows, manifests, outsider, sizes, verdict, words};

type Outcome = Result<(), Plain>;

/// What a rule says, shown line by line when a test fails.
struct Plain(String);

impl std::fmt::Debug for Plain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<String> for Plain {
    fn from(said: String) -> Self {
        Self(said)
    }
}

#[test]
fn dependency_arrows_point_down() -> Outcome {
    Ok(verdict(arrows::check(&Tree::here()?.crates))?)
}

#[test]
fn core_and_route_are_built_on_nothing_heavy() -> Outcome {
    let tree = Tree::here()?;
    let mut found = Vec::new();
    for one in &tree.crates {
        // Only these two are looked at, and `cargo tree` is not free.
        if ["router/core", "router/route"].contains(&one.folder.as_str()) {
            let closure = tree.closure(one)?;
            assert!(closure.len() > 3, "cargo tree said too little of {}: {closure:?}", one.name);
            found.extend(arrows::light(one, closure.iter().map(String::as_str)));
        }
    }
    Ok(verdict(found)?)
}

#[test]
fn route_http_and_core_name_no_plugin() -> Outcome {
    let tree = Tree::here()?;
    Ok(verdict(tree.sources().iter().flat_map(|source| words::plugins(source, &tree.crates)).collect())?)
}

#[test]
fn sources_keep_to_the_words_of_the_house() -> Outcome {
    Ok(verdict(Tree::here()?.sources().iter().flat_map(words::check).collect())?)
}

#[test]
fn every_example_compiles() -> Outcome {
    Ok(verdict(Tree::here()?.files.iter().flat_map(words::fences).collect())?)
}

#[test]
fn nothing_names_this_machine_or_a_registry() -> Outcome {
    Ok(verdict(Tree::here()?.files.iter().flat_map(words::everywhere).collect())?)
}

#[test]
fn files_stay_short() -> Outcome {
    Ok(verdict(sizes::check(&Tree::here()?.files, sizes::LONGER))?)
}

#[test]
fn manifests_inherit_from_the_workspace() -> Outcome {
    Ok(verdict(manifests::inheritance(&Tree::here()?.crates))?)
}

#[test]
fn the_facade_offers_every_plugin() -> Outcome {
    let tree = Tree::here()?;
    Ok(verdict(manifests::offered(&tree.crates, &tree.sources()))?)
}

#[test]
fn the_third_party_scheme_is_small_alone_and_quoted() -> Outcome {
    let files = Tree::here()?.files;
    let found = [outsider::small(&files), outsider::alone(&files), outsider::quoted(&files)];
    Ok(verdict(found.concat())?)
}

/// A rule that looks in the wrong place finds nothing and seems to hold.
#[test]
fn the_rules_look_where_the_code_is() -> Outcome {
    let tree = Tree::here()?;
    let rooms = [
        "router/core/src/money/",
        "router/core/src/effort",
        "router/core/src/network",
        "router/core/src/seal",
    ];
    let rooms = rooms.iter().chain(&["router/route/src/", "router/http/src/", "router/ledger/src/"]);
    let absent = rooms.filter(|room| !tree.files.iter().any(|file| file.path.starts_with(**room)));
    verdict(
        absent.map(|room| Finding::at(*room, 0, "is gone", "follow it in tests/tidy/src/words.rs")).collect(),
    )?;
    let plugins = tree.crates.iter().filter(|one| one.room().is_plugin()).count();
    assert!(plugins >= 2, "{plugins} plugins: chains/ and schemes/ were not found");
    Ok(())
}

/// Where strings and comments were told apart wrongly, braces no longer meet.
#[test]
fn the_sources_are_read_right() -> Outcome {
    let count = |source: &Source, brace| {
        source.lines.iter().map(|line| line.code.matches::<char>(brace).count()).sum::<usize>()
    };
    let unbalanced = |source: &&Source| {
        let pairs = [('{', '}'), ('(', ')'), ('[', ']')];
        pairs.into_iter().any(|(open, close)| count(source, open) != count(source, close))
    };
    let sources = Tree::here()?.sources();
    assert!(sources.len() > 50, "{} Rust files is too few", sources.len());
    let right = "mend tests/tidy/src/source/mask.rs (or the file, if it does not compile)";
    let found =
        sources.iter().filter(unbalanced).map(|source| Finding::at(&source.path, 0, "is misread", right));
    Ok(verdict(found.collect())?)
}

/// `TOLLWAY_BLESS=1 cargo test -p tollway-tidy` writes the README anew.
#[test]
fn the_readme_is_cut_from_the_crate_docs() -> Outcome {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let source = std::fs::read_to_string(root.join("router/src/lib.rs")).map_err(|e| e.to_string())?;
    let cut = tollway_tidy::readme::cut(&source)?;
    let readme = root.join("README.md");
    if std::env::var_os("TOLLWAY_BLESS").is_some() {
        std::fs::write(&readme, &cut).map_err(|e| e.to_string())?;
    }
    let have = std::fs::read_to_string(&readme).unwrap_or_default();
    let line = cut
        .lines()
        .zip(have.lines())
        .position(|(a, b)| a != b)
        .unwrap_or(have.lines().count().min(cut.lines().count()));
    if have != cut {
        return Err(Plain(format!(
            "README.md:{}: differs from the docs of router/src/lib.rs; TOLLWAY_BLESS=1 cargo test -p tollway-tidy writes it anew",
            line + 1
        )));
    }
    Ok(())
}
