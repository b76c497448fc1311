//! Requests a URL and pays for it, by the cheapest route that the limits allow. The body goes to standard output,
//! everything else to standard error. The exit code tells a script what became of the money.
//!
//! ```text
//! tollway devnet                                  # in another terminal; prints the `export` lines
//! TOLLWAY_MAX_USD=0.05 cargo run -p tollway-examples --bin pay -- http://127.0.0.1:4021/weather
//! ```
//! `TOLLWAY_RPC_URLS` are nodes, separated by commas; `TOLLWAY_PAYER_KEY` is the payer's key, or one for each family of
//! networks; `TOLLWAY_MAX_USD` is the most that this payment may cost.

use std::env;
use std::process::ExitCode;
use tollway::House;
use tollway::core::{Role, Usd};
use tollway::http::client::{PayError, Standing};
use tollway::route::{Paid, Policy};

const FAILED: u8 = 1;
const PAID_FOR_NOTHING: u8 = 4;
const UNKNOWN: u8 = 5;

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let url = env::args().nth(1).ok_or("usage: pay URL")?;
    let cap = Usd::parse(&env::var("TOLLWAY_MAX_USD")?)?;
    // The ledger remembers every signature. Keep it: a lost one can be paid twice.
    let house = House::builder()
        .role(Role::Payer)
        .sqlite("pay.sqlite")?
        .payer_key(&env::var("TOLLWAY_PAYER_KEY")?)?
        .rpcs(env::var("TOLLWAY_RPC_URLS")?.split(','))
        .connect()
        .await?;
    // The devnet's chains have the ids of mainnets. Without `allow_mainnet`, real money is never touched.
    let client = house.client(Policy { cap: Some(cap), allow_mainnet: true, ..Policy::default() })?;

    // First, what an earlier run has left open: the chains know.
    for earlier in client.router().settle_up().await? {
        eprintln!("earlier payment {}: {:?}", earlier.id.0, earlier.stage);
    }

    let answer = match client.get(&url).await {
        Ok(answer) => answer,
        Err(PayError::Undelivered(lost)) => {
            // Money moved, and nothing arrived. The receipt is what the seller has to be shown.
            eprintln!(
                "paid {}, got no answer ({}); receipt: {:?}",
                lost.paid.charged, lost.why, lost.paid.receipt
            );
            return Ok(PAID_FOR_NOTHING.into());
        }
        Err(e) if e.error().is_unknown_outcome() => {
            // A signature is out, and nobody could say what became of it. Never sign another: run again later, and
            // `settle_up` asks the chain.
            eprintln!("nobody knows yet: {e}");
            return Ok(UNKNOWN.into());
        }
        Err(e) => {
            eprintln!("nothing was paid: {e}");
            return Ok(FAILED.into());
        }
    };
    let (status, standing) = (answer.response.status(), answer.standing);
    let body = answer.response.text().await;
    let settled = |paid: &Paid| {
        let transaction = paid.receipt.transaction().map_or("none", |tx| tx.0.as_str());
        eprintln!("paid {} in transaction {transaction}", paid.charged);
        (0, PAID_FOR_NOTHING)
    };
    let (good, bad) = match &standing {
        Standing::Free => (0, FAILED),
        Standing::Paid(paid) => settled(paid),
        // It was charged for as it came, and only now anybody knows how much that was.
        Standing::Streams(payment) => match payment.paid().await {
            Ok(paid) => settled(&paid),
            Err(e) => {
                eprintln!("not settled yet: {e}");
                (UNKNOWN, UNKNOWN)
            }
        },
        // There is an answer, and no proof that it was paid for. Use it; `settle_up` finds out.
        unproven => {
            eprintln!("not settled yet: {unproven:?}");
            (UNKNOWN, UNKNOWN)
        }
    };
    match body {
        Ok(body) if status.is_success() => {
            print!("{body}");
            Ok(good.into())
        }
        Ok(body) => {
            eprintln!("the server answered {status}: {body}");
            Ok(bad.into())
        }
        Err(e) => {
            eprintln!("the answer broke off: {e}");
            Ok(bad.into())
        }
    }
}
