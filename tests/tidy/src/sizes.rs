//! How long a file and a function may grow.

use crate::Finding;
use crate::allow::Breach;
use crate::secrets::block;
use crate::source::{Source, occurrences};
use crate::tree::File;

/// The most lines a source file may have.
pub const LINES_MAX: usize = 500;

/// The most lines a function of a library may have.
pub const FUNCTION_LINES_MAX: usize = 70;

/// Files that are longer, and why a split would make a reader jump.
pub const LONGER: &[(&str, &str)] = &[];

const SOURCES: [&str; 8] = [".rs", ".sol", ".ts", ".js", ".mjs", ".cjs", ".py", ".sh"];

/// Every source file that is too long and not in `longer`, and every entry of `longer` that is no longer true.
pub fn check(files: &[File], longer: &[(&str, &str)]) -> Vec<Finding> {
    let lines = |file: &File| file.text.lines().count();
    let is_source = |file: &&File| SOURCES.iter().any(|end| file.path.ends_with(end));
    let long: Vec<_> = files.iter().filter(is_source).filter(|file| lines(file) > LINES_MAX).collect();

    let right = format!(
        "at most {LINES_MAX}: split it by idea, or list it in tests/tidy/src/sizes.rs with the reason"
    );
    let listed = |path: &str| longer.iter().any(|(known, _)| *known == path);
    let unlisted = long.iter().filter(|file| !listed(&file.path));
    let too_long = unlisted.map(|file| Finding::at(&file.path, 0, format!("{} lines", lines(file)), &right));

    let stale = longer.iter().filter(|(known, _)| !long.iter().any(|file| file.path == *known));
    let right = "take it out of tests/tidy/src/sizes.rs";
    too_long
        .chain(stale.map(|(known, _)| Finding::at(*known, 0, "listed as long, and is not", right)))
        .collect()
}

/// Every function that is too long, outside of tests.
pub(crate) fn functions(source: &Source) -> Vec<Breach> {
    let code: Vec<_> =
        source.lines.iter().map(|line| if line.test { "" } else { line.code.as_str() }).collect();
    let (code, mut found) = (code.join("\n"), Vec::new());
    for at in occurrences(&code, "fn ") {
        // A function without a body, as in a trait, ends before any block opens.
        let Some(open) = code[at..].find(['{', ';']).filter(|open| code[at + open..].starts_with('{')) else {
            continue;
        };
        let end = at + open + block(&code[at + open..]);
        let lines = code[at..end].matches('\n').count() + 1;
        if lines > FUNCTION_LINES_MAX {
            let line = code[..at].matches('\n').count() + 1;
            let what = format!("a function of {lines} lines; at most {FUNCTION_LINES_MAX}");
            found.push(Breach { rule: "long function", line, what, right: "split it by idea" });
        }
    }
    found
}
