//! On Solana, whatever goes wrong between a payer and a block: no payment is lost, and none is made twice.
//!
//! A client, a paywall and a facilitator in a process of its own, each with a ledger in a file; the chain is reached
//! through a proxy that drops transactions, loses and doubles answers, and is late. In the end the client's journal says
//! of each signature what became of it, and the chain has moved exactly that.

use axum::routing::get;
use std::sync::Arc;
use std::time::Duration;
use tollway::House;
use tollway::core::{Code, Role, Usd};
use tollway::http::client::PayingClient;
use tollway::http::server::{Paywall, Priced};
use tollway::route::pay::AttemptStage;
use tollway::route::{Policy, SellerPolicy, Tag};
use tollway_devnet::{Devnet, Fault, FaultKind, Faults, SolanaChain, SolanaToken};
use tollway_e2e::process::{FacilitatorProcess, Settings, free_port};
use tollway_e2e::{Outcome, until};

/// A cent.
const PRICE: u64 = 10_000;
/// The longest that finding out may take: a blockhash is waited for, by looks that are seconds apart.
const LONG: Duration = Duration::from_secs(90);
const SEND: &str = "sendTransaction";

/// Everybody, on one chain.
struct Street {
    devnet: Devnet,
    facilitator: FacilitatorProcess,
    client: PayingClient,
    url: String,
    before: Balances,
    _houses: [House; 2],
    _files: tempfile::TempDir,
}

#[derive(Clone, Copy)]
struct Balances {
    payer: u64,
    merchant: u64,
}

impl Balances {
    async fn of(chain: &SolanaChain) -> Outcome<Self> {
        let accounts = chain.accounts();
        let payer = chain.usdc_balance(accounts.payer(0).address()).await?;
        let merchant = chain.usdc_balance(accounts.merchant(0).address()).await?;
        Ok(Self { payer: payer.ok_or("no account")?, merchant: merchant.ok_or("no account")? })
    }
}

impl Street {
    async fn open(block_time_ms: Option<u64>) -> Outcome<Self> {
        let devnet = Devnet::builder().chains([]).solana().block_time_ms(block_time_ms).start().await?;
        let files = tempfile::tempdir()?;
        let chain = devnet.solana()?;
        let facilitator = FacilitatorProcess::start(
            env!("CARGO_BIN_EXE_e2e-facilitator"),
            Settings {
                name: "facilitator".to_owned(),
                port: free_port()?,
                database: None,
                lease_ms: 0,
                ledger: files.path().join("facilitator.sqlite"),
                chains: vec![(chain.caip2().to_owned(), chain.http_url())],
                senders: (0..2).map(|i| chain.accounts().settler(i).private_key()).collect(),
                patience_ms: 5_000,
            },
        )?;
        facilitator.health().await?;
        let house = |name: &str, role| {
            let house = House::builder().name(name).role(role).rpcs([chain.http_url()]);
            house.sqlite(files.path().join(format!("{name}.sqlite")))
        };
        let payer = house("client", Role::Payer)?.payer_key(&chain.accounts().payer(0).private_key())?;
        let payer = payer.connect().await?;
        let policy = Policy { cap: Some(Usd::parse("$0.05")?), allow_mainnet: true, ..Policy::default() };
        let client = payer.client(policy)?;
        let seller = house("shop", Role::Seller)?.connect().await?;
        let url = sell(&seller, chain, &facilitator.url()).await?;
        let before = Balances::of(chain).await?;
        Ok(Self { facilitator, client, url, before, _houses: [payer, seller], _files: files, devnet })
    }

    fn chain(&self) -> &SolanaChain {
        self.devnet.solana().expect("Solana was asked for")
    }

    /// Faults for every method, in so many of a thousand calls.
    fn break_always(&self, kind: FaultKind, methods: &[&str]) {
        let fault = Fault::new(kind, 1000).only(methods.iter().copied());
        self.chain().set_faults(Faults::seeded(1).with(fault));
    }

    fn mend(&self) {
        self.chain().set_faults(Faults::none());
    }

    /// One request; true when it was paid for and served.
    async fn buy(&self) -> bool {
        match self.client.get(&self.url).await {
            Ok(answer) => answer.paid().is_some() && answer.response.status() == 200,
            Err(_) => false,
        }
    }

    /// Asks what became of every signature, until it is known of all; returns how many were settled.
    async fn known(&self) -> Outcome<u64> {
        let router = self.client.router();
        until("what became of every payment", LONG, async || {
            router.settle_up().await?;
            let attempts = router.attempts().await?;
            let stage = |a: &tollway::route::pay::AttemptRecord| a.stage;
            if !attempts.iter().all(|a| matches!(stage(a), AttemptStage::Settled | AttemptStage::Dead)) {
                return Ok(None);
            }
            let settled = attempts.iter().filter(|a| stage(a) == AttemptStage::Settled).count();
            Ok(Some(u64::try_from(settled)?))
        })
        .await
    }

    /// The chain has moved what the journal says, and nothing else.
    async fn adds_up(&self, settled: u64) -> Outcome {
        let now = Balances::of(self.chain()).await?;
        assert_eq!(self.before.payer - now.payer, settled * PRICE, "{}", self.facilitator.log_tail());
        assert_eq!(now.merchant - self.before.merchant, settled * PRICE);
        let account = self.chain().accounts().merchant(0).address();
        let account = self.chain().token_account(account, &SolanaToken::USDC)?;
        let asked = serde_json::json!([account, { "commitment": "confirmed" }]);
        let found = self.chain().call("getSignaturesForAddress", asked).await?;
        let good = found.as_array().into_iter().flatten().filter(|row| row["err"].is_null());
        assert_eq!(u64::try_from(good.count())?, settled, "transactions that paid: {found}");
        Ok(())
    }
}

/// An API that sells `/a` for a cent.
async fn sell(house: &House, chain: &SolanaChain, facilitator: &str) -> Outcome<String> {
    let policy = SellerPolicy { settlement_share_bps_max: None, ..SellerPolicy::default() };
    let gate = house.gate(policy, vec![house.remote(facilitator)?])?;
    let rails = house.rails("exact", "USDC", chain.accounts().merchant(0).address())?;
    let paywall = Paywall::builder(gate)
        .answers(Arc::clone(house.ledger()), Arc::clone(house.clock()))
        .route(http::Method::GET, "/a", Priced::fixed(Tag::Usd(Usd::parse("0.01")?), rails))
        .build()?;
    let app = axum::Router::new().route("/a", get(|| async { "sold" })).layer(paywall);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/a", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(url)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_is_dropped_is_sent_again() -> Outcome {
    let street = Street::open(None).await?;
    street.break_always(FaultKind::Dropped, &[SEND]);
    let (bought, ()) = tokio::join!(street.buy(), async {
        let seen = async || Ok((street.chain().counts().of(SEND) > 0).then_some(()));
        until("the first sending", LONG, seen).await.expect("it is sent");
        street.mend();
    });
    assert!(bought, "{}", street.facilitator.log_tail());
    assert!(street.chain().counts().of(SEND) >= 2);
    assert_eq!(street.known().await?, 1);
    street.adds_up(1).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_whose_blockhash_expires_is_dead_and_paid_for_anew() -> Outcome {
    let street = Street::open(None).await?;
    street.break_always(FaultKind::Dropped, &[SEND]);
    let (bought, ()) = tokio::join!(street.buy(), async {
        let seen = async || Ok((street.chain().counts().of(SEND) > 0).then_some(()));
        until("the first sending", LONG, seen).await.expect("it is sent");
        street.chain().expire_blockhashes().await.expect("blocks are made");
    });
    assert!(!bought);
    // Far enough that the signature is dead at every commitment, by whoever looks.
    street.chain().make_blocks(64).await?;
    assert_eq!(street.known().await?, 0, "{}", street.facilitator.log_tail());
    street.adds_up(0).await?;

    street.mend();
    assert!(street.buy().await, "{}", street.facilitator.log_tail());
    assert_eq!(street.known().await?, 1);
    street.adds_up(1).await
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_late_lost_and_doubled_change_nothing() -> Outcome {
    let street = Street::open(None).await?;
    for kind in
        [FaultKind::Duplicate, FaultKind::HangUp, FaultKind::Delay(Duration::from_secs(2)), FaultKind::Stale]
    {
        street.break_always(kind.clone(), &[SEND, "getSignatureStatuses", "signatureNotification"]);
        let bought = tokio::time::timeout(LONG, street.buy()).await;
        street.mend();
        // Bought or not: what is known later must be what the chain has done.
        let settled = street.known().await?;
        street.adds_up(settled).await.map_err(|e| format!("{kind:?} {bought:?}: {e}"))?;
        if matches!(kind, FaultKind::Duplicate | FaultKind::Delay(_)) {
            assert_eq!(bought, Ok(true), "{kind:?}: {}", street.facilitator.log_tail());
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_everything_neither_loses_nor_doubles() -> Outcome {
    let street = Street::open(None).await?;
    let storm = |seed| {
        Faults::seeded(seed)
            .with(Fault::new(FaultKind::Dropped, 250).only([SEND]))
            .with(Fault::new(FaultKind::HangUp, 100))
            .with(Fault::new(FaultKind::Duplicate, 150))
            .with(Fault::new(FaultKind::Http(429), 50))
            .with(Fault::new(FaultKind::Delay(Duration::from_millis(150)), 150))
    };
    let mut bought = 0;
    for seed in 0..12 {
        street.chain().set_faults(storm(seed));
        bought += u64::from(street.buy().await);
    }
    street.mend();
    // What was dropped for good dies with its blockhash.
    street.chain().expire_blockhashes().await?;
    street.chain().make_blocks(64).await?;
    let settled = street.known().await?;
    assert!(settled >= bought, "served {bought}, settled {settled}");
    assert!(bought > 0, "nothing got through: {}", street.facilitator.log_tail());
    assert!(street.chain().counts().faults > 20);
    street.adds_up(settled).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_facilitator_that_dies_between_sending_and_confirmation_finds_its_payment_again() -> Outcome {
    let mut street = Street::open(Some(100)).await?;
    // It was sent, and is in no block: the clock stands still.
    street.chain().pause_clock().await?;
    let (client, url) = (street.client.clone(), street.url.clone());
    let buying = tokio::spawn(async move { client.get(&url).await.map(|answer| answer.response.status()) });
    let sent = async || Ok((street.chain().counts().of(SEND) > 0).then_some(()));
    until("the sending", LONG, sent).await?;
    street.facilitator.kill().await?;
    street.chain().resume_clock().await?;
    let landed = async || Ok((Balances::of(street.chain()).await?.payer < street.before.payer).then_some(()));
    until("the block", LONG, landed).await?;
    street.facilitator.again()?;
    street.facilitator.health().await?;
    let answer = buying.await?;
    assert_eq!(street.known().await?, 1, "{answer:?}: {}", street.facilitator.log_tail());
    street.adds_up(1).await?;

    // It was journaled, and never reached the chain: it is sent again by the next process, or is dead.
    street.break_always(FaultKind::Dropped, &[SEND]);
    street.chain().reset_counts();
    let (client, url) = (street.client.clone(), street.url.clone());
    let buying = tokio::spawn(async move { client.get(&url).await.map(|answer| answer.response.status()) });
    let sent = async || Ok((street.chain().counts().of(SEND) > 0).then_some(()));
    until("the sending", LONG, sent).await?;
    street.facilitator.kill().await?;
    street.mend();
    street.facilitator.again()?;
    street.facilitator.health().await?;
    let answer = buying.await?;
    assert!(answer.is_ok() || answer.as_ref().is_err_and(|e| e.error().code != Code::Internal), "{answer:?}");
    let settled = street.known().await?;
    assert_eq!(settled, 2, "{answer:?}: {}", street.facilitator.log_tail());
    street.adds_up(settled).await
}
