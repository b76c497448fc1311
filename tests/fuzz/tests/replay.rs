//! Every target over its seeds and over the inputs of former findings.

use std::path::{Path, PathBuf};
use tollway_fuzz::TARGETS;

fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn every_seed_holds() {
    for (name, target) in TARGETS {
        let seeds = files(&home().join("seeds").join(name));
        assert!(seeds.len() >= 3, "{name} has {} seeds", seeds.len());
        for seed in seeds {
            println!("{}", seed.display());
            target(&std::fs::read(&seed).unwrap());
        }
    }
}

/// Whatever a prefix of a seed is, and whatever one other byte makes of it.
#[test]
fn what_is_next_to_a_seed_holds_too() {
    for (name, target) in TARGETS {
        for seed in files(&home().join("seeds").join(name)) {
            println!("{}", seed.display());
            let data = std::fs::read(&seed).unwrap();
            for at in (0..data.len()).step_by(13) {
                target(&data[..at]);
                for byte in [b'"', b'0', 0xff] {
                    let mut other = data.clone();
                    other[at] = byte;
                    target(&other);
                }
            }
        }
    }
}

/// A target without a binary would never be fuzzed, nor a folder of seeds without a target replayed.
#[test]
fn targets_binaries_and_seeds_are_the_same() {
    let names: Vec<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let stems = |folder: &str| {
        let stem = |path: PathBuf| path.file_stem().unwrap().to_string_lossy().into_owned();
        files(&home().join(folder)).into_iter().map(stem).collect::<Vec<_>>()
    };
    assert_eq!(stems("seeds"), names);
    assert_eq!(stems("engine/fuzz_targets"), names);
    let manifest = std::fs::read_to_string(home().join("engine/Cargo.toml")).unwrap();
    for name in names {
        assert!(
            manifest.contains(&format!("name = \"{name}\"\npath = \"fuzz_targets/{name}.rs\"")),
            "{name}"
        );
        let binary = std::fs::read_to_string(home().join(format!("engine/fuzz_targets/{name}.rs"))).unwrap();
        assert!(binary.contains(&format!("tollway_fuzz::{name}(data)")), "{name}");
    }
}
