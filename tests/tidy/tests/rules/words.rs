//! The banned words, on made-up files.

use crate::made_up::member;
use tollway_tidy::source::Source;
use tollway_tidy::tree::File;
use tollway_tidy::words::{check, everywhere, fences, plugins};

/// The rules broken by `text` at `path`, as line and rule.
fn broken(path: &str, text: &str) -> Vec<(usize, String)> {
    let rule = |what: &str| what.rsplit('`').nth(1).unwrap_or(what).to_owned();
    check(&Source::read(path, text)).iter().map(|found| (found.line, rule(&found.what))).collect()
}

fn one(path: &str, text: &str, rule: &str) {
    assert_eq!(broken(path, text), [(1, rule.to_owned())], "{path}: {text}");
}

fn none(path: &str, text: &str) {
    assert_eq!(broken(path, text), [], "{path}: {text}");
}

const CORE: &str = "router/core/src/a.rs";

#[test]
fn time_dice_and_the_outside_are_handed_in() {
    for home in [CORE, "router/route/src/pay/mod.rs"] {
        one(home, "let t = SystemTime::now();", "clock");
        one(home, "let t = std::time::Instant::now();", "clock");
        one(home, "let d: u8 = rand::random();", "dice");
        one(home, "use std::time::{Duration, SystemTime};", "clock");
        one(home, "let t = now.duration_since(UNIX_EPOCH);", "clock");
        one(home, "std::thread::yield_now();", "runtime");
        one(home, "futures::executor::block_on(f)", "runtime");
        one(home, "tokio::spawn(f);", "runtime");
        one(home, "let f = std::fs::read(p);", "runtime");
    }
    none("router/http/src/a.rs", "let t = Instant::now(); tokio::spawn(f);");
    none(CORE, "// tokio::spawn is not for us\nlet a = \"tokio::\";");
    none(CORE, "#[cfg(test)]\nmod tests {\n    fn a() { SystemTime::now(); }\n}");
    none(CORE, "operand::x();");
}

#[test]
fn no_chain_is_known_by_name() {
    one(CORE, "if namespace == \"eip155\" {}", "chain");
    one("router/http/src/a.rs", "let a = \"solana:abc\";", "chain");
    none("chains/evm/src/a.rs", "let a = \"eip155\";");
    none(CORE, "/// such as `eip155:1`\nlet a = \"invalid_exact_solana_payload\";");
}

#[test]
fn money_is_no_float() {
    for home in [
        "router/core/src/money/usd.rs",
        "router/core/src/effort.rs",
        "router/core/src/network.rs",
        "router/route/src/rank.rs",
        "router/ledger/src/budgets.rs",
        "chains/evm/src/fees/mod.rs",
        "chains/never-seen/src/fees.rs",
        "schemes/never-seen/src/effort.rs",
        "chains/evm/src/oracle/chainlink.rs",
        "router/http/src/server/price.rs",
        "router/core/src/ledger/mod.rs",
    ] {
        one(home, "let a: f64 = b;", "float");
        one(home, "let a = b as f32;", "float");
        one(home, "let a = b * 1.5;", "float");
        one(home, "let a = 1e9;", "float");
        one(home, "f(1_000.0, 2)", "float");
    }
    for code in ["a.0.1", "for i in 0..10 {}", "[1..2, 0x1e9, 3]", "v2.0", "let e1 = 2_u64;", "1.max(2)"] {
        none("router/route/src/rank.rs", code);
    }
    none("router/core/src/wire/reason.rs", "fn visit(n: f64) {}");
    none("router/route/src/rank.rs", "fn visit_f64() {} // no f64 here");
}

#[test]
fn libraries_do_not_panic() {
    for home in [CORE, "router/src/lib.rs", "schemes/never-seen/src/lib.rs", "chains/devnet/src/a.rs"] {
        one(home, "a.unwrap();", "unwrap");
        one(home, "a.expect(\"set\");", "expect");
        one(home, "panic!(\"no\");", "panic");
        one(home, "_ => unreachable!(),", "panic");
    }
    none(CORE, "a.unwrap_or(1).unwrap_or_default();");
    none(CORE, "//! let a = b.unwrap();");
    none(CORE, "#[cfg(test)]\nfn a() { b.unwrap() }");
    for home in [
        "router/testkit/src/lib.rs",
        "examples/pay/src/main.rs",
        "tests/e2e/src/lib.rs",
        "router/http/tests/a.rs",
    ] {
        none(home, "a.unwrap(); panic!();");
    }
}

#[test]
fn libraries_do_not_print() {
    for home in [CORE, "router/http/src/a.rs", "schemes/never-seen/src/lib.rs", "chains/devnet/src/a.rs"] {
        one(home, "println!(\"{a}\");", "print");
        one(home, "eprint!(\"{a}\");", "print");
    }
    none(CORE, "//! println!(\"{a}\");");
    none(CORE, "let a = \"println!()\"; writeln!(f, \"a\")");
    for home in
        ["router/cli/src/out.rs", "router/http/src/bin/a.rs", "examples/pay.rs", "router/http/tests/a.rs"]
    {
        none(home, "println!(\"{a}\");");
    }
}

#[test]
fn functions_stay_short() {
    let long = |lines: usize| format!("fn a() {{\n{}}}", "    b();\n".repeat(lines - 2));
    let found = |path: &str, text: &str| check(&Source::read(path, text));
    assert_eq!(found(CORE, &long(70)), []);
    let told = found(CORE, &long(71));
    assert_eq!((told.len(), told[0].line), (1, 1), "{told:?}");
    assert_eq!(found("tests/e2e/src/a.rs", &long(200)), []);
    assert_eq!(found(CORE, &format!("#[cfg(test)]\nmod tests {{\n{}\n}}", long(200))), []);
    assert_eq!(found(CORE, &format!("trait A {{\n    fn a();\n    fn b(&self);\n}}\n{}", long(70))), []);
    let allowed = format!("// tidy: allow long function, because it is one table\n{}", long(71));
    assert_eq!(found(CORE, &allowed), []);
}

#[test]
fn leftovers_are_caught_in_tests_too() {
    for home in [CORE, "router/http/tests/a.rs"] {
        one(home, "todo!();", "leftover");
        one(home, "unimplemented!();", "leftover");
        one(home, "dbg!(a);", "leftover");
        one(home, "#[ignore = \"slow\"]", "ignored test");
        one(home, "/// # todo!()", "leftover in a comment");
    }
    none(CORE, "let a = \"todo!()\";");
}

#[test]
fn an_allowance_needs_a_reason_and_a_use() {
    none(CORE, "a.unwrap(); // tidy: allow unwrap, because it was just set");
    none(CORE, "// tidy: allow expect, because the table is whole\nlet a = b\n    .expect(\"whole\");");
    assert_eq!(broken(CORE, "a.unwrap(); // tidy: allow unwrap"), [(1, "unwrap".to_owned())]);
    // Another rule's name, and a statement further down, are not covered.
    let two = [(1, "unwrap".to_owned()), (1, "expect".to_owned())];
    assert_eq!(broken(CORE, "a.unwrap(); // tidy: allow expect, because it was just set"), two);
    let far = "// tidy: allow unwrap, because it was just set\na();\nb.unwrap();";
    assert_eq!(broken(CORE, far), [(3, "unwrap".to_owned()), (1, "unwrap".to_owned())]);
}

#[test]
fn core_route_and_http_name_no_plugin() {
    let crates =
        [member("schemes/exact-moon"), member("chains/moon"), member("chains/devnet"), member("router/core")];
    let named = |path: &str, text: &str| plugins(&Source::read(path, text), &crates).len();
    for home in ["router/core/src/a.rs", "router/route/src/a.rs", "router/http/src/a.rs"] {
        assert_eq!(named(home, "use schemes_exact_moon::ENTRY;"), 1);
        assert_eq!(named(home, "use chains_moon as _;"), 1);
        assert_eq!(named(home, "use router_core::Amount;"), 0);
    }
    assert_eq!(named("router/src/lib.rs", "use schemes_exact_moon as _;"), 0);
}

fn file(path: &str, text: &str) -> File {
    File { path: path.to_owned(), text: text.to_owned() }
}

#[test]
fn examples_compile() {
    for fence in ["/// ```ignore", "//! ```rust,ignore", " * ```ignore"] {
        assert_eq!(fences(&file(CORE, fence)).len(), 1, "{fence}");
    }
    assert_eq!(fences(&file("README.md", "```rust, ignore")).len(), 1);
    for fence in ["/// ```", "/// ```no_run", "/// ```text", "/// ```compile_fail", "/// ignore"] {
        assert_eq!(fences(&file(CORE, fence)), [], "{fence}");
    }
}

#[test]
fn machines_and_registries_stay_unnamed() {
    let caught = |path: &str, text: &str| everywhere(&file(path, text)).len();
    for home in ["work", "root", "home"] {
        assert_eq!(caught("README.md", &format!("see /{home}/thing")), 1);
        assert_eq!(caught("a.rs", &format!("open(\"/{home}/thing\")")), 1);
        assert_eq!(caught("README.md", &format!("https://host/{home}/thing ${{HOME}}/{home}/x")), 0);
    }
    for host in [["registry.npm", "js.org"], ["files.python", "hosted.org"], ["static.cra", "tes.io"]] {
        assert_eq!(caught("notes.txt", &format!("https://{}/x", host.concat())), 1);
    }
    assert_eq!(caught("package-lock.json", "      \"resolved\": \"https://mirror.example/a.tgz\","), 1);
    assert_eq!(caught("package.json", "      \"resolved\": \"https://mirror.example/a.tgz\","), 0);
    assert_eq!(caught("Cargo.lock", "source = \"registry+https://github.com/rust-lang/crates.io-index\""), 0);
    for mark in [["FIX", "ME"], ["TO", "DO"], ["X", "XX"], ["HA", "CK"]] {
        assert_eq!(caught("a.sh", &format!("# {}: later", mark.concat())), 1);
        assert_eq!(caught("a.rs", &format!("// {}(me)", mark.concat())), 1);
        assert_eq!(caught("a.lock", &format!("sha512-{}abc", mark.concat())), 0, "a part of a word");
    }
}
