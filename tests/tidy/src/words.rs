//! What may not be written, and where.

use crate::allow::{self, Breach};
use crate::crates::{Crate, Room};
use crate::source::{Line, Source, occurrences};
use crate::tree::File;
use crate::{Finding, secrets, sizes};

/// Words that have no place in some part of the tree.
struct Rule {
    /// The name by which a comment may allow a breach.
    name: &'static str,
    words: &'static [&'static str],
    applies: fn(&str) -> bool,
    /// The copy of the line that is searched.
    copy: fn(&Line) -> &str,
    /// Whether test code is held to it too.
    tests: bool,
    right: &'static str,
}

const RULES: [Rule; 12] = [
    Rule {
        name: "clock",
        words: &["SystemTime", "Instant", "UNIX_EPOCH"],
        applies: pure,
        copy: |line| &line.code,
        tests: false,
        right: "time is handed in: ask the `Clock`",
    },
    Rule {
        name: "dice",
        words: &["rand::", "getrandom", "thread_rng"],
        applies: pure,
        copy: |line| &line.code,
        tests: false,
        right: "randomness is handed in: ask the `Dice`",
    },
    Rule {
        name: "runtime",
        words: &[
            "tokio::",
            "async_std::",
            "smol::",
            "futures::executor",
            "block_on",
            "std::thread",
            "thread::spawn",
            "std::fs",
            "std::net",
            "std::env",
            "std::process",
        ],
        applies: pure,
        copy: |line| &line.code,
        tests: false,
        right: "core and route assume no runtime, no threads and no operating system; what needs one is handed in",
    },
    Rule {
        name: "chain",
        words: &["eip155", "solana"],
        applies: |path| pure(path) || path.starts_with("router/http/src/"),
        copy: |line| &line.text,
        tests: false,
        right: "core, route and http know no chain by name; a `Family` or a plugin knows it",
    },
    Rule {
        name: "float",
        words: &["f32", "f64"],
        applies: money,
        copy: |line| &line.code,
        tests: false,
        right: "money is checked integer arithmetic",
    },
    Rule {
        name: "unwrap",
        words: &[".unwrap()"],
        applies: library,
        copy: |line| &line.code,
        tests: false,
        right: "return a typed error, or give the reason beside it: `// tidy: allow unwrap, because …`",
    },
    Rule {
        name: "expect",
        words: &[".expect("],
        applies: library,
        copy: |line| &line.code,
        tests: false,
        right: "return a typed error, or give the reason beside it: `// tidy: allow expect, because …`",
    },
    Rule {
        name: "panic",
        words: &["panic!(", "unreachable!("],
        applies: library,
        copy: |line| &line.code,
        tests: false,
        right: "return a typed error, or give the reason beside it: `// tidy: allow panic, because …`",
    },
    Rule {
        name: "print",
        words: &["println!(", "eprintln!(", "print!(", "eprint!("],
        applies: quiet,
        copy: |line| &line.code,
        tests: false,
        right: "a library is silent: return it, or trace it",
    },
    Rule {
        name: "leftover",
        words: &["todo!(", "unimplemented!(", "dbg!("],
        applies: |_| true,
        copy: |line| &line.code,
        tests: true,
        right: "finish it or take it out",
    },
    Rule {
        name: "leftover in a comment",
        words: &["todo!(", "unimplemented!(", "dbg!("],
        applies: |_| true,
        copy: |line| &line.comment,
        tests: true,
        right: "an example shows the finished thing; a value that does not matter can be a parameter",
    },
    Rule {
        name: "ignored test",
        words: &["#[ignore"],
        applies: |_| true,
        copy: |line| &line.code,
        tests: true,
        right: "a test runs or does not exist; one that needs something absent asks for it and says what is missing",
    },
];

/// Where time, randomness and the outside world are handed in.
fn pure(path: &str) -> bool {
    path.starts_with("router/core/src/") || path.starts_with("router/route/src/")
}

/// Where money may be counted: in every library but the wire, which reads other people's JSON, and the tools.
fn money(path: &str) -> bool {
    let none = ["router/core/src/wire/", "router/cli/", "chains/devnet/"];
    library(path) && !none.iter().any(|room| path.starts_with(room))
}

/// What nobody watches: its words would end up in somebody else's output.
fn quiet(path: &str) -> bool {
    library(path) && !path.starts_with("router/cli/") && !path.contains("/src/bin/")
}

/// Where bad input must get a typed error.
fn library(path: &str) -> bool {
    path.split_once("/src/").is_some_and(|(home, _)| Room::of(home).is_library())
}

/// Every breach in one Rust file that its comments do not allow: forbidden words, types that would show a secret,
/// functions that are too long; together with allowances that lack a reason or a use.
pub fn check(source: &Source) -> Vec<Finding> {
    let mut breaches: Vec<_> = RULES.iter().flat_map(|rule| spoken(rule, source)).collect();
    if library(&source.path) {
        breaches.extend(secrets::find(source));
        breaches.extend(sizes::functions(source));
    }
    allow::judge(source, breaches)
}

/// Where a rule's words stand.
fn spoken(rule: &'static Rule, source: &Source) -> Vec<Breach> {
    if !(rule.applies)(&source.path) {
        return Vec::new();
    }
    let said = |(number, line): (usize, &Line)| {
        let text = (rule.copy)(line);
        let word = rule.words.iter().find(|word| occurrences(text, word).next().is_some()).copied();
        let word = word.or_else(|| (rule.name == "float" && has_fraction(text)).then_some("a fraction"))?;
        let what = format!("`{word}` breaks the rule on `{}`", rule.name);
        Some(Breach { rule: rule.name, line: number, what, right: rule.right })
    };
    numbered(source).filter(|(_, line)| rule.tests || !line.test).filter_map(said).collect()
}

/// True for a number like `1.5` or `1e9`, which is a float though nobody says so. `x.0.1` is not one, nor is `0x1e9`.
fn has_fraction(code: &str) -> bool {
    let bytes = code.as_bytes();
    let starts = |at: usize| {
        let before = at.checked_sub(1).and_then(|at| bytes.get(at));
        bytes[at].is_ascii_digit()
            && !before.is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.'))
    };
    (0..bytes.len()).filter(|at| starts(*at)).any(|at| {
        let digits = |text: &[u8]| text.iter().take_while(|b| b.is_ascii_digit() || **b == b'_').count();
        let rest = &bytes[at + digits(&bytes[at..])..];
        match rest {
            [b'.', next, ..] => next.is_ascii_digit(),
            [b'e' | b'E', next, ..] => next.is_ascii_digit() || *next == b'-',
            _ => false,
        }
    })
}

/// Every plugin crate that the sources of core, route or http name.
pub fn plugins(source: &Source, crates: &[Crate]) -> Vec<Finding> {
    let home = source.path.split_once("/src/").map(|(home, _)| Room::of(home));
    if !matches!(home, Some(Room::Core | Room::Route | Room::Http)) {
        return Vec::new();
    }
    let right = "core, route and http reach schemes and chains through the registry only";
    let idents: Vec<_> = crates.iter().filter(|one| one.room().is_plugin()).map(Crate::ident).collect();
    let names = |(number, line): (usize, &Line)| {
        let ident = idents.iter().find(|ident| occurrences(&line.code, ident).next().is_some())?;
        Some(Finding::at(&source.path, number, format!("names the plugin `{ident}`"), right))
    };
    numbered(source).filter(|(_, line)| !line.test).filter_map(names).collect()
}

/// Every example that a doc comment or a Markdown file keeps from being compiled.
pub fn fences(file: &File) -> Vec<Finding> {
    if !file.path.ends_with(".rs") && !file.path.ends_with(".md") {
        return Vec::new();
    }
    let ignored = |line: &str| {
        let line = line.trim_start().trim_start_matches(['/', '!', '*']).trim_start();
        line.strip_prefix("```").is_some_and(|info| occurrences(info, "ignore").next().is_some())
    };
    let right = "an example compiles (`no_run` if it must not run), or is ```text";
    let lines = file.text.lines().enumerate().filter(|(_, line)| ignored(line));
    lines.map(|(at, _)| Finding::at(&file.path, at + 1, "an example that nothing compiles", right)).collect()
}

/// What no tracked file may hold, in any language. Spelled in halves, since this file is tracked too.
const EVERYWHERE: [(&[&str], &str); 4] = [
    (
        &[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/")],
        "name paths from the root of the tree, or ask the environment",
    ),
    (
        &[
            concat!("registry.", "npmjs.org"),
            concat!("registry.", "yarnpkg.com"),
            concat!("npm", "mirror.com"),
            concat!("py", "pi.org"),
            concat!("pythonhosted", ".org"),
            concat!("index.", "crates.io"),
            concat!("static.", "crates.io"),
            concat!("rsp", "roxy.cn"),
        ],
        "leave the choice of registry to its client's settings (for npm's lock file: `omit-lockfile-registry-resolved`)",
    ),
    (&[concat!("replace", "-with")], "leave the choice of registry to the user's own cargo settings"),
    (
        &[concat!("FIX", "ME"), concat!("TO", "DO"), concat!("X", "XX"), concat!("HA", "CK")],
        "do it, or open an issue and take it out",
    ),
];

/// Every machine path, registry host and unfinished mark in a file of any kind.
pub fn everywhere(file: &File) -> Vec<Finding> {
    let mut found = Vec::new();
    for (at, line) in file.text.lines().enumerate() {
        for (words, right) in EVERYWHERE {
            if let Some(word) = words.iter().find(|word| begins_with(line, word)) {
                found.push(Finding::at(&file.path, at + 1, format!("`{word}`"), right));
            }
        }
        if file.path.ends_with("package-lock.json") && line.trim_start().starts_with("\"resolved\": \"http") {
            found.push(Finding::at(&file.path, at + 1, "a registry's host", EVERYWHERE[1].1));
        }
    }
    found
}

/// Whether `word` stands in `line`: a mark as a word of its own, a path with nothing before it that would make it the
/// middle of a URL or a longer path, a host anywhere.
fn begins_with(line: &str, word: &str) -> bool {
    if word.bytes().all(|b| b.is_ascii_uppercase()) {
        return occurrences(line, word).next().is_some();
    }
    let continues = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '}' | ')');
    let path = word.starts_with('/');
    line.match_indices(word).any(|(at, _)| !path || !line[..at].ends_with(continues))
}

fn numbered(source: &Source) -> impl Iterator<Item = (usize, &Line)> {
    source.lines.iter().enumerate().map(|(at, line)| (at + 1, line))
}
