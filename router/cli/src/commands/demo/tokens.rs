//! `tollway demo --token`: payments over Permit2 in tokens that know nothing of x402.
//!
//! The payer has not one coin, and no allowance. Where the token knows EIP-2612 permits, one is handed in with the payment;
//! elsewhere the facilitator pays for the payer's approval. A token that keeps a fee is refused when the payment is tried
//! out, which takes an allowance: the payer has one in that token.

use super::parties::{serve, serve_facilitator};
use super::print::Printer;
use crate::commands::devnet::over_permit2;
use crate::exit::{Failure, Outcome};
use crate::out;
use axum::Router as Axum;
use axum::http::Method;
use axum::routing::get;
use serde::{Serialize, Serializer};
use serde_json::json;
use std::sync::Arc;
use tollway::House;
use tollway::core::{AssetId, Error, Flow, Name, Role, Time, Usd, UsdPrice};
use tollway::evm::FAMILY;
use tollway::http::client::{PayError, PayingClient, Quoted, Standing};
use tollway::http::server::{Paywall, Priced};
use tollway::route::{Explanation, Policy, Rail, RejectedRow, RouteRow, SellerPolicy, Tag};
use tollway_devnet::{Account, Chain, ChainSpec, Devnet, ETH_USD_E8, PERMIT2, TokenSpec};

/// One token, as `--json` prints it.
#[derive(Serialize)]
pub(super) struct TokenReport {
    pub(super) token: &'static str,
    pub(super) address: &'static str,
    pub(super) decimals: u8,
    /// `None` where it was refused; `rejected` says why.
    pub(super) settled: Option<Settled>,
    pub(super) balances: Balances,
    pub(super) routes: Vec<RouteRow>,
    pub(super) rejected: Vec<RejectedRow>,
}

/// A payment that was made.
#[derive(Serialize)]
pub(super) struct Settled {
    #[serde(rename = "network_title")]
    pub(super) title: String,
    pub(super) transaction: String,
    pub(super) predicted_cost_usd: Usd,
    pub(super) actual_cost_usd: Usd,
}

/// What was there, read from the chain, in the token's smallest units; in JSON as decimal strings.
#[derive(Serialize)]
pub(super) struct Balances {
    #[serde(serialize_with = "text")]
    pub(super) payer_before: u128,
    #[serde(serialize_with = "text")]
    pub(super) payer_after: u128,
    #[serde(serialize_with = "text")]
    pub(super) merchant_before: u128,
    #[serde(serialize_with = "text")]
    pub(super) merchant_after: u128,
}

fn text<S: Serializer>(units: &u128, out: S) -> Result<S::Ok, S::Error> {
    out.collect_str(units)
}

/// Pays once in each of these tokens.
pub(super) async fn run(symbols: &[String], print: &Printer) -> Outcome {
    let named = |token: &&TokenSpec| symbols.iter().any(|symbol| symbol == "all" || symbol == token.symbol);
    let tokens: Vec<&TokenSpec> = TokenSpec::ALL.iter().filter(named).collect();
    print.head("Starting Base on this machine");
    let devnet = Devnet::builder().chains([ChainSpec::BASE]).start().await.map_err(Failure::failed)?;
    let outcome = play(&devnet, &tokens, print).await;
    devnet.stop().await;
    let reports = outcome?;
    if print.json {
        out::json(&json!({ "tokens": reports }))?;
    }
    Ok(())
}

async fn play(devnet: &Devnet, tokens: &[&TokenSpec], print: &Printer) -> Outcome<Vec<TokenReport>> {
    let chain = devnet.chain(ChainSpec::BASE.chain_id).map_err(Failure::failed)?;
    let payer = devnet.accounts().payer(0).address();
    chain.set_native_balance(payer, 0).await.map_err(Failure::failed)?;
    let fee = TokenSpec::FEE.address;
    chain.set_allowance(fee, payer, PERMIT2, u128::MAX).await.map_err(Failure::failed)?;
    let stand = Stand::open(devnet, chain, tokens).await?;
    print.head("A paid API asks $0.01 in any token, by Permit2; the payer has no coins for gas");
    let mut reports = Vec::with_capacity(tokens.len());
    for token in tokens {
        print.head(&format!("{}: {}", token.symbol, token.name));
        reports.push(stand.pay(devnet, chain, token, print).await?);
    }
    Ok(reports)
}

/// The three parties.
struct Stand {
    client: PayingClient,
    api: String,
    _houses: [House; 3],
    _files: tempfile::TempDir,
}

impl Stand {
    async fn open(devnet: &Devnet, chain: &Chain, tokens: &[&TokenSpec]) -> Outcome<Self> {
        let files = tempfile::tempdir().map_err(Failure::failed)?;
        let (payer, settler) = (devnet.accounts().payer(0), devnet.accounts().settler(0));
        let settler = house(chain, tokens, (&files, Role::Settler), Some(settler)).await?;
        let facilitator = serve_facilitator(&settler).await?;
        let seller = house(chain, tokens, (&files, Role::Seller), None).await?;
        let api = api(devnet, &seller, &facilitator, tokens).await?;
        let payer = house(chain, tokens, (&files, Role::Payer), Some(payer)).await?;
        let policy = Policy { cap: Some(Usd::parse("0.05")?), allow_mainnet: true, ..Policy::default() };
        let client = payer.client(policy)?;
        Ok(Self { client, api, _houses: [payer, seller, settler], _files: files })
    }

    async fn pay(
        &self,
        devnet: &Devnet,
        chain: &Chain,
        token: &TokenSpec,
        print: &Printer,
    ) -> Outcome<TokenReport> {
        let url = format!("{}/{}", self.api, token.symbol);
        let request = self.client.request(Method::GET, &url).build().map_err(Failure::failed)?;
        let quoted = self.client.quote(request).await.map_err(|e| Failure::failed(e.error()))?;
        let Quoted::Asked(asked) = quoted else {
            return Err(Failure::failed("the API asked for nothing"));
        };
        let Explanation { routes, mut rejected } = asked.explanation;
        print.table(&Explanation { routes: routes.clone(), rejected: rejected.clone() });
        let best = routes.first().ok_or_else(|| Failure::failed("there is no way to pay"))?;
        let before = Look::of(devnet, chain, token).await?;
        let answered = self.client.get(&url).await;
        let after = Look::of(devnet, chain, token).await?;
        let mut body = String::new();
        let settled = match paid(answered) {
            Ok((transaction, response)) => {
                body = response.text().await.map_err(|e| Failure::failed(e.without_url()))?;
                let spent = before.settler_wei.saturating_sub(after.settler_wei);
                Some(Settled {
                    title: best.network_title.clone(),
                    transaction,
                    predicted_cost_usd: best.settlement_cost_usd,
                    actual_cost_usd: coin().worth(spent)?,
                })
            }
            Err(why) => {
                rejected.push(refused(best, &why));
                None
            }
        };
        let report = TokenReport {
            token: token.symbol,
            address: token.address,
            decimals: token.decimals,
            settled,
            balances: Balances {
                payer_before: before.payer,
                payer_after: after.payer,
                merchant_before: before.merchant,
                merchant_after: after.merchant,
            },
            routes,
            rejected,
        };
        print.token(&report, &body);
        Ok(report)
    }
}

/// The transaction and the answer, or why there was none.
fn paid(
    answered: Result<tollway::http::client::PaidResponse, PayError>,
) -> Result<(String, reqwest::Response), Error> {
    let answered = answered.map_err(|e| e.error().clone())?;
    match answered.standing {
        Standing::Paid(paid) => {
            let transaction = paid.receipt.transaction().map(ToString::to_string).unwrap_or_default();
            Ok((transaction, answered.response))
        }
        Standing::Unsettled(why) => Err(why),
        _ => Err(Error::payee(tollway::core::Code::InvalidAnswer).detail("answered without a payment")),
    }
}

/// A route that turned out to be none.
fn refused(row: &RouteRow, why: &Error) -> RejectedRow {
    RejectedRow {
        index: row.index,
        scheme: Some(row.scheme.clone()),
        method: row.method.clone(),
        network: Some(row.network.clone()),
        network_title: Some(row.network_title.clone()),
        code: why.code.to_string(),
        reason: why.detail.to_string(),
    }
}

async fn house(
    chain: &Chain,
    tokens: &[&TokenSpec],
    (files, role): (&tempfile::TempDir, Role),
    key: Option<&Account>,
) -> Outcome<House> {
    let name = format!("{role:?}").to_lowercase();
    let own = over_permit2([chain], tokens.iter().copied());
    let mut builder = House::builder()
        .name(&name)
        .role(role)
        .sqlite(files.path().join(format!("{name}.sqlite")))?
        .settings("exact", json!({ "permit2": own }))
        .settings("upto", own)
        .rpcs([chain.http_url()]);
    for token in tokens {
        builder = builder.fixed_price(asset(chain, token)?, dollar(token));
    }
    if let Some(key) = key {
        builder = match role {
            Role::Payer => builder.payer_key(key.private_key())?,
            _ => builder.sender_key(key.private_key())?,
        };
    }
    Ok(builder.connect().await?)
}

/// A path for each token, for a cent, by either scheme.
async fn api(devnet: &Devnet, house: &House, facilitator: &str, tokens: &[&TokenSpec]) -> Outcome<String> {
    // Everything is offered, the unprofitable too, so that the table shows what a payer can choose from.
    let policy = SellerPolicy { settlement_share_bps_max: None, ..SellerPolicy::default() };
    let gate = house.gate(policy, vec![house.remote(facilitator)?])?;
    let chain = devnet.chain(ChainSpec::BASE.chain_id).map_err(Failure::failed)?;
    let mut paywall = Paywall::builder(gate).answers(Arc::clone(house.ledger()), Arc::clone(house.clock()));
    let mut app = Axum::new();
    for token in tokens {
        let rail = |scheme: &str| -> Outcome<Rail> {
            let asset = asset(chain, token)?;
            Ok(Rail {
                scheme: Name::new(scheme)?,
                method: Some(Name::new("permit2")?),
                asset,
                pay_to: FAMILY.account(asset.chain, devnet.accounts().merchant(0).address())?,
                flow: Flow::Authorization,
                timeout_s: 120,
            })
        };
        let path = format!("/{}", token.symbol);
        let priced = Priced::fixed(Tag::Usd(Usd::parse("0.01")?), vec![rail("exact")?, rail("upto")?]);
        paywall = paywall.route(Method::GET, &path, priced);
        app = app.route(&path, get(|| async { "sunny, 21 °C\n" }));
    }
    let paywall = paywall.build()?;
    paywall.recover();
    serve(app.layer(paywall)).await
}

fn asset(chain: &Chain, token: &TokenSpec) -> Outcome<AssetId> {
    let id = tollway::core::ChainId::new(&chain.spec().caip2())?;
    Ok(FAMILY.asset(id, token.address)?)
}

/// Each of these tokens is a dollar.
const fn dollar(token: &TokenSpec) -> UsdPrice {
    UsdPrice { answer: 1, answer_decimals: 0, asset_decimals: token.decimals, at: Time::ZERO }
}

/// The chain's coin is worth what the devnet's feeds start with.
fn coin() -> UsdPrice {
    UsdPrice { answer: ETH_USD_E8.into(), answer_decimals: 8, asset_decimals: 18, at: Time::ZERO }
}

/// What everybody has.
struct Look {
    payer: u128,
    merchant: u128,
    settler_wei: u128,
}

impl Look {
    async fn of(devnet: &Devnet, chain: &Chain, token: &TokenSpec) -> Outcome<Self> {
        let accounts = devnet.accounts();
        let held = async |who: &Account| chain.token_balance(token.address, who.address()).await;
        let look = async || {
            Ok(Self {
                payer: held(accounts.payer(0)).await?,
                merchant: held(accounts.merchant(0)).await?,
                settler_wei: chain.native_balance(accounts.settler(0).address()).await?,
            })
        };
        look().await.map_err(|e: tollway_devnet::DevnetError| Failure::failed(e))
    }
}
