//! The five examples as real programs, against each other and real chains.

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tollway_devnet::{ChainSpec, Devnet, SolanaChain};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// A program that serves until it is told to end.
struct Served {
    child: Child,
    url: String,
}

impl Served {
    /// Starts it, and waits for its `listening on …`.
    fn start(mut command: Command) -> Outcome<Self> {
        let mut child = command.env("TOLLWAY_LISTEN", "127.0.0.1:0").stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().ok_or("no output")?;
        let mut served = Self { child, url: String::new() };
        let mut lines = BufReader::new(output).lines();
        let line = lines.next().ok_or("it ended without a word")??;
        let url = line.strip_prefix("listening on ").ok_or(format!("it said {line:?}"))?;
        url.clone_into(&mut served.url);
        std::thread::spawn(move || lines.for_each(drop));
        Ok(served)
    }

    /// Sends SIGINT, as Ctrl-C does, and waits for a clean end.
    fn interrupt(mut self) -> Outcome {
        Command::new("kill").args(["-INT", &self.child.id().to_string()]).status()?;
        let limit = Instant::now() + Duration::from_secs(10);
        while Instant::now() < limit {
            if let Some(status) = self.child.try_wait()? {
                assert!(status.success(), "it ended with {status}");
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err("it did not end on Ctrl-C".into())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The world of the examples: chains, and a folder for their ledgers.
struct World {
    devnet: Devnet,
    home: tempfile::TempDir,
}

impl World {
    async fn start() -> Outcome<Self> {
        let chains = [ChainSpec::BASE, ChainSpec::OP, ChainSpec::BASE_SEPOLIA];
        Ok(Self {
            devnet: Devnet::builder().chains(chains).solana().start().await?,
            home: tempfile::tempdir()?,
        })
    }

    /// One of the examples, with the environment that its first lines ask for.
    fn example(&self, program: &str, more: &[(&str, &str)]) -> Command {
        let accounts = self.devnet.accounts();
        let solana = self.devnet.solana().unwrap();
        let urls = self.devnet.chains().iter().map(|chain| chain.http_url());
        let urls: Vec<_> = urls.chain([solana.http_url()]).collect();
        let there = solana.accounts();
        let pair = |evm: &str, solana: &str| format!("{evm},{solana}");
        let mut command = Command::new(Path::new(program));
        command
            .current_dir(self.home.path())
            .env("TOLLWAY_RPC_URLS", urls.join(","))
            .env("TOLLWAY_PAYER_KEY", pair(accounts.payer(0).private_key(), &there.payer(0).private_key()))
            .env(
                "TOLLWAY_SETTLER_KEY",
                pair(accounts.settler(0).private_key(), &there.settler(0).private_key()),
            )
            .env("TOLLWAY_PAY_TO", pair(accounts.merchant(0).address(), there.merchant(0).address()))
            .envs(more.iter().copied())
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, program: &str, url: &str, more: &[(&str, &str)]) -> Outcome<Said> {
        let Output { status, stdout, stderr } = self.example(program, more).arg(url).output()?;
        let (out, err) = (String::from_utf8(stdout)?, String::from_utf8(stderr)?);
        for key in [self.devnet.accounts().payer(0), self.devnet.accounts().settler(0)] {
            assert!(!format!("{out}{err}").contains(key.private_key().trim_start_matches("0x")));
        }
        for key in [self.solana()?.accounts().payer(0), self.solana()?.accounts().settler(0)] {
            assert!(!format!("{out}{err}").contains(&key.private_key()));
        }
        Ok(Said { code: status.code(), out, err })
    }

    fn solana(&self) -> Outcome<&SolanaChain> {
        Ok(self.devnet.solana()?)
    }

    async fn merchant(&self, chain: u64) -> Outcome<u128> {
        Ok(self.devnet.chain(chain)?.usdc_balance(self.devnet.accounts().merchant(0).address()).await?)
    }
}

/// What a program has said, and how it ended.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

const QUOTE: &str = env!("CARGO_BIN_EXE_quote");
const PAY: &str = env!("CARGO_BIN_EXE_pay");
/// A priority fee on Solana that makes it dearer than Base, and not than OP, in millionths of a lamport.
const CROWDED: u64 = 200_000;
const BASE: u64 = 8453;
const OP: u64 = 10;

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_do_what_they_say() -> Outcome {
    let world = World::start().await?;
    let payer = world.devnet.accounts().payer(0).address();
    world.devnet.chain(84532)?.set_usdc_balance(payer, 0).await?;
    world.solana()?.set_priority_fee(CROWDED);
    let facilitator = Served::start(world.example(env!("CARGO_BIN_EXE_facilitator"), &[]))?;
    let settled_by = [("TOLLWAY_FACILITATOR", facilitator.url.as_str())];
    let paywall = || world.example(env!("CARGO_BIN_EXE_paywall"), &settled_by);
    let again = paywall();
    let per_token = Served::start(world.example(env!("CARGO_BIN_EXE_per-token"), &settled_by))?;
    let paywall = Served::start(paywall())?;
    let weather = format!("{}/weather", paywall.url);

    prices_are_ranked_and_nothing_moves(&world, &weather).await?;
    a_payment_moves_a_cent_on_the_cheapest_chain(&world, &weather).await?;
    a_cap_below_the_price_pays_nothing(&world, &weather).await?;
    what_is_free_stays_free(&world, &paywall.url)?;
    a_computed_price_depends_on_the_body(&paywall.url).await?;
    paid_for_nothing_is_said_with_the_receipt(&world, &paywall.url).await?;
    solana_is_paid_on_when_it_is_the_cheapest(&world, &weather).await?;
    a_story_costs_what_its_tokens_cost(&world, &per_token.url).await?;
    per_token.interrupt()?;
    a_lost_answer_is_not_paid_twice(&world, paywall, again).await?;
    one_facilitator_dies_and_the_other_settles(&world, facilitator).await
}

/// The first of two is gone, so the second settles, and it takes no more than that.
async fn one_facilitator_dies_and_the_other_settles(world: &World, first: Served) -> Outcome {
    let home = tempfile::tempdir()?;
    let key = world.devnet.accounts().settler(1);
    let other = [("TOLLWAY_SETTLER_KEY", key.private_key())];
    let mut second = world.example(env!("CARGO_BIN_EXE_facilitator"), &other);
    second.current_dir(home.path());
    let second = Served::start(second)?;
    let both = format!("{},{}", first.url, second.url);
    let mut paywall = world.example(env!("CARGO_BIN_EXE_paywall"), &[("TOLLWAY_FACILITATOR", both.as_str())]);
    paywall.current_dir(home.path());
    let paywall = Served::start(paywall)?;
    let weather = format!("{}/weather", paywall.url);
    let pay = async || -> Outcome<String> {
        let said = world.run(PAY, &weather, &[("TOLLWAY_MAX_USD", "0.05")])?;
        assert_eq!((said.code, said.out.as_str()), (Some(0), "sunny, 21 °C\n"), "{said:?}");
        let block = world.devnet.chain(BASE)?;
        let block = block.call("eth_getBlockByNumber", serde_json::json!(["latest", true])).await?;
        Ok(block["transactions"][0]["from"].as_str().unwrap_or_default().to_lowercase())
    };
    assert_eq!(pay().await?, world.devnet.accounts().settler(0).address().to_lowercase());
    first.interrupt()?;
    assert_eq!(pay().await?, key.address().to_lowercase());
    paywall.interrupt()?;
    second.interrupt()
}

async fn prices_are_ranked_and_nothing_moves(world: &World, weather: &str) -> Outcome {
    let said = world.run(QUOTE, weather, &[])?;
    assert_eq!(said.code, Some(0), "{said:?}");
    let lines: Vec<_> = said.out.lines().collect();
    assert!(lines[0].starts_with("1. exact on Base: you pay $0.009999, settling costs $0.00"), "{said:?}");
    assert!(lines[1].starts_with("2. exact on Solana: "), "{said:?}");
    assert!(lines[2].starts_with("3. exact on OP Mainnet: "), "{said:?}");
    assert!(lines[3].starts_with("-  Base Sepolia: insufficient_funds "), "{said:?}");
    assert_eq!(lines.len(), 4, "{said:?}");
    assert_eq!(world.merchant(BASE).await?, 100_000_000);
    Ok(())
}

async fn a_payment_moves_a_cent_on_the_cheapest_chain(world: &World, weather: &str) -> Outcome {
    let said = world.run(PAY, weather, &[("TOLLWAY_MAX_USD", "0.05")])?;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(said.out, "sunny, 21 °C\n");
    let hash = said.err.trim().rsplit(' ').next().unwrap_or_default().to_owned();
    assert!(said.err.starts_with("paid 10000 of eip155:8453/0x8335"), "{said:?}");
    assert_eq!(world.merchant(BASE).await?, 100_010_000);
    let receipt =
        world.devnet.chain(BASE)?.call("eth_getTransactionReceipt", serde_json::json!([hash])).await?;
    assert_eq!(receipt["status"], "0x1", "{receipt}");
    let sender = receipt["from"].as_str().unwrap_or_default();
    assert!(sender.eq_ignore_ascii_case(world.devnet.accounts().settler(0).address()), "{receipt}");
    Ok(())
}

async fn a_cap_below_the_price_pays_nothing(world: &World, weather: &str) -> Outcome {
    let said = world.run(PAY, weather, &[("TOLLWAY_MAX_USD", "0.001")])?;
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.starts_with("nothing was paid: ") && said.err.contains("cap"), "{said:?}");
    assert_eq!(said.out, "");
    assert_eq!(world.merchant(BASE).await? + world.merchant(OP).await?, 200_010_000);
    Ok(())
}

fn what_is_free_stays_free(world: &World, url: &str) -> Outcome {
    let said = world.run(QUOTE, url, &[])?;
    assert_eq!((said.code, said.out.as_str()), (Some(0), format!("{url} asks for nothing\n").as_str()));
    let said = world.run(PAY, url, &[("TOLLWAY_MAX_USD", "0.05")])?;
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    Ok(())
}

async fn a_computed_price_depends_on_the_body(url: &str) -> Outcome {
    let mut prices = Vec::new();
    for text in ["hello", "hello, world"] {
        let answer = reqwest::Client::new().post(format!("{url}/translate")).body(text).send().await?;
        assert_eq!(answer.status(), 402);
        // The v1 body, which plain curl shows too.
        let asked: serde_json::Value = serde_json::from_str(&answer.text().await?)?;
        prices.push(asked["accepts"][0]["maxAmountRequired"].as_str().unwrap_or_default().to_owned());
    }
    assert_eq!(prices, ["10500", "11200"]);
    Ok(())
}

async fn paid_for_nothing_is_said_with_the_receipt(world: &World, url: &str) -> Outcome {
    let before = world.merchant(BASE).await?;
    let weather = format!("{}/weather", lossy(url)?);
    let said = world.run(PAY, &weather, &[("TOLLWAY_MAX_USD", "0.05")])?;
    assert_eq!(said.code, Some(4), "{said:?}");
    assert!(said.err.contains("got no answer") && said.err.contains("receipt: Receipt {"), "{said:?}");
    assert_eq!(world.merchant(BASE).await?, before + 10_000);
    Ok(())
}

/// A way to `server` on which the answers to paid requests get lost.
fn lossy(server: &str) -> Outcome<String> {
    let server = server.trim_start_matches("http://").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}", listener.local_addr()?);
    std::thread::spawn(move || listener.incoming().flatten().try_for_each(|client| carry(client, &server)));
    Ok(url)
}

/// Carries one request and, unless it was paid, its answer.
fn carry(mut client: TcpStream, server: &str) -> std::io::Result<()> {
    let mut request = String::new();
    let mut lines = BufReader::new(client.try_clone()?);
    while !request.ends_with("\r\n\r\n") && lines.read_line(&mut request)? > 0 {}
    let mut upstream = TcpStream::connect(server)?;
    upstream.write_all(request.replacen("\r\n", "\r\nconnection: close\r\n", 1).as_bytes())?;
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer)?;
    if request.to_lowercase().contains("\r\npayment-signature:") { Ok(()) } else { client.write_all(&answer) }
}

async fn solana_is_paid_on_when_it_is_the_cheapest(world: &World, weather: &str) -> Outcome {
    let solana = world.solana()?;
    let merchant = solana.accounts().merchant(0).address();
    let before = solana.usdc_balance(merchant).await?.ok_or("no account")?;
    solana.set_priority_fee(0);
    let said = world.run(PAY, weather, &[("TOLLWAY_MAX_USD", "0.05")])?;
    assert_eq!((said.code, said.out.as_str()), (Some(0), "sunny, 21 °C\n"), "{said:?}");
    assert!(said.err.starts_with("paid 10000 of solana:"), "{said:?}");
    assert_eq!(solana.usdc_balance(merchant).await?, Some(before + 10_000));
    solana.set_priority_fee(CROWDED);
    Ok(())
}

/// Five cents pay for 500 tokens, so each costs 100 millionths of a dollar; more than that is not told.
async fn a_story_costs_what_its_tokens_cost(world: &World, url: &str) -> Outcome {
    for (wished, told) in [(120, 120), (0, 0), (900, 500)] {
        let before = world.merchant(BASE).await?;
        let story = format!("{url}/story?tokens={wished}");
        let said = world.run(PAY, &story, &[("TOLLWAY_MAX_USD", "0.10")])?;
        assert_eq!(said.code, Some(0), "{said:?}");
        let events = said.out.lines().filter(|l| l.starts_with("data: ")).count();
        assert_eq!(events, told + 1, "as many tokens, and the receipt: {said:?}");
        assert!(said.out.contains("event: payment-response\n"), "{said:?}");
        let charged = u128::try_from(told)? * 100;
        assert!(said.err.starts_with(&format!("paid {charged} of eip155:8453/0x8335")), "{said:?}");
        assert_eq!(world.merchant(BASE).await?, before + charged);
    }
    Ok(())
}

/// The paywall dies while the chain does not mine: nobody knows. Once it has mined, the next run finds out.
async fn a_lost_answer_is_not_paid_twice(world: &World, paywall: Served, again: Command) -> Outcome {
    let base = world.devnet.chain(BASE)?;
    let before = world.merchant(BASE).await?;
    base.set_automine(false).await?;
    let mut paying = world.example(PAY, &[("TOLLWAY_MAX_USD", "0.05")]);
    let paying = paying.arg(format!("{}/weather", paywall.url)).stdout(Stdio::piped()).spawn()?;
    wait_for_a_pending_transaction(base).await?;
    drop(paywall);
    let lost = tokio::task::spawn_blocking(move || paying.wait_with_output()).await??;
    assert_eq!(lost.status.code(), Some(5), "{lost:?}");
    base.set_automine(true).await?;
    base.mine(1).await?;
    assert_eq!(world.merchant(BASE).await?, before + 10_000);

    let paywall = Served::start(again)?;
    let said = world.run(PAY, &paywall.url, &[("TOLLWAY_MAX_USD", "0.05")])?;
    assert!(said.err.contains(": Settled\n"), "{said:?}");
    assert_eq!(world.merchant(BASE).await?, before + 10_000);
    paywall.interrupt()
}

async fn wait_for_a_pending_transaction(chain: &tollway_devnet::Chain) -> Outcome {
    for _ in 0..200 {
        let block = chain.call("eth_getBlockByNumber", serde_json::json!(["pending", false])).await?;
        if block["transactions"].as_array().is_some_and(|all| !all.is_empty()) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err("no transaction was sent".into())
}
