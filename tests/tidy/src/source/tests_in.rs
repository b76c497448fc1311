//! Finding what only tests compile.

use std::ops::Range;

/// The test code of one file.
#[derive(Debug, Default)]
pub(super) struct Tests {
    /// Ranges of lines, counted from 0.
    pub(super) lines: Vec<Range<usize>>,
    /// Modules in files of their own.
    pub(super) modules: Vec<String>,
}

const MARKS: [&str; 3] = ["#[cfg(test)]", "#[cfg(all(test,", "#[test]"];

/// Finds the items under a test attribute, in a file whose comments and strings are blank.
pub(super) fn find(code: &str) -> Tests {
    let mut tests = Tests::default();
    if code.contains("#![cfg(test)]") {
        tests.lines.push(0..code.lines().count());
    }
    for mark in MARKS {
        for (from, _) in code.match_indices(mark) {
            let length = item(&code[from..]);
            let found = &code[from..from + length];
            let first = code[..from].matches('\n').count();
            tests.lines.push(first..first + found.matches('\n').count() + 1);
            tests.modules.extend(outside(found));
        }
    }
    tests
}

/// How far an item reaches from its first attribute: to its `;` or the end of its block.
fn item(code: &str) -> usize {
    let (mut round, mut curly) = (0_usize, 0_usize);
    for (at, c) in code.char_indices() {
        match c {
            '(' | '[' => round += 1,
            ')' | ']' => round = round.saturating_sub(1),
            '{' => curly += 1,
            '}' => curly = curly.saturating_sub(1),
            _ => {}
        }
        if round == 0 && curly == 0 && matches!(c, ';' | '}') {
            return at + 1;
        }
    }
    code.len()
}

/// The name in `mod name;`.
fn outside(item: &str) -> Option<String> {
    let mut words = item.strip_suffix(';')?.rsplit(char::is_whitespace);
    let name = words.next()?;
    (words.next() == Some("mod")).then(|| name.to_owned())
}
