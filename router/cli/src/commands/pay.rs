//! `tollway pay`: requests a URL and pays for it.

use super::{quote, request};
use crate::args::Pay;
use crate::config::Config;
use crate::exit::{Failure, Outcome};
use crate::{setup, table};
use std::io::Write;
use std::sync::Arc;
use tollway::core::Role;
use tollway::http::client::{ClientSettings, PaidResponse, PayingClient, Quoted, Standing};
use tollway::route::Router;

pub(crate) async fn run(args: &Pay) -> Outcome {
    let config = Config::read(&args.request.config, args.request.mainnet)?;
    let policy = setup::policy(&config, args.max)?;
    if policy.cap.is_none() && !args.dry_run && !args.settle_up {
        return Err(Failure::usage("paying needs a cap: --max 0.05, or max_usd under [policy]"));
    }
    let house = setup::house(&config, &[Role::Payer]).await?;
    let router = house.router(policy);
    settle_up(&router, args.settle_up).await?;
    if args.settle_up {
        return Ok(());
    }
    let client = PayingClient::new(reqwest::Client::builder(), router, ClientSettings::default())?;
    let request = request::build(&client, &args.request)?;
    if args.dry_run {
        if let Quoted::Asked(asked) = client.quote(request).await.map_err(quote::failure)? {
            print!("{}", table::render(&asked.explanation));
            match asked.explanation.routes.first() {
                Some(best) => println!(
                    "would pay {:.6} on {}; nothing was signed",
                    best.payer_cost_usd, best.network_title
                ),
                None => {
                    return Err(Failure {
                        code: 3,
                        words: "no entry can be paid; nothing was signed".to_owned(),
                    });
                }
            }
        }
        return Ok(());
    }
    let answered = client.execute(request).await.map_err(quote::failure)?;
    report(args, &answered);
    write_body(args, answered).await
}

/// Finds out about earlier payments first: money in flight counts against budgets.
async fn settle_up(router: &Arc<Router>, say: bool) -> Outcome {
    for moved in router.settle_up().await? {
        eprintln!("earlier payment {}: {:?}", moved.id.0, moved.stage);
    }
    if say {
        let attempts = router.attempts().await?;
        let open = attempts.iter().filter(|a| {
            !matches!(
                a.stage,
                tollway::route::pay::AttemptStage::Settled | tollway::route::pay::AttemptStage::Dead
            )
        });
        println!("{} payments in the journal, {} still open", attempts.len(), open.count());
    }
    Ok(())
}

fn report(args: &Pay, answered: &PaidResponse) {
    match &answered.standing {
        Standing::Paid(paid) => {
            let tx = paid.receipt.transaction().map(ToString::to_string).unwrap_or_default();
            if args.json {
                eprintln!(
                    "{}",
                    serde_json::json!({
                        "paid": true, "network": paid.receipt.chain, "transaction": tx,
                        "asset": paid.charged.asset, "amount_atomic": paid.charged.atomic.to_string(),
                        "status": answered.response.status().as_u16(),
                    })
                );
            } else {
                eprintln!("paid {} · transaction {tx}", paid.charged);
            }
        }
        Standing::Free if args.json => eprintln!("{}", serde_json::json!({ "paid": false })),
        Standing::Free => eprintln!("nothing was asked, nothing was paid"),
        Standing::Unsettled(e) => {
            eprintln!("a payment was sent, and nobody has proven that money moved: {e}")
        }
        _ => {}
    }
}

async fn write_body(args: &Pay, answered: PaidResponse) -> Outcome {
    let status = answered.response.status();
    let unsettled = matches!(answered.standing, Standing::Unsettled(_));
    let mut response = answered.response;
    let mut out: Box<dyn Write> = match &args.output {
        Some(path) => Box::new(
            std::fs::File::create(path)
                .map_err(|e| Failure::failed(format!("cannot write {}: {e}", path.display())))?,
        ),
        None => Box::new(std::io::stdout().lock()),
    };
    while let Some(chunk) = response.chunk().await.map_err(|e| Failure::failed(e.without_url()))? {
        out.write_all(&chunk).map_err(Failure::failed)?;
    }
    out.flush().map_err(Failure::failed)?;
    match (unsettled, status.is_client_error() || status.is_server_error()) {
        (true, _) => Err(Failure { code: 5, words: "ask again with --settle-up".to_owned() }),
        (false, true) => Err(Failure::failed(format!("the server answered {status}"))),
        (false, false) => Ok(()),
    }
}
