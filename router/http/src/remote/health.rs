//! Whether a facilitator that was away is back.

use super::answer::{json, no_verdict};
use super::{Endpoint, RemoteFacilitator, supported};
use serde::Deserialize;
use tollway_core::{Blame, Code, Error, Next, Result, async_trait};
use tollway_route::pool::Probe;

/// What our own facilitators say; others say more or something else, and are well if they say it with a 200.
#[derive(Deserialize)]
struct Health {
    #[serde(default = "well")]
    ok: bool,
}

fn well() -> bool {
    true
}

/// Asks `/health`, and where there is none, `/supported`: no specification names either path but the second.
#[async_trait]
impl Probe for RemoteFacilitator {
    async fn alive(&self) -> Result<()> {
        let answer = self.caller.get(Endpoint::Health).await;
        let answer = answer.map_err(|trouble| trouble.error.next(Next::Later))?;
        match answer.status.as_u16() {
            200..=299 => {
                let said = json(&answer).and_then(|json| json.read::<Health>().ok());
                if said.is_none_or(|said| said.ok) { Ok(()) } else { Err(ill()) }
            }
            400..=499 | 501 => {
                supported::ask(&self.caller, &*self.clock, self.registry.families()).await.map(drop)
            }
            _ => Err(no_verdict(&answer)),
        }
    }
}

fn ill() -> Error {
    Error::new(Code::Unreachable, Blame::Settler, Next::Later)
        .detail("/health says that it cannot settle now")
}
