//! Cases: random, seeded, and shaped so that everything that can happen does.

use crate::case::{
    BudgetOf, Case, FeedOf, Fixed, HoldOf, LedgerOf, ListOf, NetworkOf, PolicyOf, ScorerOf, Step, Way,
};
use crate::dice::Dice;
use crate::entries;
use crate::market;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tollway::evm::{FAMILY, FeeModel, Profile};

/// A millionth of a dollar, in 10⁻¹⁸ dollars.
const E12: u128 = 1_000_000_000_000;

/// A token of a case.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) chain: String,
    pub(crate) key: String,
    pub(crate) decimals: u8,
    /// The EIP-712 domain that is right for it.
    pub(crate) domain: (String, String),
}

/// A network of a case.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) chain: String,
    pub(crate) profile: Profile,
    pub(crate) tokens: Vec<Token>,
    pub(crate) feeds: Vec<FeedOf>,
}

impl Place {
    /// Every feed of the chain, the profile's own among them.
    pub(crate) fn all_feeds(&self) -> Vec<String> {
        let own = [self.profile.native_usd, self.profile.usdc_usd].into_iter().flatten();
        own.map(|feed| format!("{:#x}", feed.address))
            .chain(self.feeds.iter().map(|f| f.address.clone()))
            .collect()
    }
}

/// Everything about a case that its parts need to agree on.
pub(crate) struct World {
    pub(crate) places: Vec<Place>,
    pub(crate) bare: Vec<String>,
    pub(crate) payees: Vec<String>,
    pub(crate) payer: String,
    pub(crate) now_ms: u64,
    pub(crate) v1: bool,
    /// Everything costs the same in as many ways as possible.
    pub(crate) twins: bool,
}

pub(crate) fn account(dice: &mut Dice) -> String {
    alloy::hex::encode_prefixed(dice.bytes::<20>())
}

const POOL: [u64; 10] = [1, 8453, 10, 42161, 137, 43114, 42220, 84532, 421614, 43113];

/// The case of that number.
pub(crate) fn case(id: u64, payer: &str) -> Case {
    let mut dice = Dice::new(id.wrapping_mul(0x5851_f42d_4c95_7f2d) ^ 0x7011);
    let dice = &mut dice;
    let twins = dice.chance(15);
    let (mut exact_tokens, mut fixed) = (Vec::new(), Vec::new());
    let places = places(dice, twins, &mut exact_tokens, &mut fixed);
    let taken: Vec<&str> = places.iter().map(|p| p.chain.as_str()).collect();
    let bare: Vec<String> = ["eip155:8453", "eip155:137"]
        .iter()
        .filter(|c| !taken.contains(c))
        .map(|c| (*c).to_owned())
        .collect();
    let world = World {
        bare: dice.some(&bare, 60),
        payees: (0..3).map(|_| account(dice)).collect(),
        payer: payer.to_owned(),
        now_ms: 1_800_000_000_000 + dice.between(0, 999_999),
        v1: dice.chance(20),
        twins,
        places,
    };
    let (challenge, host) = (entries::challenge(&world, dice), dice.chance(80).then(|| host(dice)));
    let (price_ttl_ms, stale_ms) =
        (*dice.pick(&[10_000, 10_000, 10_000, 3_000, 30_000]), *dice.pick(&[4_000, 4_000, 8_000]));
    let steps = if twins { Vec::new() } else { steps(&world, dice) };
    let nodes = world.places.iter().map(|place| {
        let mut node = market::node(place, &world, world.now_ms, dice);
        guard(&mut node, place, &steps, 0, (price_ttl_ms, stale_ms), dice);
        (place.chain.clone(), node)
    });
    let nodes = nodes.collect();
    Case {
        id,
        kind: if twins { "twins" } else { "any" }.to_owned(),
        challenge,
        host,
        now_ms: world.now_ms,
        payer: world.payer.clone(),
        price_ttl_ms,
        stale_ms,
        exact: json!({
            "allow_unknown_assets": dice.chance(40),
            "max_timeout_s": *dice.pick(&[86_400, 86_400, 300]),
            "tokens": exact_tokens,
        }),
        policy: policy(&world, dice),
        ledger: ledger(&world, dice),
        scorer: scorer(&world, dice),
        fixed,
        bare: world.bare.clone(),
        networks: world.places.iter().map(|place| network(place, &world, dice)).collect(),
        steps: guarded(steps, &world, (price_ttl_ms, stale_ms), dice),
        nodes,
    }
}

fn host(dice: &mut Dice) -> String {
    (*dice.pick(&["api.example", "shop.example", "b.example"])).to_owned()
}

fn places(dice: &mut Dice, twins: bool, vouched: &mut Vec<Value>, fixed: &mut Vec<Fixed>) -> Vec<Place> {
    let chains: Vec<u64> = if twins {
        vec![1, 43114, 137]
    } else {
        let mut pool = POOL.to_vec();
        (0..dice.between(1, 5)).map(|_| pool.remove(dice.index(pool.len()))).collect()
    };
    chains.into_iter().map(|chain| place(chain, dice, twins, vouched, fixed)).collect()
}

fn place(id: u64, dice: &mut Dice, twins: bool, vouched: &mut Vec<Value>, fixed: &mut Vec<Fixed>) -> Place {
    let (chain, profile) = (format!("eip155:{id}"), *Profile::of(id).unwrap());
    let known = FAMILY.assets.iter().filter(|a| a.chain == chain);
    let says =
        |extra: &[(&str, &str)], key: &str| extra.iter().find(|(k, _)| *k == key).unwrap().1.to_owned();
    let mut tokens: Vec<Token> = known
        .map(|a| Token {
            chain: chain.clone(),
            key: a.key.to_owned(),
            decimals: a.decimals,
            domain: (says(a.extra, "name"), says(a.extra, "version")),
        })
        .collect();
    for _ in 0..if twins { 0 } else { dice.between(0, 3) } {
        let token = Token {
            chain: chain.clone(),
            key: account(dice),
            decimals: *dice.pick(&[0, 2, 6, 6, 8, 18, 24]),
            domain: ((*dice.pick(&["Coin", "USD₮0", "A \"quoted\" coin"])).to_owned(), "1".to_owned()),
        };
        if dice.chance(75) {
            let (name, version) = &token.domain;
            let key = if dice.chance(50) {
                token.key.to_uppercase().replace("0X", "0x")
            } else {
                token.key.clone()
            };
            vouched.push(json!({"chain": chain, "address": key, "name": name, "version": version}));
        }
        tokens.push(token);
    }
    let mut feeds = Vec::new();
    // What the profile has no feed for gets one from the case, or a fixed price, or none.
    let usdc = tokens.iter().position(|t| FAMILY.assets.iter().any(|a| a.symbol == "USDC" && a.key == t.key));
    let assets = tokens.iter().enumerate().map(|(n, t)| (t.key.clone(), t.decimals, Some(n)));
    for (key, decimals, n) in assets.chain([("native".to_owned(), 18, None)]) {
        let own =
            if n.is_none() { profile.native_usd.is_some() } else { n == usdc && profile.usdc_usd.is_some() };
        let fix = twins || dice.chance(if own { 8 } else { 45 });
        if fix {
            let coin = n.is_none();
            fixed.push(fixed_price(&format!("{chain}/{key}"), decimals, coin, twins, dice));
        } else if dice.chance(if own { 8 } else { 93 }) {
            let max_age_s = *dice.pick(&[3_600, 90_000]);
            feeds.push(FeedOf { key, decimals, address: account(dice), max_age_s });
        }
    }
    Place { chain, profile, tokens, feeds }
}

fn fixed_price(asset: &str, decimals: u8, coin: bool, twins: bool, dice: &mut Dice) -> Fixed {
    let usual = if coin { 2_650 } else { 1 };
    let (answer, answer_decimals) = match dice.between(0, 99) {
        _ if twins => (usual * 100_000_000, 8),
        0..=1 => (u128::MAX - u128::from(dice.next()), 0),
        2..=3 => (u128::from(dice.next()), 40),
        4..=6 => (0, 8),
        7..=29 => (usual, 0),
        30..=39 => (usual * 10u128.pow(18), 18),
        40..=69 => (usual * 100_000_000, 8),
        _ => (usual * 100_000_000 - u128::from(dice.between(0, 1_000_000)), 8),
    };
    Fixed { asset: asset.to_owned(), answer: answer.to_string(), answer_decimals, asset_decimals: decimals }
}

fn network(place: &Place, world: &World, dice: &mut Dice) -> NetworkOf {
    let mut learned = Vec::new();
    for token in &place.tokens {
        for what in ["transferWithAuthorization/holder", "transferWithAuthorization/new"] {
            if !world.twins && dice.chance(30) {
                learned
                    .push(json!({"contract": token.key, "what": what, "gas": dice.between(21_000, 250_000)}));
            }
        }
    }
    let signer = world.twins || !dice.chance(4);
    NetworkOf { chain: place.chain.clone(), signer, feeds: place.feeds.clone(), learned }
}

/// How long a look at the market of this chain is fresh.
fn fresh_ms(place: &Place) -> u64 {
    u64::from(place.profile.block_ms) * 2
}

fn steps(world: &World, dice: &mut Dice) -> Vec<Step> {
    let mut ages: Vec<u64> = (0..*dice.pick(&[0, 0, 1, 1, 1, 2])).map(|_| age(dice)).collect();
    ages.sort_unstable_by(|a, b| b.cmp(a));
    ages.dedup_by(|a, b| a.abs_diff(*b) < 500);
    ages.into_iter().map(|age_ms| step(world, age_ms, dice)).collect()
}

fn age(dice: &mut Dice) -> u64 {
    match dice.between(0, 3) {
        0 => dice.between(200, 2_000),
        1 => *dice.pick(&[2_000, 4_000, 8_000, 10_000, 14_000]),
        2 => dice.between(2_001, 16_000),
        _ => dice.between(16_000, 60_000),
    }
}

fn step(world: &World, age_ms: u64, dice: &mut Dice) -> Step {
    let chains: Vec<String> = world.places.iter().map(|p| p.chain.clone()).collect();
    let assets: Vec<String> = world
        .places
        .iter()
        .flat_map(|p| {
            p.tokens.iter().map(|t| t.key.as_str()).chain(["native"]).map(|k| format!("{}/{k}", p.chain))
        })
        .collect();
    let nodes = world.places.iter().map(|place| {
        let mut node = market::node(place, world, world.now_ms - age_ms, dice);
        // A node that says nothing now would say it until well after the next look.
        for way in [&mut node.fees, &mut node.feeds] {
            if *way == Way::Silent {
                *way = Way::Broken;
            }
        }
        (place.chain.clone(), node)
    });
    let nodes = nodes.collect();
    Step { age_ms, tariffs: dice.some(&chains, 75), prices: dice.some(&assets, 75), nodes }
}

/// A quote that is stale when it is asked for is used as it is, while a newer one is fetched behind it: whether that
/// comes in time is nobody's promise. So where something may be stale, nothing newer comes.
fn guard(
    node: &mut crate::case::Node,
    place: &Place,
    before: &[Step],
    age_ms: u64,
    (price_ttl_ms, stale_ms): (u64, u64),
    dice: &mut Dice,
) {
    for step in before {
        let since = step.age_ms - age_ms;
        let stale = |fresh_ms: u64| (fresh_ms..fresh_ms + stale_ms).contains(&since);
        let quiet = if age_ms == 0 && dice.chance(50) { Way::Silent } else { Way::Refuses };
        let here = |asset: &String| asset.split_once('/').is_some_and(|(chain, _)| chain == place.chain);
        if step.tariffs.contains(&place.chain) && stale(fresh_ms(place).max(2_000)) {
            node.fees = quiet;
        }
        if step.prices.iter().any(here) && stale(price_ttl_ms) {
            node.feeds = quiet;
        }
    }
}

fn guarded(mut steps: Vec<Step>, world: &World, times: (u64, u64), dice: &mut Dice) -> Vec<Step> {
    for n in 0..steps.len() {
        let (before, rest) = steps.split_at_mut(n);
        for place in &world.places {
            let age_ms = rest[0].age_ms;
            if let Some(node) = rest[0].nodes.get_mut(&place.chain) {
                guard(node, place, before, age_ms.max(1), times, dice);
            }
        }
    }
    steps
}

fn any() -> ListOf {
    ListOf { mode: "any".to_owned(), of: Vec::new() }
}

fn list(from: &[String], dice: &mut Dice) -> ListOf {
    match dice.between(0, 99) {
        0..=2 => ListOf { mode: "only".to_owned(), of: dice.some(from, 80) },
        3..=6 => ListOf { mode: "except".to_owned(), of: dice.some(from, 15) },
        _ => any(),
    }
}

fn usd(dice: &mut Dice) -> u128 {
    *dice.pick(&[1_000, 10_000, 50_000, 1_000_000, 3_000_000, 30_000_000]) * E12
}

fn policy(world: &World, dice: &mut Dice) -> PolicyOf {
    let chains: Vec<String> = world.places.iter().map(|p| p.chain.clone()).collect();
    let assets: Vec<String> =
        world.places.iter().flat_map(|p| p.tokens.iter().map(|t| format!("{}/{}", t.chain, t.key))).collect();
    let payees: Vec<String> =
        chains.iter().flat_map(|c| world.payees.iter().map(move |p| format!("{c}:{p}"))).collect();
    let hosts: Vec<String> = ["api.example", "shop.example", "b.example"].map(str::to_owned).to_vec();
    let caps = dice.some(&assets, 6);
    let caps = caps.into_iter().map(|a| (a, dice.of_any_size(9).to_string())).collect();
    let budgets = (0..*dice.pick(&[0, 0, 1, 2, 3])).map(|n| {
        let scope = match dice.between(0, 3) {
            0 => ("all".to_owned(), String::new()),
            1 => ("host".to_owned(), dice.pick(&hosts).clone()),
            2 => {
                ("asset".to_owned(), assets.first().cloned().unwrap_or_else(|| "eip155:1/native".to_owned()))
            }
            _ => ("payee".to_owned(), dice.pick(&payees).clone()),
        };
        let id = if dice.chance(20) { "budget:0".to_owned() } else { format!("budget:{n}") };
        let window_ms = *dice.pick(&[60_000, 3_600_000, 86_400_000]);
        BudgetOf { id, scope, limit: (usd(dice) * u128::from(dice.between(1, 4))).to_string(), window_ms }
    });
    let budgets = budgets.collect();
    let cap = dice
        .chance(40)
        .then(|| (usd(dice) * u128::from(dice.between(1, 3)) + u128::from(dice.chance(30))).to_string());
    let [networks, assets, payees, hosts] = [chains, assets, payees, hosts].map(|from| list(&from, dice));
    let timeout_s_max = dice.chance(25).then(|| *dice.pick(&[60, 300, 600, 100_000]));
    PolicyOf {
        networks,
        assets,
        payees,
        hosts,
        cap,
        caps,
        budgets,
        allow_mainnet: dice.chance(97),
        timeout_s_max,
    }
}

fn ledger(world: &World, dice: &mut Dice) -> LedgerOf {
    let wallets: Vec<String> = world
        .places
        .iter()
        .flat_map(|p| p.tokens.iter().map(|t| format!("wallet:{}:{}/{}", t.chain, world.payer, t.key)))
        .collect();
    let holds = (0..*dice.pick(&[0, 0, 1, 2, 5])).map(|_| {
        let mut lines = Vec::new();
        if dice.chance(70) {
            // Often a round sum, so that limits are met to the last digit; else one that shares are rounded of.
            let odd = if dice.chance(50) { u128::from(dice.next()) } else { 0 };
            lines.push((format!("budget:{}", dice.between(0, 2)), (usd(dice) + odd).to_string()));
        }
        if let Some(wallet) = dice.chance(60).then(|| wallets.get(dice.index(wallets.len().max(1)))).flatten()
        {
            let held = if dice.chance(3) { 10u128.pow(36) } else { dice.of_any_size(9) };
            lines.push((wallet.clone(), held.to_string()));
        }
        let closed = dice.chance(50).then(|| {
            let at = world.now_ms - *dice.pick(&[0, 0, 1, 59_999, 60_000, 60_001, 3_600_000, 90_000_000]);
            let of = dice.between(1, 10);
            (at, dice.between(0, 11).to_string(), of.to_string())
        });
        HoldOf { lines, closed }
    });
    let holds = holds.collect();
    LedgerOf { broken: dice.chance(3), holds }
}

fn scorer(world: &World, dice: &mut Dice) -> Option<ScorerOf> {
    if !dice.chance(20) {
        return None;
    }
    let mut scorer = ScorerOf::default();
    for place in &world.places {
        if dice.chance(60) {
            scorer
                .penalty
                .insert(place.chain.clone(), (u128::from(dice.between(0, 3)) * 500 * E12).to_string());
        }
        if dice.chance(60) {
            scorer.latency.insert(place.chain.clone(), dice.between(0, 3) * 1_000);
        }
    }
    Some(scorer)
}

/// The tables that both programs read.
pub(crate) fn facts() -> Value {
    let feed = |f: Option<tollway::evm::Feed>| {
        f.map(|f| json!({"address": format!("{:#x}", f.address), "max_age_s": f.max_age_secs}))
    };
    let model = |fees| match fees {
        FeeModel::OpStack => "op_stack",
        FeeModel::Arbitrum => "arbitrum",
        _ => "ethereum",
    };
    let networks: Vec<Value> = FAMILY
        .networks
        .iter()
        .map(|n| json!({"chain": n.chain, "title": n.title, "v1_name": n.v1_name, "coin": n.coin, "testnet": n.testnet}))
        .collect();
    let tokens: Vec<Value> = FAMILY
        .assets
        .iter()
        .map(|a| {
            let extra: BTreeMap<_, _> = a.extra.iter().copied().collect();
            json!({"chain": a.chain, "key": a.key, "symbol": a.symbol, "decimals": a.decimals, "extra": extra})
        })
        .collect();
    let profiles: Vec<Value> = Profile::all()
        .iter()
        .map(|p| {
            json!({
                "chain": format!("eip155:{}", p.chain_id), "block_ms": p.block_ms, "testnet": p.testnet,
                "fees": model(p.fees), "min_tip_wei": p.min_tip_wei, "max_tip_wei": p.max_tip_wei,
                "native_usd": feed(p.native_usd), "usdc_usd": feed(p.usdc_usd),
            })
        })
        .collect();
    json!({"networks": networks, "tokens": tokens, "profiles": profiles})
}
