//! The chapter on dangers names tests that are there.

use std::path::Path;

/// What stands between backticks in the last cell of a row, in pairs: a file, and a function in it.
fn shown(row: &str) -> Vec<(&str, &str)> {
    let cell = row.trim_end_matches('|').rsplit('|').next().unwrap_or_default();
    let words: Vec<_> = cell.split('`').skip(1).step_by(2).collect();
    words.chunks(2).map(|pair| (pair[0], pair.get(1).copied().unwrap_or(""))).collect()
}

#[test]
fn every_danger_has_a_test_that_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let chapter = std::fs::read_to_string(root.join("router/src/book/dangers.rs")).unwrap();
    let rows: Vec<_> = chapter
        .lines()
        .filter_map(|line| line.strip_prefix("//! | "))
        .filter(|row| !row.starts_with("danger |"))
        .collect();
    assert!(rows.len() > 20, "the table was not found: {} rows", rows.len());
    let mut wrong = Vec::new();
    for row in rows {
        let named = shown(row);
        if named.is_empty() {
            wrong.push(format!("no test: {row}"));
        }
        for (file, function) in named {
            let text = std::fs::read_to_string(root.join(file)).unwrap_or_default();
            let there = ["(", "<"].iter().any(|end| text.contains(&format!("fn {function}{end}")));
            if function.is_empty() || !there {
                wrong.push(format!("{file} has no test {function}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
