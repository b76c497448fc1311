//! No node outlives its devnet, and a machine without tools is told what it lacks.
//!
//! Some of this needs a process of its own: the test binary starts itself again with a part to play.
#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tollway_devnet::{ChainSpec, Devnet};

fn runs(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    !status.is_empty() && !status.contains("State:\tZ")
}

fn pids(devnet: &Devnet) -> Vec<u32> {
    let solana = devnet.solana().map(|chain| chain.node_pid());
    devnet.chains().iter().map(|chain| chain.node_pid()).chain(solana).collect()
}

async fn start() -> (Devnet, Vec<u32>) {
    let devnet =
        Devnet::builder().chains([ChainSpec::BASE, ChainSpec::ETHEREUM]).solana().start().await.unwrap();
    let pids = pids(&devnet);
    assert_eq!(pids.len(), 3);
    assert!(pids.iter().all(|pid| *pid > 1 && runs(*pid)), "{pids:?}");
    (devnet, pids)
}

#[tokio::test]
async fn nothing_is_left_after_a_drop_a_stop_or_a_panic() {
    let (devnet, pids) = start().await;
    drop(devnet);
    assert!(!pids.into_iter().any(runs), "after a drop");

    let (devnet, pids) = start().await;
    devnet.stop().await;
    assert!(!pids.into_iter().any(runs), "after a stop");

    let (devnet, pids) = start().await;
    let panicked = tokio::spawn(async move {
        let _kept = devnet;
        panic!("on purpose");
    });
    assert!(panicked.await.is_err());
    assert!(!pids.into_iter().any(runs), "after a panic");
}

/// Starts this test binary again, in the part `name`.
fn play(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--ignored", "--nocapture"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The node ids that a child prints.
fn heard(child: &mut Child) -> Vec<u32> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let line = lines.into_iter().find_map(|line| Some(line.split_once("pids ")?.1.to_owned())).unwrap();
    line.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

#[test]
// tidy: allow ignored test, because another test runs this one in a process of its own
#[ignore = "a part that another test plays in a process of its own"]
fn part_run_until_killed() {
    let devnet =
        Devnet::builder().chains([ChainSpec::BASE, ChainSpec::OP]).solana().start_blocking().unwrap();
    let pids: Vec<String> = pids(&devnet).iter().map(u32::to_string).collect();
    println!("\npids {}", pids.join(" "));
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn nothing_is_left_after_the_process_is_killed() {
    for signal in ["-KILL", "-INT", "-TERM"] {
        let mut child = play("part_run_until_killed").spawn().unwrap();
        let nodes = heard(&mut child);
        assert!(nodes.len() == 3 && nodes.iter().all(|pid| runs(*pid)), "{nodes:?}");
        Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        child.wait().unwrap();
        let limit = Instant::now() + Duration::from_secs(3);
        while nodes.iter().any(|pid| runs(*pid)) {
            assert!(Instant::now() < limit, "a node outlived {signal}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

#[test]
// tidy: allow ignored test, because another test runs this one in a process of its own
#[ignore = "a part that another test plays in a process of its own"]
fn part_start_without_tools() {
    let refused = Devnet::builder().on_progress(|_| {}).start_blocking().unwrap_err();
    println!("\nrefused: {refused}");
}

#[test]
fn a_machine_without_npm_is_told_what_to_install() {
    let empty = tempfile::tempdir().unwrap();
    let mut part = play("part_start_without_tools");
    part.env("PATH", empty.path()).env("TOLLWAY_CACHE", empty.path()).env_remove("TOLLWAY_ANVIL");
    let said = String::from_utf8_lossy(&part.output().unwrap().stdout).into_owned();
    assert!(said.contains("refused: `npm` was not found on PATH"), "{said}");
    assert!(said.contains("install Node.js"), "{said}");
}
