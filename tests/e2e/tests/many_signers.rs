//! 256 payments at once from eight keys, while the market goes to twenty times what it was, the first of two nodes dies,
//! the other loses answers, and the chain takes back its last three blocks. Afterwards the chain's own blocks tell.

use alloy::primitives::{Address, B256, U256, keccak256};
use alloy::sol_types::SolCall;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tollway::core::{Ledger, Purpose, RecordKey, Time};
use tollway::evm::eip712::{Transfer, separator};
use tollway::evm::{
    Evm, EvmCall, EvmNetwork, Finality, GasKey, LocalKey, Mined, Profile, Sent, SignerState, Standing, Submit,
};
use tollway::ledger::SqliteLedger;
use tollway::system::SystemClock;
use tollway_devnet::{Chain, ChainSpec, Devnet};
use tollway_e2e::chain::settlements;
use tollway_e2e::proxy::{FaultProxy, Rates};
use tollway_e2e::{Outcome, until};

const PAYMENTS: usize = 256;
const SIGNERS: usize = 8;
const VALUE: u64 = 10_000;
/// How deep the chain goes back, and so how deep a block must lie to be final.
const DEPTH: u32 = 3;
const PAYER_HAD: u128 = 10_000_000_000;
const PATIENCE: Duration = Duration::from_secs(60);

mod abi {
    alloy::sol! {
        function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter,
            uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, bytes32 s) external;
    }
}

fn key_of(n: usize) -> RecordKey {
    RecordKey(format!("many/{n}"))
}

fn payment(devnet: &Devnet, n: usize) -> Outcome<Submit> {
    let chain = &devnet.chains()[0];
    let payer = LocalKey::from_hex(devnet.accounts().payer(n).private_key())?;
    let (usdc, to): (Address, Address) =
        (chain.usdc().parse()?, devnet.accounts().merchant(0).address().parse()?);
    let transfer = Transfer {
        from: payer.address(),
        to,
        value: U256::from(VALUE),
        valid_after: U256::ZERO,
        valid_before: U256::from(u32::MAX),
        nonce: keccak256(n.to_be_bytes()),
    };
    let domain = separator(chain.spec().usdc_name, "2", chain.id(), usdc);
    let signature = payer.sign(&transfer.digest(&domain));
    let call = abi::transferWithAuthorizationCall {
        from: transfer.from,
        to,
        value: transfer.value,
        validAfter: transfer.valid_after,
        validBefore: transfer.valid_before,
        nonce: transfer.nonce,
        v: 27 + u8::from(signature.v()),
        r: B256::from(signature.r()),
        s: B256::from(signature.s()),
    };
    Ok(Submit {
        call: EvmCall { to: usdc, data: call.abi_encode().into() },
        gas_limit: 150_000,
        value_wei: 0,
        purpose: Purpose::Interactive,
        sender: None,
        not_after: Time::FAR,
        learn: Some(GasKey { contract: usdc, what: "transferWithAuthorization" }),
    })
}

fn number(value: &Value) -> Outcome<u128> {
    Ok(u128::from_str_radix(value.as_str().ok_or("no number")?.trim_start_matches("0x"), 16)?)
}

async fn block(chain: &Chain, number: u64) -> Outcome<Vec<Value>> {
    let block = chain.call("eth_getBlockByNumber", json!([format!("{number:#x}"), true])).await?;
    Ok(block["transactions"].as_array().cloned().unwrap_or_default())
}

/// Transactions in the blocks that a reorganisation will take back.
async fn in_danger(chain: &Chain) -> Outcome<usize> {
    let (head, mut count) = (chain.block_number().await?, 0);
    for number in head.saturating_sub(u64::from(DEPTH) - 1)..=head {
        count += block(chain, number).await?.len();
    }
    Ok(count)
}

/// Makes blocks until every payment has ended; takes three of them back once there is enough in them.
async fn mine_and_take_back(chain: &Chain, mut sends: JoinSet<Outcome<Mined>>) -> Outcome<Vec<Mined>> {
    let (deadline, mut taken_back, mut ends) = (Instant::now() + PATIENCE, 0, Vec::new());
    while !sends.is_empty() {
        assert!(Instant::now() < deadline, "{} of {PAYMENTS} have not ended", sends.len());
        chain.mine(1).await?;
        if taken_back == 0 && in_danger(chain).await? >= PAYMENTS / 8 {
            taken_back = in_danger(chain).await?;
            chain.reorg(DEPTH.into()).await?;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
        while let Some(end) = sends.try_join_next() {
            ends.push(end??);
        }
    }
    assert!(taken_back > 0, "nothing was taken back");
    println!("{taken_back} transactions were taken back");
    Ok(ends)
}

/// What each sender's transactions cost, by the chain's own receipts; and how many carry no payment.
async fn spent(chain: &Chain) -> Outcome<(HashMap<Address, (u64, u128)>, usize)> {
    let (usdc, mut by, mut fills): (Address, HashMap<Address, (u64, u128)>, usize) =
        (chain.usdc().parse()?, HashMap::new(), 0);
    for n in 0..=chain.block_number().await? {
        for tx in block(chain, n).await? {
            let receipt = chain.call("eth_getTransactionReceipt", json!([tx["hash"]])).await?;
            let cost = number(&receipt["gasUsed"])? * number(&receipt["effectiveGasPrice"])?;
            let line = by.entry(tx["from"].as_str().unwrap_or("").parse()?).or_default();
            (line.0, line.1) = (line.0 + 1, line.1 + cost);
            fills += usize::from(tx["to"].as_str().unwrap_or("").parse() != Ok(usdc));
        }
    }
    Ok((by, fills))
}

/// Everybody, before anything breaks.
struct Scene {
    devnet: Devnet,
    first: Option<FaultProxy>,
    second: FaultProxy,
    ledger: Arc<dyn Ledger>,
    net: Arc<EvmNetwork>,
    /// What each signer has at the start.
    had: HashMap<Address, u128>,
    merchant_had: u128,
    _files: tempfile::TempDir,
}

impl Scene {
    async fn set() -> Outcome<Self> {
        let devnet = Devnet::builder().chains([ChainSpec::ETHEREUM]).payers(256).keep_fresh(false);
        let devnet = devnet.start().await?;
        let chain = &devnet.chains()[0];
        let (first, second) =
            (FaultProxy::start(&chain.http_url(), 1).await?, FaultProxy::start(&chain.http_url(), 2).await?);
        let files = tempfile::tempdir()?;
        let ledger: Arc<dyn Ledger> = Arc::new(SqliteLedger::open(files.path().join("signers.sqlite"))?);
        let profile = Profile { block_ms: 1_000, ..*Profile::of(1).ok_or("no profile")? };
        let mut builder = EvmNetwork::builder(ledger.clone(), Arc::new(SystemClock))
            .url(first.url())
            .url(second.url())
            .profile(profile)
            .finality(Finality::Confirmations(DEPTH));
        let mut had = HashMap::new();
        for i in 0..SIGNERS {
            let signer = devnet.accounts().settler(i);
            builder = builder.sender(Arc::new(LocalKey::from_hex(signer.private_key())?));
            had.insert(signer.address().parse::<Address>()?, chain.native_balance(signer.address()).await?);
        }
        let net = builder.connect().await?;
        let merchant_had = chain.usdc_balance(devnet.accounts().merchant(0).address()).await?;
        Ok(Self { first: Some(first), second, ledger, net, had, merchant_had, _files: files, devnet })
    }

    fn chain(&self) -> &Chain {
        &self.devnet.chains()[0]
    }

    /// Sends everything, and returns when all of it waits for a block.
    async fn send(&self) -> Outcome<JoinSet<Outcome<Mined>>> {
        self.chain().set_automine(false).await?;
        let mut sends: JoinSet<Outcome<Mined>> = JoinSet::new();
        for n in 0..PAYMENTS {
            let (net, submit) = (self.net.clone(), payment(&self.devnet, n)?);
            sends.spawn(async move { Ok(net.send(submit, &key_of(n)).await?) });
        }
        until("all of them wait for a block", PATIENCE, async || {
            let status = self.chain().call("txpool_status", json!([])).await?;
            Ok((number(&status["pending"])? == u128::try_from(PAYMENTS)?).then_some(()))
        })
        .await?;
        let busy: Vec<usize> = self.net.signers().iter().map(|signer| signer.in_flight).collect();
        assert_eq!(busy.iter().sum::<usize>(), PAYMENTS);
        let share = PAYMENTS / SIGNERS;
        assert!(busy.iter().all(|one| (share / 2..=share * 2).contains(one)), "{busy:?}");
        Ok(sends)
    }

    /// Every authorization was used by one transaction, reverted ones counted, and that one is what was told.
    async fn none_twice(&self, ends: &[Mined]) -> Outcome {
        let settled = settlements(self.chain()).await?;
        assert_eq!(settled.len(), PAYMENTS);
        let mut told: HashMap<String, u64> = ends.iter().map(|end| (end.tx.0.clone(), end.block)).collect();
        for (authorization, tries) in &settled {
            let [only] = tries.as_slice() else {
                return Err(format!("{authorization:?} was sent {} times", tries.len()).into());
            };
            assert!(only.success && only.value == U256::from(VALUE));
            let receipt = self.chain().call("eth_getTransactionReceipt", json!([only.transaction])).await?;
            let block = told.remove(&only.transaction).ok_or("a settlement that nobody was told of")?;
            assert_eq!(number(&receipt["blockNumber"])?, u128::from(block));
        }
        assert!(told.is_empty(), "told of what is not there: {told:?}");
        Ok(())
    }

    /// To the last unit, and to the last wei.
    async fn balances(&self) -> Outcome {
        let (chain, accounts) = (self.chain(), self.devnet.accounts());
        let moved = u128::from(VALUE) * u128::try_from(PAYMENTS)?;
        assert_eq!(chain.usdc_balance(accounts.merchant(0).address()).await? - self.merchant_had, moved);
        for payer in accounts.payers() {
            assert_eq!(PAYER_HAD - chain.usdc_balance(payer.address()).await?, VALUE.into());
        }
        let (spent, fills) = spent(chain).await?;
        for (signer, had) in &self.had {
            let (count, cost) = spent.get(signer).copied().ok_or("a signer that sent nothing")?;
            assert_eq!(chain.native_balance(&signer.to_string()).await?, had - cost);
            let nonce = chain.call("eth_getTransactionCount", json!([signer, "latest"])).await?;
            assert_eq!(number(&nonce)?, u128::from(count), "{signer} has no gap");
        }
        println!("{fills} nonces were used for nothing");
        Ok(())
    }

    /// The journal agrees, and nothing is on its way any more.
    async fn journal(&self) -> Outcome {
        for n in 0..PAYMENTS {
            assert!(matches!(self.net.sent(&key_of(n)).await?, Sent::Mined(mined) if mined.success));
        }
        // The market was twenty times too dear for every first offer.
        let outbid = self.ledger.scan("evm/eip155:1/was/", None, 10_000).await?.len();
        println!("{outbid} offers were outbid by their own senders");
        assert!(outbid >= PAYMENTS, "{outbid} offers were replaced");
        until("the journal is closed", PATIENCE, async || {
            Ok(self.ledger.scan("evm/eip155:1/open/", None, 10).await?.is_empty().then_some(()))
        })
        .await?;
        let signers = self.net.signers();
        let idle = |s: &SignerState| (s.in_flight, s.aside_wei, s.standing) == (0, 0, Standing::Ready);
        assert!(signers.iter().all(idle), "{signers:?}");
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_payment_settles_once_whatever_breaks() -> Outcome {
    let began = Instant::now();
    let mut scene = Scene::set().await?;
    let sends = scene.send().await?;
    println!("{:.1?}: all wait for a block", began.elapsed());
    let dear = scene.chain().spec().base_fee_wei * 20;
    scene.chain().set_base_fee_wei(dear).await?;
    scene.second.set(Rates { lost: 50, late: 50, broken: 50 });
    drop(scene.first.take()); // where the first node was, nobody listens any more
    let ends = mine_and_take_back(scene.chain(), sends).await?;
    println!(
        "{:.1?}: all have ended; lost, late, broken {:?}",
        began.elapsed(),
        scene.second.struck().counts()
    );
    scene.second.set(Rates::default());
    scene.none_twice(&ends).await?;
    scene.balances().await?;
    scene.journal().await?;
    println!("{:.1?} in all", began.elapsed());
    Ok(())
}
