//! What may not be written, and where.

use crate::Finding;
use crate::crates::{Crate, Room};
use crate::source::{Allowance, Line, Source, occurrences};
use crate::tree::File;

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

const RULES: [Rule; 11] = [
    Rule {
        name: "clock",
        words: &["SystemTime::now", "Instant::now"],
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

/// Where money is counted.
fn money(path: &str) -> bool {
    let whole = [
        "router/core/src/money",
        "router/core/src/effort",
        "router/core/src/network",
        "router/core/src/seal",
    ];
    let rooms = ["router/route/src/", "router/ledger/src/", "schemes/"];
    let chain = || ["/src/fees", "/src/gas"].iter().any(|room| path.contains(room));
    whole.iter().chain(&rooms).any(|room| path.starts_with(room)) || path.starts_with("chains/") && chain()
}

/// Where bad input must get a typed error.
fn library(path: &str) -> bool {
    path.split_once("/src/").is_some_and(|(home, _)| Room::of(home).is_library())
}

/// Every forbidden word in one Rust file, together with allowances that lack a reason or a use.
pub fn check(source: &Source) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut used = vec![false; source.allowances.len()];
    for rule in RULES.iter().filter(|rule| (rule.applies)(&source.path)) {
        for (number, line) in numbered(source).filter(|(_, line)| rule.tests || !line.test) {
            let Some(word) =
                rule.words.iter().find(|word| occurrences((rule.copy)(line), word).next().is_some())
            else {
                continue;
            };
            let covers =
                |allow: &Allowance| allow.rule == rule.name && (allow.line..=allow.until).contains(&number);
            if let Some(at) = source.allowances.iter().position(covers) {
                used[at] = true;
            } else {
                let what = format!("`{word}` breaks the rule on `{}`", rule.name);
                found.push(Finding::at(&source.path, number, what, rule.right));
            }
        }
    }
    for (allow, used) in source.allowances.iter().zip(used) {
        if !used {
            let what = format!("nothing here needs the allowance for `{}`", allow.rule);
            found.push(Finding::at(
                &source.path,
                allow.line,
                what,
                "take it out, or spell the rule's name right",
            ));
        } else if !allow.reasoned {
            let what = format!("`{}` is allowed without a reason", allow.rule);
            let right = format!("say why: `// tidy: allow {}, because …`", allow.rule);
            found.push(Finding::at(&source.path, allow.line, what, right));
        }
    }
    found
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
    (&[concat!("FIX", "ME")], "fix it, or open an issue and take it out"),
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

/// Whether `word` stands in `line` with nothing before it that would make it the middle of a URL or a longer path.
fn begins_with(line: &str, word: &str) -> bool {
    let continues = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '}' | ')');
    let path = word.starts_with('/');
    line.match_indices(word).any(|(at, _)| !path || !line[..at].ends_with(continues))
}

fn numbered(source: &Source) -> impl Iterator<Item = (usize, &Line)> {
    source.lines.iter().enumerate().map(|(at, line)| (at + 1, line))
}
