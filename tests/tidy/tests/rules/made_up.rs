//! Made-up crates to try the rules on.

use std::collections::BTreeMap;

use tollway_tidy::crates::{Crate, Dependency, Kind};

/// A crate in `folder`, named after it, that depends on nothing.
pub(crate) fn member(folder: &str) -> Crate {
    Crate {
        name: name(folder),
        folder: folder.to_owned(),
        manifest: String::new(),
        dependencies: Vec::new(),
        features: BTreeMap::new(),
    }
}

/// The name of the made-up crate in `folder`.
pub(crate) fn name(folder: &str) -> String {
    folder.replace('/', "-")
}

/// A dependency on the crate in `folder`, by path and version.
pub(crate) fn on(folder: &str, kind: Kind) -> Dependency {
    Dependency { name: name(folder), kind, optional: false, versioned: true }
}
