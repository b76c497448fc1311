//! What `.ci/run` checks feature by feature.

use crate::crates::Crate;

/// The arguments of each `cargo check`, for every crate that has features: with none of them, then with each alone.
pub fn checks(crates: &[Crate]) -> Vec<String> {
    let of = |one: &Crate| {
        let bare = format!("--package {} --no-default-features", one.name);
        let each =
            one.features.keys().map(|feature| format!("{bare} --features {feature}")).collect::<Vec<_>>();
        std::iter::once(bare.clone()).chain(each).collect::<Vec<_>>()
    };
    crates.iter().filter(|one| !one.features.is_empty()).flat_map(of).collect()
}
