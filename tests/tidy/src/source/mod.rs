//! A Rust file as the rules see it: code, strings and comments apart, test code marked, allowances read.

mod mask;
mod tests_in;

use mask::mask;

/// One line, in three copies of the same width.
#[derive(Debug, Clone)]
pub struct Line {
    /// Code and strings, without comments.
    pub text: String,
    /// Code alone.
    pub code: String,
    /// Comments alone, with their slashes.
    pub comment: String,
    /// Whether only tests compile it.
    pub test: bool,
}

/// Leave to break a rule once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance {
    /// The rule's name.
    pub rule: String,
    /// Whether a reason is given.
    pub reasoned: bool,
    /// The line it stands on, counted from 1.
    pub line: usize,
    /// The last line it covers: its own, or where the statement below its comment ends.
    pub until: usize,
}

/// A Rust file.
#[derive(Debug, Clone)]
pub struct Source {
    /// The path, from the root of the tree.
    pub path: String,
    /// Its lines, in order.
    pub lines: Vec<Line>,
    /// What its comments allow.
    pub allowances: Vec<Allowance>,
    /// The modules in files of their own that it declares for tests alone: their paths without `.rs`.
    pub test_modules: Vec<String>,
}

impl Source {
    /// Reads one file.
    pub fn read(path: &str, source: &str) -> Self {
        let masked = mask(source);
        let tests = tests_in::find(&masked.code);
        let all = ["tests/", "benches/", "examples/"].iter().any(|home| path.starts_with(home))
            || ["/tests/", "/benches/", "/examples/"].iter().any(|home| path.contains(home));
        let parts = masked.text.lines().zip(masked.code.lines()).zip(masked.comment.lines());
        let line = |(at, ((text, code), comment)): (usize, ((&str, &str), &str))| Line {
            text: text.to_owned(),
            code: code.to_owned(),
            comment: comment.trim().to_owned(),
            test: all || tests.lines.iter().any(|range| range.contains(&at)),
        };
        let lines: Vec<_> = parts.enumerate().map(line).collect();
        let home = module_home(path);
        let test_modules = tests.modules.iter().map(|name| format!("{home}/{name}")).collect();
        Self { path: path.to_owned(), allowances: allowances(&lines), lines, test_modules }
    }
}

/// The folder in which the modules of a file live.
fn module_home(path: &str) -> &str {
    let stem = path.strip_suffix(".rs").unwrap_or(path);
    ["/mod", "/lib", "/main"].iter().find_map(|root| stem.strip_suffix(root)).unwrap_or(stem)
}

fn allowances(lines: &[Line]) -> Vec<Allowance> {
    let read = |(at, line): (usize, &Line)| {
        let said = line.comment.strip_prefix("//")?.trim_start().strip_prefix("tidy: allow ")?;
        let (rule, reason) = said.split_once(',').unwrap_or((said, ""));
        let reason = reason.trim().strip_prefix("because ").unwrap_or_default();
        let until = if line.code.trim().is_empty() { statement_end(lines, at) } else { at };
        Some(Allowance {
            rule: rule.trim().to_owned(),
            reasoned: reason.trim().len() > 3,
            line: at + 1,
            until: until + 1,
        })
    };
    lines.iter().enumerate().filter_map(read).collect()
}

/// Where the statement below a comment ends: a statement opens no block that the comment speaks for.
fn statement_end(lines: &[Line], comment: usize) -> usize {
    let ends = |line: &Line| line.code.trim_end().ends_with([';', '{', '}', ',']);
    let below = lines.iter().skip(comment).position(ends);
    below.map_or(lines.len().saturating_sub(1), |steps| comment + steps)
}

/// The byte offsets at which `word` stands in `line`, not as a part of a longer word.
pub fn occurrences<'a>(line: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let joins =
        |a: Option<char>, b: Option<char>| a.is_some_and(mask::is_word) && b.is_some_and(mask::is_word);
    line.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        let (before, after) = (&line[..at], &line[at + word.len()..]);
        !joins(before.chars().next_back(), word.chars().next())
            && !joins(word.chars().next_back(), after.chars().next())
    })
}
