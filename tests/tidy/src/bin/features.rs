//! Prints the arguments of every feature check, one `cargo check` a line.

use tollway_tidy::{features, tree::Tree};

fn main() -> Result<(), String> {
    for check in features::checks(&Tree::here()?.crates) {
        println!("{check}");
    }
    Ok(())
}
