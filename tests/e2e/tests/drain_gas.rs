//! A facilitator whose callers want its gas: dust, payers who move their money between look and block, and a thousand
//! callers at once. What it lost is read from the chain.

use alloy::primitives::{Address, B256, U256, keccak256};
use alloy::sol_types::SolCall;
use futures::future::join_all;
use reqwest::Client;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use tollway::House;
use tollway::core::{AssetId, BudgetLine, ChainId, Role, Time, Usd};
use tollway::evm::{FAMILY, LocalKey, eip712};
use tollway::http::facilitator::ApiKeys;
use tollway::route::GuardSettings;
use tollway::route::guard::{Limit, Strikes};
use tollway::route::quotes::Wants;
use tollway_devnet::{Chain, ChainSpec};
use tollway_e2e::header::Draft;
use tollway_e2e::world::{HouseKeys, World};
use tollway_e2e::{Outcome, until};

const PATIENCE: Duration = Duration::from_secs(120);
/// What everybody pays, except in dust.
const DOLLAR: u64 = 1_000_000;

alloy::sol! {
    function transfer(address to, uint256 value) external returns (bool);
    function cancelAuthorization(address authorizer, bytes32 nonce, bytes signature) external;
}

/// A facilitator on Base, with its gas in one account.
struct Bed {
    world: World,
    client: Client,
    house: Arc<House>,
    /// What an honest settlement costs.
    plain: Usd,
    url: String,
}

/// What came back, with its status.
type Answer = (u16, Value);

impl Bed {
    /// Guarded by what `settings` makes of the dollars that one honest settlement costs.
    async fn start(callers: usize, settings: impl FnOnce(&Self) -> GuardSettings) -> Outcome<Self> {
        let world = World::start([ChainSpec::BASE]).await?;
        let senders = vec![world.devnet.accounts().settler(0).private_key().to_owned()];
        let keys = HouseKeys { payer: None, senders };
        let house = Arc::new(world.house("facilitator", Role::Settler, &keys).await?);
        let mut bed = Self { world, client: Client::new(), house, plain: Usd::ZERO, url: String::new() };
        bed.url = bed.serve(None, 0).await?;
        let before = bed.gas_left().await?;
        assert_eq!(bed.settle("", &bed.honest()?).await?.1["success"], true);
        bed.plain = bed.lost(before).await?;
        bed.url = bed.serve(Some(settings(&bed)), callers).await?;
        Ok(bed)
    }

    /// What so many honest settlements cost, in a day.
    fn plain(&self, times: u128) -> Option<Limit> {
        Some(Limit::a_day(Usd::from_e18(self.plain.e18() * times)))
    }

    async fn serve(&self, guard: Option<GuardSettings>, callers: usize) -> Outcome<String> {
        let mut builder = self.house.facilitator();
        if let Some(settings) = guard {
            let mut keys = ApiKeys::new().with("honest", &key("honest"))?;
            for n in 0..callers {
                let name = format!("caller-{n}");
                keys = keys.with(&name, &key(&name))?;
            }
            builder = builder.guard(Arc::new(self.house.guard(settings)?)).keys(keys);
        }
        let facilitator = builder.build()?;
        facilitator.recover().await?;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        // It keeps the house alive.
        let house = Arc::clone(&self.house);
        tokio::spawn(async move {
            let served = facilitator.serve(listener, std::future::pending()).await;
            drop(house);
            served
        });
        Ok(url)
    }

    fn chain(&self) -> &Chain {
        self.world.chain()
    }

    /// What the settler has left, in wei.
    async fn gas_left(&self) -> Outcome<u128> {
        Ok(self.chain().native_balance(self.world.devnet.accounts().settler(0).address()).await?)
    }

    async fn in_usd(&self, wei: u128) -> Outcome<Usd> {
        let coin = AssetId::native(ChainId::new(&self.chain().spec().caip2())?);
        self.house.quotes().gather(&Wants { prices: [coin].into(), ..Wants::default() }).await;
        Ok(self.house.quotes().price(&coin)?.worth(wei)?)
    }

    /// What was lost since there was so much, in USD.
    async fn lost(&self, before: u128) -> Outcome<Usd> {
        self.in_usd(before - self.gas_left().await?).await
    }

    /// A payment of so much, signed.
    fn payment(&self, key: &str, pay_to: &str, amount: u64) -> Outcome<Value> {
        let chain = ChainId::new(&self.chain().spec().caip2())?;
        let asset = FAMILY.asset(chain, self.chain().usdc())?;
        let extra: serde_json::Map<_, _> = FAMILY
            .known(&asset)
            .map_or(&[][..], |known| known.extra)
            .iter()
            .map(|(key, value)| ((*key).to_owned(), Value::from(*value)))
            .collect();
        let accepted = json!({
            "scheme": "exact",
            "network": chain.as_str(),
            "amount": amount.to_string(),
            "asset": self.chain().usdc(),
            "payTo": pay_to,
            "maxTimeoutSeconds": 300,
            "extra": extra,
        });
        let challenge = json!({ "accepts": [accepted], "resource": { "url": "https://shop.example/a" } });
        let signed = Draft::new(&challenge, key)?.sign();
        Ok(json!({ "x402Version": 2, "paymentPayload": signed, "paymentRequirements": accepted }))
    }

    fn honest(&self) -> Outcome<Value> {
        let accounts = self.world.devnet.accounts();
        self.payment(accounts.payer(0).private_key(), accounts.merchant(0).address(), DOLLAR)
    }

    async fn settle(&self, caller: &str, body: &Value) -> Outcome<Answer> {
        ask(&self.client, format!("{}/settle", self.url), caller, body).await
    }

    async fn verify(&self, caller: &str, body: &Value) -> Outcome<Answer> {
        ask(&self.client, format!("{}/verify", self.url), caller, body).await
    }

    /// An account that holds this much, and enough coins to move it away.
    async fn crook(&self, n: usize, usdc: u64) -> Outcome<Crook> {
        let mut bytes = [7u8; 32];
        bytes[..8].copy_from_slice(&u64::try_from(n)?.to_be_bytes());
        let address = LocalKey::from_bytes(&bytes)?.address().to_checksum(None);
        self.chain().set_usdc_balance(&address, usdc).await?;
        self.chain().set_native_balance(&address, 1_000_000_000_000_000_000).await?;
        Ok(Crook { key: format!("0x{}", hex::encode(bytes)), address })
    }

    /// All of these at once; blocks wait until everything that will be sent is in the pool. Then the crooks make their calls
    /// to the token, at a tip that puts them in front.
    async fn wave(&self, crimes: Vec<(&Crook, Vec<u8>)>, asks: Vec<(String, Value)>) -> Outcome<Vec<Answer>> {
        self.chain().set_automine(false).await?;
        let (total, answered) = (asks.len(), Arc::new(AtomicUsize::new(0)));
        let spawn = |(caller, body): (String, Value)| -> JoinHandle<Outcome<Answer>> {
            let (client, url) = (self.client.clone(), format!("{}/settle", self.url));
            let answered = Arc::clone(&answered);
            tokio::spawn(async move {
                let answer = ask(&client, url, &caller, &body).await;
                answered.fetch_add(1, Ordering::SeqCst);
                answer
            })
        };
        let answers: Vec<_> = asks.into_iter().map(spawn).collect();
        until("all are sent or refused", PATIENCE, async || {
            let pool = self.chain().call("txpool_status", json!([])).await?;
            let hex = pool["pending"].as_str().unwrap_or("0x0").trim_start_matches("0x");
            let pending = usize::from_str_radix(hex, 16)?;
            Ok((pending + answered.load(Ordering::SeqCst) == total).then_some(()))
        })
        .await?;
        for (crook, call) in crimes {
            self.send(crook, call).await?;
        }
        self.chain().set_automine(true).await?;
        self.chain().mine(1).await?;
        let mut all = Vec::new();
        for answer in join_all(answers).await {
            all.push(answer??);
        }
        Ok(all)
    }

    async fn send(&self, crook: &Crook, call: Vec<u8>) -> Outcome {
        self.chain().call("anvil_impersonateAccount", json!([crook.address])).await?;
        let tx = json!({
            "from": crook.address, "to": self.chain().usdc(), "gas": "0x186a0",
            "data": format!("0x{}", hex::encode(call)),
            "maxFeePerGas": "0x2e90edd000", "maxPriorityFeePerGas": "0x174876e800",
        });
        self.chain().call("eth_sendTransaction", json!([tx])).await?;
        Ok(())
    }
}

/// Somebody whose payments fail.
struct Crook {
    key: String,
    address: String,
}

fn key(name: &str) -> String {
    format!("{name}-has-this-secret")
}

async fn ask(client: &Client, url: String, caller: &str, body: &Value) -> Outcome<Answer> {
    let mut request = client.post(url).body(body.to_string());
    if !caller.is_empty() {
        request = request.bearer_auth(key(caller));
    }
    let answer = request.send().await?;
    Ok((answer.status().as_u16(), serde_json::from_str(&answer.text().await?)?))
}

fn word(answer: &Answer) -> &str {
    let word = |key: &str| answer.1[key].as_str();
    word("errorReason").or_else(|| word("invalidReason")).unwrap_or("")
}

fn count(answers: &[Answer], code: &str) -> usize {
    answers.iter().filter(|answer| word(answer) == code).count()
}

const FAILED: &str = "invalid_transaction_state";

/// Takes all the money away.
fn flight() -> Vec<u8> {
    transferCall { to: Address::repeat_byte(9), value: U256::from(DOLLAR) }.abi_encode()
}

/// Takes back what is signed in this request.
fn cancellation(bed: &Bed, crook: &Crook, body: &Value) -> Outcome<Vec<u8>> {
    let key = LocalKey::from_hex(&crook.key)?;
    let said = &body["paymentPayload"]["payload"]["authorization"]["nonce"];
    let nonce: B256 = said.as_str().ok_or("no nonce")?.parse()?;
    let kind = keccak256("CancelAuthorization(address authorizer,bytes32 nonce)");
    let hash = keccak256(eip712_words(&[kind, key.address().into_word(), nonce]));
    let asset = FAMILY.asset(ChainId::new(&bed.chain().spec().caip2())?, bed.chain().usdc())?;
    let signature = key.sign(&eip712::digest(&eip712::known_separator(&asset)?, &hash));
    let signature = signature.as_bytes().to_vec().into();
    Ok(cancelAuthorizationCall { authorizer: key.address(), nonce, signature }.abi_encode())
}

fn eip712_words(words: &[B256]) -> Vec<u8> {
    words.iter().flat_map(|word| word.0).collect()
}

/// Budgets that a thousand callers, each within its own, would overrun many times over.
fn budgets(bed: &Bed) -> GuardSettings {
    GuardSettings {
        amount_usd_min: Some(Usd::from_micros(1_000)),
        gas_all: bed.plain(120),
        gas_caller: bed.plain(40),
        gas_payee: bed.plain(60),
        strikes: Some(Strikes { window_ms: 3_600_000, payer: 2, payee: 6, caller: 4, lost_percent: 50 }),
        ..GuardSettings::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_callers_cannot_drain_it_and_honest_ones_are_served_in_between() -> Outcome {
    const CALLERS: usize = 1_000;
    let bed = Bed::start(CALLERS, budgets).await?;
    let before = bed.gas_left().await?;

    // Strangers are told nothing but that.
    for caller in ["", "nobody"] {
        let body = bed.honest()?;
        for answer in [bed.settle(caller, &body).await?, bed.verify(caller, &body).await?] {
            assert_eq!((answer.0, word(&answer)), (401, "unauthorized"), "{answer:?}");
        }
    }

    // Dust, from every caller there is.
    let accounts = bed.world.devnet.accounts();
    let (payer, shop) = (accounts.payer(1).private_key(), accounts.merchant(1).address());
    let dust = (0..CALLERS).map(|n| Ok((format!("caller-{n}"), bed.payment(payer, shop, 999)?)));
    let dust = dust.collect::<Outcome<Vec<_>>>()?;
    for answer in join_all(dust.iter().map(|(caller, body)| bed.settle(caller, body))).await {
        let answer = answer?;
        assert_eq!((answer.0, word(&answer)), (200, "amount_below_minimum"), "{answer:?}");
    }
    assert_eq!(bed.gas_left().await?, before, "dust cost nothing");

    // Payers who empty their accounts, three hundred payments at once, each time for shops that nobody has heard of.
    let (mut reverted, mut caller) = (0, 0);
    for wave in 0..3u8 {
        let mut crooks = Vec::new();
        for n in 0..30 {
            crooks.push(bed.crook(usize::from(wave) * 100 + n, DOLLAR).await?);
        }
        let mut asks = Vec::new();
        for n in 0..300u16 {
            let crook = &crooks[usize::from(n) % crooks.len()];
            let shop = Address::repeat_byte(0xa0 + wave * 4 + u8::try_from(n % 4)?).to_checksum(None);
            asks.push((format!("caller-{caller}"), bed.payment(&crook.key, &shop, DOLLAR)?));
            caller += 1;
        }
        let answers = bed.wave(crooks.iter().map(|crook| (crook, flight())).collect(), asks).await?;
        let failed = count(&answers, FAILED);
        let refused = ["gas_budget_exceeded", "too_many_failed_settlements", "insufficient_funds"];
        let refused = refused.map(|code| count(&answers, code));
        println!(
            "wave {wave}: {failed} failed on chain, {refused:?} refused, {} lost",
            bed.lost(before).await?
        );
        assert!(failed > 0, "it is an attack");
        let words: std::collections::BTreeSet<_> = answers.iter().map(word).collect();
        assert_eq!(failed + refused.iter().sum::<usize>(), answers.len(), "{words:?}");
        assert!(answers.iter().all(
            |a| (a.0 == 429) == ["gas_budget_exceeded", "too_many_failed_settlements"].contains(&word(a))
        ));
        // Five times a plain settlement is held for each, and all of them fit into what there is.
        assert!(failed <= 120 / 5, "{failed}");
        reverted += failed;
        // In between, whoever means well is served.
        for _ in 0..3 {
            let (status, served) = bed.settle("honest", &bed.honest()?).await?;
            assert_eq!((status, &served["success"]), (200, &Value::from(true)), "{served}");
        }
    }
    let lost = bed.lost(before).await?;
    let bound = bed.plain(120).map(|limit| limit.usd);
    assert!(Some(lost) <= bound, "{lost} lost, {reverted} failed");
    Ok(())
}

/// The hard bound: whatever else is off, the budget is not overrun, and the ledger says what the chain says.
#[tokio::test(flavor = "multi_thread")]
async fn an_attack_without_end_costs_the_budget_and_no_more() -> Outcome {
    let only_budget = |bed: &Bed| GuardSettings { gas_all: bed.plain(12), ..GuardSettings::off() };
    let mut bed = Bed::start(10, only_budget).await?;
    let before = bed.gas_left().await?;
    let (mut failed, mut waves) = (0, 0);
    loop {
        let mut crooks = Vec::new();
        for n in 0..10 {
            crooks.push(bed.crook(1_000 + waves * 10 + n, DOLLAR).await?);
        }
        let shop = Address::repeat_byte(0xb0).to_checksum(None);
        let (mut asks, mut crimes) = (Vec::new(), Vec::new());
        for (n, crook) in crooks.iter().enumerate() {
            let body = bed.payment(&crook.key, &shop, DOLLAR)?;
            crimes.push((crook, cancellation(&bed, crook, &body)?));
            asks.push((format!("caller-{n}"), body));
        }
        let answers = bed.wave(crimes, asks).await?;
        let now = count(&answers, FAILED);
        assert_eq!(now + count(&answers, "gas_budget_exceeded"), answers.len(), "{answers:?}");
        failed += now;
        waves += 1;
        if now == 0 {
            break;
        }
        assert!(waves < 60, "it does not end");
    }
    let wasted = bed.lost(before).await?;
    let percent = wasted.e18() * 100 / u128::try_from(failed)? / bed.plain.e18();
    println!("{failed} failed in {waves} waves and cost {wasted}, each {percent} % of a plain settlement");
    // Cheaper payments than theirs may still fit, until none does.
    while bed.settle("honest", &bed.honest()?).await?.0 == 200 {
        assert!(Some(bed.lost(before).await?) <= bed.plain(12).map(|limit| limit.usd));
    }
    let lost = bed.lost(before).await?;
    assert!(Some(lost) <= bed.plain(12).map(|limit| limit.usd), "{lost}");
    // The books: what the chain took, to the last part in ten thousand.
    let line = BudgetLine { budget: "gas/all".into(), amount: 0, limit: 0, since: Time::ZERO };
    let booked = Usd::from_e18(bed.house.ledger().used(&[line]).await?[0]);
    assert!(
        lost <= booked && booked.e18() - lost.e18() <= lost.e18() / 10_000,
        "{booked} booked, {lost} lost"
    );
    // Nobody else is served on that budget either, and a restart does not help.
    for _ in 0..2 {
        for answer in
            [bed.settle("honest", &bed.honest()?).await?, bed.verify("honest", &bed.honest()?).await?]
        {
            assert_eq!((answer.0, word(&answer)), (429, "gas_budget_exceeded"), "{answer:?}");
        }
        bed.url = bed.serve(Some(only_budget(&bed)), 10).await?;
    }
    Ok(())
}
