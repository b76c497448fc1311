//! On real surfpool: what is sent lands once, costs what was predicted, and ends for certain.

mod common;

use common::{clock, ledger};
use solana_instruction::{AccountMeta, Instruction};
use solana_message::{VersionedMessage, v0};
use std::sync::Arc;
use std::time::Duration;
use tollway_core::{
    Bearer, Code, Ledger, Network, Oracle, Outcome, Part, Purpose, RecordKey, Sample, Time, Work,
};
use tollway_devnet::{Devnet, Fault as Trouble, FaultKind, Faults, SolanaAccount, SolanaChain, SolanaToken};
use tollway_solana::address::{self, COMPUTE_BUDGET, ata};
use tollway_solana::{
    At, Builder, Extension, Fault, Finality, Find, Hash, HoldingState, LocalKey, Mint, Pubkey, Sent, Signer,
    SolanaNetwork, Submit, Svm, TokenProgram, Trial,
};

async fn devnet() -> Devnet {
    Devnet::builder().chains([]).solana().start().await.unwrap()
}

fn key(account: &SolanaAccount) -> Arc<LocalKey> {
    Arc::new(LocalKey::from_base58(&account.private_key()).unwrap())
}

fn builder(chain: &SolanaChain, ledger: Arc<dyn Ledger>) -> Builder {
    SolanaNetwork::builder(ledger, clock()).url(chain.http_url()).push_url(chain.ws_url())
}

async fn network(chain: &SolanaChain, ledger: Arc<dyn Ledger>) -> Arc<SolanaNetwork> {
    let net = builder(chain, ledger).fee_payer(key(chain.accounts().settler(0))).connect().await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await; // the line for pushes comes up beside
    net
}

fn usdc() -> Pubkey {
    address::parse(SolanaToken::USDC.mint).unwrap()
}

/// What a payment is made of.
#[derive(Clone)]
struct Payment<'a> {
    chain: &'a SolanaChain,
    units: u64,
    limit: u32,
    price: u64,
    memo: &'a str,
    blockhash: Hash,
}

impl Payment<'_> {
    fn message(&self) -> Vec<u8> {
        let accounts = self.chain.accounts();
        let [payer, merchant, settler] = [accounts.payer(0), accounts.merchant(0), accounts.settler(0)]
            .map(|a| address::parse(a.address()).unwrap());
        let of = |owner: &Pubkey| ata(owner, &usdc(), TokenProgram::Token);
        let budget = |kind: u8, value: &[u8]| Instruction {
            program_id: COMPUTE_BUDGET,
            accounts: vec![],
            data: [&[kind], value].concat(),
        };
        let transfer = Instruction {
            program_id: TokenProgram::Token.id(),
            accounts: vec![
                AccountMeta::new(of(&payer), false),
                AccountMeta::new_readonly(usdc(), false),
                AccountMeta::new(of(&merchant), false),
                AccountMeta::new_readonly(payer, true),
            ],
            data: [&[12u8][..], &self.units.to_le_bytes(), &[6]].concat(),
        };
        let memo = Instruction {
            program_id: address::parse("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr").unwrap(),
            accounts: vec![],
            data: self.memo.into(),
        };
        let all =
            [budget(2, &self.limit.to_le_bytes()), budget(3, &self.price.to_le_bytes()), transfer, memo];
        let message = v0::Message::try_compile(&settler, &all, &[], self.blockhash).unwrap();
        VersionedMessage::V0(message).serialize()
    }

    /// Signed by the payer; the fee payer's place is empty.
    fn submit(&self) -> Submit {
        let message = self.message();
        let signature = key(self.chain.accounts().payer(0)).sign_message(&message);
        let wire = [&[2u8][..], &[0; 64], signature.as_ref(), &message].concat();
        let fee_payer = Some(address::parse(self.chain.accounts().settler(0).address()).unwrap());
        Submit { wire, fee_payer, not_after: Time::FAR }
    }
}

async fn payment<'a>(net: &SolanaNetwork, chain: &'a SolanaChain, memo: &'a str) -> Payment<'a> {
    let blockhash = net.blockhash().await.unwrap().hash;
    Payment { chain, units: 1_000, limit: 20_000, price: 1_000, memo, blockhash }
}

async fn merchant_units(chain: &SolanaChain) -> u64 {
    chain.usdc_balance(chain.accounts().merchant(0).address()).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_lands_once_in_two_round_trips_with_and_without_pushes() {
    let devnet = devnet().await;
    let chain = devnet.solana().unwrap();
    let before = merchant_units(chain).await;
    let net = network(chain, ledger()).await;
    let submit = payment(&net, chain, "pushed").await.submit();
    chain.reset_counts();
    let landed = net.send(submit.clone(), &RecordKey::from("a")).await.unwrap();
    assert_eq!((landed.fault, landed.fee_lamports), (None, 10_020));
    let counts = chain.counts();
    assert_eq!((counts.http_requests, counts.of("getSignatureStatuses")), (1, 0), "{counts:?}");
    assert_eq!(net.send(submit, &RecordKey::from("a")).await.unwrap().tx, landed.tx);
    assert!(matches!(net.outcome(&landed.tx).await.unwrap(), Outcome::Included { finalized: true, .. }));
    let plain = builder(chain, ledger()).without_pushes().fee_payer(key(chain.accounts().settler(0)));
    let plain = plain.connect().await.unwrap();
    let submit = payment(&plain, chain, "asked for").await.submit();
    chain.reset_counts();
    plain.send(submit, &RecordKey::from("a")).await.unwrap();
    assert_eq!(chain.counts().http_requests, 2, "{:?}", chain.counts());
    assert_eq!(merchant_units(chain).await, before + 2_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_predicted_cost_is_what_leaves_the_fee_payers_balance_to_the_lamport() {
    let devnet = devnet().await;
    let chain = devnet.solana().unwrap();
    let net = network(chain, ledger()).await;
    let settler = chain.accounts().settler(0).address();
    for level in [1_000u64, 250_000, 4_000_000, 90] {
        chain.set_priority_fee(level);
        let memo = level.to_string();
        let payee = address::parse(chain.accounts().merchant(0).address()).unwrap();
        let written = [ata(&payee, &usdc(), TokenProgram::Token)];
        let touching = written.map(|key| address::account(net.id(), &key).unwrap());
        tokio::time::sleep(Duration::from_millis(150)).await;
        let tariff = net.tariff(Purpose::Interactive, &touching).await.unwrap();
        let mut payment = payment(&net, chain, &memo).await;
        payment.price = net.unit_price(Purpose::Interactive, &written).await.unwrap();
        assert_eq!(payment.price, level);
        let mut work = Work::new(Bearer::Settler, "transferChecked", payment.limit.into(), Sample::default());
        work.signatures = 2;
        let cost = tariff.price(&work).unwrap();
        let before = chain.lamports(settler).await.unwrap();
        let landed = net.send(payment.submit(), &RecordKey(memo.clone())).await.unwrap();
        let paid = before - chain.lamports(settler).await.unwrap();
        assert_eq!((u128::from(paid), landed.fee_lamports), (cost.total(), paid), "{:?}", cost.parts);
        assert!(cost.parts.iter().any(|(part, _)| *part == Part::Priority));
        let signature = address::signature(&landed.tx).unwrap();
        assert_eq!(
            net.recorded(&signature).await.unwrap().unwrap().fee_lamports,
            paid,
            "the record tells the same"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trial_tells_what_would_happen_and_lets_forged_signatures_through() {
    let devnet = devnet().await;
    let chain = devnet.solana().unwrap();
    let net = network(chain, ledger()).await;
    let good = payment(&net, chain, "try").await;
    let source =
        ata(&address::parse(chain.accounts().payer(0).address()).unwrap(), &usdc(), TokenProgram::Token);
    let keys = [usdc(), source];
    let mut submit = good.submit();
    chain.reset_counts();
    fn trial<'a>(wire: &'a [u8], keys: &'a [Pubkey]) -> Trial<'a> {
        Trial { wire, before: keys, after: &keys[1..], inner: true }
    }
    let tried = net.attempt(trial(&submit.wire, &keys)).await.unwrap();
    assert_eq!(chain.counts().http_requests, 1);
    assert_eq!(tried.fault, None);
    assert!(tried.units > 0 && tried.units < 20_000, "{}", tried.units);
    assert_eq!(Mint::parse(tried.looked.accounts[0].as_ref().unwrap()).unwrap().decimals, 6);
    let units = |state: &tollway_solana::State| tollway_solana::TokenAccount::parse(state).unwrap().amount;
    let (before, after) =
        (units(tried.looked.accounts[1].as_ref().unwrap()), units(tried.after[0].as_ref().unwrap()));
    assert_eq!(before - after, 1_000);
    submit.wire[70] ^= 1;
    assert_eq!(
        net.attempt(trial(&submit.wire, &keys)).await.unwrap().fault,
        None,
        "why signatures are checked here"
    );
    let poor = Payment { units: u64::MAX, ..good.clone() }.submit();
    let fault = net.attempt(trial(&poor.wire, &keys)).await.unwrap().fault;
    assert!(matches!(fault, Some(Fault::Instruction { index: 2, custom: Some(1), .. })), "{fault:?}");
    let stale = Payment { blockhash: Hash::new_from_array([9; 32]), ..good }.submit();
    assert_eq!(net.attempt(trial(&stale.wire, &keys)).await.unwrap().fault, Some(Fault::BlockhashNotFound));
    for (submit, code) in [(poor, Code::SimulationFailed), (stale, Code::Expired)] {
        let key = RecordKey::from("refused");
        assert_eq!(net.send(submit, &key).await.unwrap_err().code, code);
        assert_eq!(net.sent(&key).await.unwrap(), Sent::Never);
    }
    let mut forged = payment(&net, chain, "forged").await.submit();
    forged.wire[70] ^= 1;
    let error = net.send(forged, &RecordKey::from("forged")).await.unwrap_err();
    assert_eq!(error.code, Code::InvalidSignature, "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn holdings_and_mints_of_both_programs_are_read() {
    let devnet = devnet().await;
    let chain = devnet.solana().unwrap();
    let net = builder(chain, ledger()).connect().await.unwrap();
    let owner = |account: &SolanaAccount| {
        address::account(net.id(), &address::parse(account.address()).unwrap()).unwrap()
    };
    let accounts = chain.accounts();
    for (token, program) in [
        (SolanaToken::USDC, TokenProgram::Token),
        (SolanaToken::PLAIN_2022, TokenProgram::Token2022),
        (SolanaToken::FEE_2022, TokenProgram::Token2022),
    ] {
        let mint = address::parse(token.mint).unwrap();
        let held = net.holding(&owner(accounts.payer(0)), &mint).await.unwrap();
        let have = chain.token_balance(accounts.payer(0).address(), &token).await.unwrap().unwrap();
        assert_eq!(
            (held.funds.balance.atomic, held.program, held.state),
            (have.into(), program, HoldingState::Ready)
        );
        assert_eq!(
            held.account.to_string(),
            chain.token_account(accounts.payer(0).address(), &token).unwrap()
        );
        let missing = net.holding(&owner(accounts.merchant(1)), &mint).await.unwrap();
        assert_eq!((missing.state, missing.funds.balance.atomic), (HoldingState::Missing, 0));
        assert_eq!(net.mint(&mint).await.unwrap().decimals, 6);
    }
    let fee = net.mint(&address::parse(SolanaToken::FEE_2022.mint).unwrap()).await.unwrap();
    assert!(
        matches!(fee.extensions.as_slice(), [Extension::TransferFee(fee)] if fee.newer_bps == 100),
        "{fee:?}"
    );
    let plain = net.mint(&address::parse(SolanaToken::PLAIN_2022.mint).unwrap()).await.unwrap();
    assert_eq!(plain.extensions, []);
    let looked = net.look(&[usdc()], At::Latest).await.unwrap();
    let off = looked.time.secs().abs_diff(clock().now().secs());
    assert!(off < 3_600, "the chain's time is {off} s off");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_coin_and_usdc_have_a_price() {
    let devnet = devnet().await;
    let chain = devnet.solana().unwrap();
    let net = builder(chain, ledger()).connect().await.unwrap();
    let oracle = net.oracle(clock());
    let sol = oracle.usd(&tollway_core::AssetId::native(net.id())).await.unwrap();
    assert_eq!((sol.answer, sol.answer_decimals, sol.asset_decimals), (14_200_000_000, 8, 9));
    let usdc = oracle.usd(&address::asset(net.id(), &usdc()).unwrap()).await.unwrap();
    assert_eq!(usdc.asset_decimals, 6);
    chain.set_sol_usd_e8_at(15_000_000_000, 1_000).await.unwrap();
    let stale = net.oracle(clock()).usd(&tollway_core::AssetId::native(net.id())).await;
    assert_eq!(stale.unwrap_err().code, Code::StalePrice);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payers_own_way_to_its_payment_is_the_message() {
    let devnet = devnet().await;
    let chain = devnet.solana().unwrap();
    let net = network(chain, ledger()).await;
    let payment = payment(&net, chain, "needle").await;
    let message = payment.message();
    let source =
        ata(&address::parse(chain.accounts().payer(0).address()).unwrap(), &usdc(), TokenProgram::Token);
    let (since, from_height) = (clock().now().minus_ms(3_600_000), None);
    let question =
        Find { address: source, message: &message, memo: Some("needle"), since, from_height, min_slot: None };
    assert_eq!(net.find(&question).await.unwrap(), None);
    let landed = net.send(payment.submit(), &RecordKey::from("a")).await.unwrap();
    let found = net.find(&question).await.unwrap().unwrap();
    assert_eq!((found.tx, found.fault, found.wire[129..].to_vec()), (landed.tx, None, message.clone()));
    let moved: Vec<u64> = found.tokens.iter().map(|t| t.before.abs_diff(t.after)).collect();
    assert_eq!(moved, [1_000, 1_000]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_dropped_ends_when_its_blockhash_does_and_not_before() {
    let devnet = devnet().await;
    let chain = devnet.solana().unwrap();
    let before = merchant_units(chain).await;
    let net = network(chain, ledger()).await;
    let submit = payment(&net, chain, "dropped").await.submit();
    let dropped = Trouble::new(FaultKind::Dropped, 1_000).only(["sendTransaction"]);
    chain.set_faults(Faults::none().with(dropped));
    let key = RecordKey::from("a");
    let send = tokio::spawn({
        let (net, submit, key) = (net.clone(), submit.clone(), key.clone());
        async move { net.send(submit, &key).await }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(matches!(net.sent(&key).await.unwrap(), Sent::Pending(_)));
    assert!(!send.is_finished());
    chain.expire_blockhashes().await.unwrap();
    let error = send.await.unwrap().unwrap_err();
    assert_eq!(error.code, Code::Expired, "{error}");
    assert!(matches!(net.sent(&key).await.unwrap(), Sent::Expired(_)));
    chain.set_faults(Faults::none());
    assert_eq!(net.send(submit, &key).await.unwrap_err().code, Code::Expired);
    assert_eq!(merchant_units(chain).await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_answers_and_restarts_neither_lose_nor_double_a_payment() {
    let devnet = devnet().await;
    let chain = devnet.solana().unwrap();
    let before = merchant_units(chain).await;
    let ledger = ledger();
    let lost = Trouble::new(FaultKind::HangUp, 500).only(["sendTransaction", "getSignatureStatuses"]);
    let dropped = Trouble::new(FaultKind::Dropped, 250).only(["sendTransaction"]);
    for round in 0..3u32 {
        let net = network(chain, ledger.clone()).await;
        chain.set_faults(Faults::seeded(u64::from(round)).with(lost.clone()).with(dropped.clone()));
        let mut sends = Vec::new();
        for n in 0..6u32 {
            let (net, memo) = (net.clone(), format!("{round}/{n}"));
            let submit = payment(&net, chain, &memo).await.submit();
            sends.push(tokio::spawn(async move { net.send(submit, &RecordKey(memo)).await }));
        }
        tokio::time::sleep(Duration::from_millis(u64::from(round) * 30)).await;
        sends.iter().for_each(tokio::task::JoinHandle::abort);
        drop(net);
        chain.set_faults(Faults::none());
        let next = network(chain, ledger.clone()).await;
        for n in 0..6u32 {
            let memo = format!("{round}/{n}");
            let submit = payment(&next, chain, &memo).await.submit();
            assert_eq!(next.send(submit, &RecordKey(memo)).await.unwrap().fault, None);
        }
    }
    assert_eq!(merchant_units(chain).await, before + 18_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn finalized_is_waited_for_when_asked() {
    let devnet = devnet().await;
    let chain = devnet.solana().unwrap();
    let settler = key(chain.accounts().settler(0));
    let net =
        builder(chain, ledger()).finality(Finality::Finalized).fee_payer(settler).connect().await.unwrap();
    let submit = payment(&net, chain, "final").await.submit();
    let send = tokio::spawn({
        let net = net.clone();
        async move { net.send(submit, &RecordKey::from("a")).await }
    });
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(!send.is_finished(), "only confirmed");
    chain.make_blocks(34).await.unwrap();
    assert_eq!(send.await.unwrap().unwrap().fault, None);
}

/// A way to the chain that can be cut: a node, as far as anybody can see from here.
struct Cut {
    url: String,
    task: tokio::task::JoinHandle<()>,
}

impl Cut {
    async fn to(url: &str) -> Self {
        let to = url.trim_start_matches("http://").to_owned();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move {
            let mut open = tokio::task::JoinSet::new();
            while let Ok((mut near, _)) = listener.accept().await {
                let to = to.clone();
                open.spawn(async move {
                    let Ok(mut far) = tokio::net::TcpStream::connect(&to).await else { return };
                    let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                });
            }
        });
        Self { url, task }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_nodes_is_killed_and_every_payment_lands_once() {
    const MEMOS: [&str; 12] = ["m0", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "m9", "m10", "m11"];
    let devnet = devnet().await;
    let chain = devnet.solana().unwrap();
    let before = merchant_units(chain).await;
    let (first, second) = (Cut::to(&chain.http_url()).await, Cut::to(&chain.http_url()).await);
    let net = SolanaNetwork::builder(ledger(), clock()).url(&first.url).url(&second.url).without_pushes();
    let net = net.fee_payer(key(chain.accounts().settler(0))).connect().await.unwrap();
    for (n, memo) in MEMOS.into_iter().enumerate() {
        if n == 4 {
            first.task.abort(); // and all its connections with it
        }
        let submit = payment(&net, chain, memo).await.submit();
        let landed = net.send(submit, &RecordKey::from(memo)).await.unwrap();
        assert_eq!(landed.fault, None, "{memo}");
        let seen = net.look(&[usdc()], At::Final).await.unwrap();
        assert!(seen.slot >= landed.slot, "{memo}: {} is before {}", seen.slot, landed.slot);
    }
    assert_eq!(merchant_units(chain).await, before + 12_000);
    second.task.abort();
    assert_eq!(net.look(&[usdc()], At::Final).await.unwrap_err().code, Code::Unreachable);
}
