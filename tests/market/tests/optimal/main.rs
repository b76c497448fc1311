//! Is routing optimal, to the last digit?
//!
//! ```text
//! cargo test -p tollway-market-tests --test optimal -- --nocapture
//! ```
//!
//! 1,000 random 402s go through the real router: real networks whose nodes are scripted, the real scheme, a ledger, a
//! clock that stands still. The same 402s, with the raw answers of the same nodes, go through `reference/route.py`, a
//! second program written from `reference/SPEC.md`. Every order, every part of every cost and every reason must agree.
//!
//! `MARKET_KEEP=cases.json` keeps the cases and both programs' answers, for whoever looks into a difference.

mod case;
mod dice;
mod drive;
mod entries;
mod make;
mod market;
mod node;
mod seen;

use serde_json::{Value, json};
use std::path::Path;
use std::process::{Child, Command};
use tollway::evm::LocalKey;

const CASES: u64 = 1_000;
/// Processes that the second program runs in.
const BESIDE: usize = 2;

/// The second program in this crate.
fn reference(file: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("reference").join(file)
}

fn payer(key: &LocalKey) -> String {
    format!("{:#x}", key.address())
}

/// Starts the second program on every `BESIDE`th case.
fn second(part: usize, cases: &[Value], files: &Path) -> Child {
    let (asked, answered) =
        (files.join(format!("cases{part}.json")), files.join(format!("answers{part}.json")));
    let own: Vec<&Value> = cases.iter().skip(part).step_by(BESIDE).collect();
    let text = json!({"facts": make::facts(), "cases": own}).to_string();
    std::fs::write(&asked, text).unwrap();
    Command::new("python3")
        .arg(reference("route.py"))
        .arg(asked)
        .arg(answered)
        .spawn()
        .expect("python3 is needed")
}

/// An explanation without its words for people, which only one program has.
fn plain(mut explanation: Value) -> Value {
    for row in explanation["rejected"].as_array_mut().unwrap() {
        drop(row.as_object_mut().unwrap().remove("reason"));
    }
    explanation
}

#[tokio::test(start_paused = true)]
async fn a_second_program_says_the_same() {
    let payer = payer(&drive::key());
    let cases: Vec<case::Case> = (0..CASES).map(|id| make::case(id, &payer)).collect();
    let raw: Vec<Value> = cases.iter().map(|case| serde_json::to_value(case).unwrap()).collect();
    let files = tempfile::tempdir().unwrap();
    let running: Vec<Child> = (0..BESIDE).map(|part| second(part, &raw, files.path())).collect();
    let mut ours = Vec::with_capacity(cases.len());
    for case in &cases {
        ours.push(plain(drive::answer(case).await));
    }
    let mut theirs = vec![Value::Null; cases.len()];
    for (part, mut program) in running.into_iter().enumerate() {
        assert!(program.wait().unwrap().success(), "route.py failed");
        let text = std::fs::read_to_string(files.path().join(format!("answers{part}.json"))).unwrap();
        let answers: Vec<Value> = serde_json::from_str(&text).unwrap();
        for (n, answer) in answers.into_iter().enumerate() {
            theirs[part + n * BESIDE] = answer;
        }
    }
    let mut seen = seen::Seen::default();
    let mut differ = Vec::new();
    for ((case, ours), theirs) in cases.iter().zip(&ours).zip(&theirs) {
        seen.take(case, ours);
        if ours != theirs {
            differ.push((case.id, seen::difference(ours, theirs)));
        }
    }
    println!("\n{seen}");
    for (id, what) in differ.iter().take(20) {
        println!("case {id}: {what}");
    }
    if let Some(to) = std::env::var_os("MARKET_KEEP") {
        let all = json!({"facts": make::facts(), "cases": raw, "ours": ours, "theirs": theirs});
        std::fs::write(to, all.to_string()).unwrap();
    }
    assert!(differ.is_empty(), "{} of {CASES} cases differ", differ.len());
    seen.enough();
}

/// Settlements look alike, so the 402s do not reach the corners of the compressor that the OP stack measures with.
#[test]
fn the_second_program_measures_as_the_op_stack_does() {
    let mut dice = dice::Dice::new(7);
    let mut texts = vec![Vec::new(), vec![0; 13], vec![7; 20_000]];
    for _ in 0..2_000 {
        let (length, letters) = (dice.between(0, 700), dice.between(1, 40));
        let mut text: Vec<u8> = (0..length).map(|_| u8::try_from(dice.next() % letters).unwrap()).collect();
        let again = dice.index(text.len().max(1));
        text.extend_from_within(again..);
        texts.push(text);
    }
    let files = tempfile::tempdir().unwrap();
    let asked = files.path().join("texts");
    let lines: Vec<String> = texts.iter().map(alloy::hex::encode).collect();
    std::fs::write(&asked, lines.join("\n") + "\n").unwrap();
    let said = Command::new("python3")
        .arg(reference("fastlz.py"))
        .stdin(std::fs::File::open(asked).unwrap())
        .output()
        .expect("python3 is needed");
    let said: Vec<u32> =
        String::from_utf8(said.stdout).unwrap().lines().map(|n| n.parse().unwrap()).collect();
    let right: Vec<u32> = texts.iter().map(|text| op_alloy_flz::flz_compress_len(text)).collect();
    assert_eq!(said, right);
}
