//! `tollway pay`: requests a URL and pays for it.

use super::{quote, request};
use crate::args::Pay;
use crate::config::Config;
use crate::exit::{Failure, Outcome};
use crate::{out, safety, setup, table, words};
use std::io::Write;
use tollway::House;
use tollway::core::Role;
use tollway::http::client::{Asked, PaidResponse, PayingClient, Quoted, Standing};
use tollway::route::Router;
use tollway::route::pay::{AttemptRecord, AttemptStage};

pub(crate) async fn run(args: &Pay) -> Outcome {
    let config = Config::read(&args.request.config, args.request.mainnet)?;
    let mut policy = setup::policy(&config, args.max)?;
    if policy.cap.is_none() && !args.dry_run && !args.settle_up {
        return Err(Failure::usage("paying needs a cap: --max 0.05, or max_usd under [policy]"));
    }
    let house = setup::house(&config, &[Role::Payer]).await?;
    policy.screen = safety::screening(&config, &house)?;
    let client = house.client(policy)?;
    // Without `--settle-up` there is always a URL.
    let Some(url) = args.url.as_ref().filter(|_| !args.settle_up) else {
        settle_up(client.router()).await?;
        return say_journal(client.router()).await;
    };
    settle_older(&house, client.router()).await?;
    let request = request::build(&client, url, &args.request)?;
    if args.dry_run {
        return dry_run(&house, &client, url, request).await;
    }
    can_write(args)?;
    let answered = client.execute(request).await.map_err(|e| quote::failure(&house, url, e))?;
    report(args, &house, &answered.standing, answered.response.status());
    write_body(args, &house, answered).await
}

/// An answer that has nowhere to go should not be bought.
fn can_write(args: &Pay) -> Outcome {
    let Some(path) = &args.output else { return Ok(()) };
    let tried = std::fs::OpenOptions::new().append(true).create(true).open(path);
    tried.map(drop).map_err(|e| Failure::usage(format!("cannot write {}: {e}", path.display())))
}

/// How old an open payment must be before a command that does something else asks after it: a younger one may be under
/// way in another command over the same ledger, and its money is held all the same.
const OLD_MS: u64 = 60_000;

/// Finds out about earlier payments first: money in flight counts against budgets.
async fn settle_older(house: &House, router: &Router) -> Outcome {
    let now = house.clock().now();
    let old = |a: &AttemptRecord| is_open(a) && now.ms_since(a.begun_at) > OLD_MS;
    if router.attempts().await?.iter().any(old) { settle_up(router).await } else { Ok(()) }
}

fn is_open(attempt: &AttemptRecord) -> bool {
    !matches!(attempt.stage, AttemptStage::Settled | AttemptStage::Dead)
}

async fn settle_up(router: &Router) -> Outcome {
    for moved in router.settle_up().await? {
        let earlier = words::amount(router.registry(), moved.exposure.0);
        match (moved.stage, &moved.receipt) {
            (AttemptStage::Settled, Some(receipt)) => {
                eprintln!("earlier payment: {}", words::paid(router.registry(), receipt));
            }
            _ => eprintln!("earlier payment: {earlier} was not paid, and cannot be any more"),
        }
    }
    Ok(())
}

async fn say_journal(router: &Router) -> Outcome {
    let attempts = router.attempts().await?;
    let open: Vec<_> = attempts.iter().filter(|a| is_open(a)).collect();
    for attempt in &open {
        let what = words::amount(router.registry(), attempt.exposure.0);
        let place = words::network(router.registry(), &attempt.requirement.chain);
        out::line(format_args!("still open: {what} on {place}"))?;
    }
    out::line(format_args!("{} payments in the journal, {} still open", attempts.len(), open.len()))
}

async fn dry_run(house: &House, client: &PayingClient, url: &url::Url, request: reqwest::Request) -> Outcome {
    match client.quote(request).await.map_err(|e| quote::failure(house, url, e))? {
        Quoted::Asked(asked) => would_pay(&asked),
        Quoted::Free(response) => quote::free(url, response.status(), false),
        _ => Ok(()),
    }
}

fn would_pay(asked: &Asked) -> Outcome {
    out::write(table::render(&asked.explanation))?;
    match asked.explanation.routes.first() {
        Some(best) => out::line(format_args!(
            "would pay {:.6} on {}; nothing was signed",
            best.payer_cost_usd, best.network_title
        )),
        None => Err(Failure { code: 3, words: "no entry can be paid; nothing was signed".to_owned() }),
    }
}

fn report(args: &Pay, house: &House, standing: &Standing, status: reqwest::StatusCode) {
    match standing {
        Standing::Paid(paid) if args.json => eprintln!(
            "{}",
            serde_json::json!({
                "paid": true, "network": paid.receipt.chain, "transaction": paid.receipt.transaction(),
                "asset": paid.charged.asset, "amount_atomic": paid.charged.atomic.to_string(),
                "status": status.as_u16(),
            })
        ),
        Standing::Paid(paid) => eprintln!("{}", words::paid(house.registry(), &paid.receipt)),
        Standing::Free if args.json => eprintln!("{}", serde_json::json!({ "paid": false })),
        Standing::Free => eprintln!("nothing was asked, nothing was paid"),
        Standing::Unsettled(e) => {
            eprintln!("a payment was sent, and nobody has proven that money moved: {}", e.detail);
        }
        _ => {}
    }
}

/// Hands the answer on. From here on money may have moved, and the exit code must not say otherwise.
async fn write_body(args: &Pay, house: &House, answered: PaidResponse) -> Outcome {
    let status = answered.response.status();
    let standing = answered.standing;
    let written = copy_body(args, answered.response).await;
    let standing = concluded(args, house, standing, status).await;
    let failed = match written {
        Err(why) => Some(why),
        Ok(()) if status.is_client_error() || status.is_server_error() => {
            Some(format!("the server answered {status}"))
        }
        Ok(()) => None,
    };
    match (standing, failed) {
        (Standing::Unsettled(_), _) => Err(Failure {
            code: 5,
            words: "do not pay again; ask what became of it with `tollway pay --settle-up`".to_owned(),
        }),
        (Standing::Paid(paid), Some(why)) => {
            Err(Failure::undelivered(format!("{}, but {why}", words::paid(house.registry(), &paid.receipt))))
        }
        (_, Some(why)) => Err(Failure::failed(why)),
        (_, None) => Ok(()),
    }
}

/// What was charged for as it came is known when it has come, or has broken off.
async fn concluded(args: &Pay, house: &House, standing: Standing, status: reqwest::StatusCode) -> Standing {
    let Standing::Streams(payment) = &standing else { return standing };
    let standing = match payment.paid().await {
        Ok(paid) => Standing::Paid(Box::new(paid)),
        Err(e) => Standing::Unsettled(e.error().clone()),
    };
    report(args, house, &standing, status);
    standing
}

async fn copy_body(args: &Pay, mut response: reqwest::Response) -> Result<(), String> {
    let mut out: Box<dyn Write> = match &args.output {
        Some(path) => Box::new(
            std::fs::File::create(path).map_err(|e| format!("cannot write {}: {e}", path.display()))?,
        ),
        None => Box::new(std::io::stdout().lock()),
    };
    while let Some(chunk) =
        response.chunk().await.map_err(|e| format!("the answer broke off: {}", e.without_url()))?
    {
        out.write_all(&chunk).map_err(|e| format!("the answer could not be written: {e}"))?;
    }
    out.flush().map_err(|e| format!("the answer could not be written: {e}"))
}
