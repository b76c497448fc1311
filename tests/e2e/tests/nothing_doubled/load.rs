//! The parties, the faults, and a thousand payments.

use futures::StreamExt;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tollway::House;
use tollway::core::Ledger;
use tollway::core::{BudgetId, Code, Role, Usd};
use tollway::http::client::{ClientSettings, PayError, PayingClient, Standing};
use tollway::ledger::SqliteLedger;
use tollway::route::{Budget, Policy, Router, Scope};
use tollway_devnet::{Fault, FaultKind, Faults};
use tollway_e2e::dice::Seeded;
use tollway_e2e::keys::CountingKey;
use tollway_e2e::process::FacilitatorProcess;
use tollway_e2e::proxy::{FaultProxy, Rates};
use tollway_e2e::shop::{Setup, Shop};
use tollway_e2e::world::{HouseKeys, World};
use tollway_e2e::{Outcome, until};

/// How hard it gets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// How many payments are made.
    pub(crate) payments: usize,
    /// How often the facilitator is killed.
    pub(crate) kills: usize,
    /// A block every so many milliseconds; `None` for one per transaction, at once.
    pub(crate) block_ms: Option<u64>,
    /// Whether the shop has nodes of its own, or only its facilitator's word.
    pub(crate) shop_sees_chains: bool,
}

/// How many at a time.
pub(crate) const AT_ONCE: usize = 32;
/// How many keys pay.
pub(crate) const PAYERS: usize = 8;
/// How long a request that ends before anything was signed is made again.
const BEGIN_WITHIN: Duration = Duration::from_secs(45);
const PATIENCE: Duration = Duration::from_secs(90);

/// One in twenty each.
const RATES: Rates = Rates { lost: 50, late: 50, broken: 50 };

/// Somebody who pays.
pub(crate) struct Buyer {
    pub(crate) key: Arc<CountingKey>,
    pub(crate) client: PayingClient,
    pub(crate) router: Arc<Router>,
    pub(crate) house: House,
}

/// How one payment ended, as its payer sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// 200, with a receipt that names this transaction.
    Served { transaction: String },
    /// An answer, and nobody has proven that money moved.
    Unsettled(u16, Code),
    /// Money moved and no answer came.
    Undelivered { transaction: String },
    /// No answer, and a signature is out.
    Unknown(Code),
}

/// Everybody, and the faults between them.
pub(crate) struct Load {
    pub(crate) shop: Shop,
    pub(crate) buyers: Vec<Buyer>,
    pub(crate) facilitator: FacilitatorProcess,
    pub(crate) plan: Plan,
    to_shop: FaultProxy,
    to_facilitator: FaultProxy,
}

impl Load {
    pub(crate) async fn start(world: &World, program: &str, plan: Plan, seed: u64) -> Outcome<Self> {
        let facilitator = world.facilitator(program, 2, 5_000)?;
        facilitator.health().await?;
        let to_facilitator = FaultProxy::start(&facilitator.url(), seed ^ 1).await?;
        let mut setup = Setup::new("shop", &to_facilitator.url());
        setup.settle_within = Duration::from_secs(10);
        setup.sees_chains = plan.shop_sees_chains;
        let shop = Shop::open(world, &setup).await?;
        let to_shop = FaultProxy::start(&shop.url, seed ^ 2).await?;
        let mut buyers = Vec::new();
        for i in 0..PAYERS {
            buyers.push(buyer(world, i, plan).await?);
        }
        Ok(Self { shop, buyers, facilitator, plan, to_shop, to_facilitator })
    }

    /// Makes all payments, while everything fails.
    pub(crate) async fn run(&mut self, world: &World, seed: u64) -> Outcome<Vec<End>> {
        let chains = [8453u64, 42161];
        self.to_shop.set(RATES);
        self.to_facilitator.set(RATES);
        for chain in world.devnet.chains() {
            chain.set_faults(chain_faults(seed ^ chain.id()));
        }
        let (told, done) = watch::channel(0usize);
        let url = self.to_shop.url();
        let buyers = &self.buyers;
        let payments = futures::stream::iter(0..self.plan.payments).map(|n| {
            let chain = chains[(n / PAYERS) % chains.len()];
            let (buyer, url) = (&buyers[n % PAYERS], format!("{url}/{chain}/a?n={n}"));
            let told = &told;
            async move {
                let end = pay(buyer, &url).await;
                told.send_modify(|done| *done += 1);
                end
            }
        });
        let payments = payments.buffer_unordered(AT_ONCE).collect::<Vec<Outcome<End>>>();
        let kills = kill(&mut self.facilitator, self.plan, done, seed ^ 3);
        let (ends, killed) = futures::join!(payments, kills);
        killed?;
        ends.into_iter().collect()
    }

    /// How many ended how.
    pub(crate) fn tally(&self, ends: &[End]) -> BTreeMap<String, usize> {
        let mut tally = BTreeMap::new();
        for end in ends {
            let name = match end {
                End::Served { .. } => "served".to_owned(),
                End::Unsettled(status, code) => format!("unsettled {status} {code}"),
                End::Undelivered { .. } => "undelivered".to_owned(),
                End::Unknown(code) => format!("unknown {code}"),
            };
            *tally.entry(name).or_default() += 1;
        }
        tally
    }

    /// What was broken, for people.
    pub(crate) fn harm(&self, world: &World) -> String {
        let chains = world.devnet.chains().iter();
        let chains: Vec<_> = chains.map(|c| (c.id(), c.counts().faults, c.counts().total())).collect();
        format!(
            "lost, late, broken on the way to the shop {:?}, to the facilitator {:?}; chains (faults of calls) {chains:?}",
            self.to_shop.struck().counts(),
            self.to_facilitator.struck().counts()
        )
    }

    /// No faults any more.
    pub(crate) fn calm(&self, world: &World) {
        self.to_shop.set(Rates::default());
        self.to_facilitator.set(Rates::default());
        world.devnet.chains().iter().for_each(|chain| chain.set_faults(Faults::none()));
    }

    /// Waits until no transaction of the facilitator is on its way.
    pub(crate) async fn quiet(&self, world: &World) -> Outcome {
        let ledger = SqliteLedger::open(self.facilitator.ledger())?;
        until("the facilitator's transactions are in blocks", PATIENCE, async || {
            let health = self.facilitator.health().await?;
            let mut open = health["settling"].as_u64().unwrap_or(1);
            for chain in world.devnet.chains() {
                let prefix = format!("evm/{}/open/", chain.spec().caip2());
                open += u64::try_from(ledger.scan(&prefix, None, 10).await?.len())?;
            }
            Ok((open == 0).then_some(()))
        })
        .await
        .map_err(|e| format!("{e}\n{}", self.facilitator.log_tail()).into())
    }

    /// Waits until the facilitator has no settlement left whose outcome it does not know.
    pub(crate) async fn nothing_open(&self, world: &World) -> Outcome {
        self.quiet(world).await?;
        let ledger = SqliteLedger::open(self.facilitator.ledger())?;
        let open = until("the facilitator knows every outcome", PATIENCE, async || {
            let open = ledger.scan("visit/facilitator/", None, 10).await?;
            Ok(open.is_empty().then_some(()))
        });
        open.await.map_err(|e| format!("{e}\n{}", self.facilitator.log_tail()).into())
    }
}

async fn buyer(world: &World, i: usize, plan: Plan) -> Outcome<Buyer> {
    let key = Arc::new(CountingKey::from_hex(world.devnet.accounts().payer(i).private_key())?);
    let keys = HouseKeys { payer: Some(key.clone()), senders: Vec::new() };
    let house = world.house(&format!("buyer-{i}"), Role::Payer, &keys).await?;
    // Exactly what the payments cost: one signature too many would not fit.
    let each = u64::try_from(plan.payments / PAYERS)?;
    let budget = Budget {
        id: BudgetId("test".to_owned()),
        scope: Scope::All,
        limit: Usd::from_micros(each * 10_000),
        window_ms: 24 * 3_600_000,
    };
    let policy = Policy {
        cap: Some(Usd::parse("0.01")?),
        allow_mainnet: true,
        budgets: vec![budget],
        ..Policy::default()
    };
    let router = house.router(policy);
    let client = PayingClient::new(reqwest::Client::builder(), router.clone(), ClientSettings::default())?;
    Ok(Buyer { key, client, router, house })
}

/// One payment. What ends before anything was signed is begun again, as any application would.
async fn pay(buyer: &Buyer, url: &str) -> Outcome<End> {
    let (mut last, begun) = (String::new(), Instant::now());
    while begun.elapsed() < BEGIN_WITHIN {
        let transaction =
            |paid: &tollway::route::Paid| paid.receipt.transaction().map(|t| t.0.clone()).unwrap_or_default();
        match buyer.client.get(url).await {
            Ok(answer) => match &answer.standing {
                Standing::Paid(paid) if answer.response.status().as_u16() == 200 => {
                    let transaction = transaction(paid);
                    let body = answer.response.text().await;
                    assert!(body.is_err() || body.is_ok_and(|b| !b.is_empty()), "an empty answer");
                    return Ok(End::Served { transaction });
                }
                Standing::Paid(paid) => return Ok(End::Undelivered { transaction: transaction(paid) }),
                Standing::Unsettled(e) => {
                    return Ok(End::Unsettled(answer.response.status().as_u16(), e.code.clone()));
                }
                _ if answer.response.status().is_success() => return Err("served for nothing".into()),
                _ => {
                    let status = answer.response.status();
                    last = format!("{status} {}", answer.response.text().await.unwrap_or_default());
                }
            },
            Err(PayError::Undelivered(lost)) => {
                return Ok(End::Undelivered { transaction: transaction(&lost.paid) });
            }
            Err(PayError::Failed(e)) if e.is_unknown_outcome() => return Ok(End::Unknown(e.code)),
            Err(PayError::Failed(e)) if e.code == Code::NoRoute && e.detail.contains("budget") => {
                return Err(format!("more was signed than was to be paid: {e}").into());
            }
            Err(PayError::Failed(e))
                if !matches!(e.code, Code::NoRoute | Code::Unreachable | Code::TimedOut | Code::NoQuote) =>
            {
                return Ok(End::Unknown(e.code));
            }
            Err(other) => last = other.to_string(),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(format!("nothing was signed within {BEGIN_WITHIN:?}: {last}").into())
}

/// Kills the facilitator at random moments of the run, and starts it again.
async fn kill(
    facilitator: &mut FacilitatorProcess,
    plan: Plan,
    mut done: watch::Receiver<usize>,
    seed: u64,
) -> Outcome {
    let dice = Seeded::new(seed);
    let last = u64::try_from(plan.payments - AT_ONCE)?;
    let mut moments = Vec::new();
    for _ in 0..plan.kills {
        moments.push(usize::try_from(dice.below(last))?);
    }
    moments.sort_unstable();
    for moment in moments {
        done.wait_for(|done| *done >= moment).await?;
        tokio::time::sleep(Duration::from_millis(dice.below(300))).await;
        facilitator.kill().await?;
        tokio::time::sleep(Duration::from_millis(dice.below(100))).await;
        facilitator.again()?;
    }
    Ok(())
}

/// One in twenty answers of a node lost, late, or an error.
fn chain_faults(seed: u64) -> Faults {
    let busy = FaultKind::Rpc { code: -32603, message: "internal error on purpose".to_owned() };
    Faults::seeded(seed)
        .with(Fault::new(FaultKind::HangUp, 50))
        .with(Fault::new(FaultKind::Delay(Duration::from_millis(150)), 50))
        .with(Fault::new(busy, 25))
        .with(Fault::new(FaultKind::Http(500), 25))
}
