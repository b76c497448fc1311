use super::answer::{blamed, json, no_verdict};
use super::{Endpoint, RemoteFacilitator, not_this_one};
use reqwest::StatusCode;
use serde::Deserialize;
use tollway_core::{Code, Error, Extra, Flow, Json, Leg, Next, Order, Proof, Result, wire};

/// `/verify`'s answer as the SDKs really write it; x402-rs says `invalidReasonDetails` for `invalidMessage`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dialects {
    is_valid: bool,
    invalid_reason: Option<Code>,
    invalid_message: Option<String>,
    invalid_reason_details: Option<String>,
    payer: Option<String>,
    extra: Option<Json>,
}

impl RemoteFacilitator {
    pub(super) async fn ask_verify(&self, order: &Order) -> Result<Proof> {
        self.proven_without_it(order).await?;
        let by_trust = Proof { by_trust: true, ..Proof::default() };
        // The specification calls /verify for this flow alone; the others are verified inside /settle.
        if order.leg != Leg::After || order.requirement.flow != Flow::Authorization {
            return Ok(by_trust);
        }
        let body = wire::write_facilitator_request(order, self.registry.families())?;
        let answer = self.caller.post(Endpoint::Verify, &body).await;
        // Nothing moves here, so whatever went wrong may be tried again.
        let answer = answer.map_err(|trouble| trouble.error.next(Next::Later))?;
        let found = json(&answer).and_then(|json| json.read::<Dialects>().ok());
        match found {
            Some(v) if v.is_valid && answer.status.is_success() => {
                if !self.is_payer(v.payer.as_deref(), order, self.cell(order)) {
                    return Err(not_this_one(Code::InvalidAnswer).detail("it vouches for another payer"));
                }
                let extra =
                    v.extra.filter(|e| e.as_str().starts_with('{')).map_or_else(Extra::default, Extra);
                Ok(Proof { extra, ..by_trust })
            }
            Some(v) if !v.is_valid => Err(refusal(v, answer.status)),
            _ => Err(no_verdict(&answer)),
        }
    }
}

impl RemoteFacilitator {
    /// Who signed is never left to somebody's word, unless we were told so: a payment that does not prove itself is shown
    /// to whoever sees the chain for us.
    async fn proven_without_it(&self, order: &Order) -> Result<()> {
        let Some(cell) = self.cell(order).filter(|_| !self.trust_signatures) else { return Ok(()) };
        let Some(Err(why)) = cell.alone.map(|read| read(order)) else { return Ok(()) };
        if (cell.read)(order).is_err() {
            // Not for want of proof: whoever is asked says what is wrong with it.
            return Ok(());
        }
        match self.local(order) {
            Some(local) => local.verify(order).await.map(|_| ()),
            None => Err(why),
        }
    }
}

fn refusal(v: Dialects, status: StatusCode) -> Error {
    let code = v.invalid_reason.unwrap_or(Code::UnexpectedVerifyError);
    let words = v.invalid_message.or(v.invalid_reason_details).unwrap_or_default();
    let e = Error::payer(code).detail(words.chars().take(200).collect::<String>());
    match &e.code {
        Code::AllowanceRequired => e.next(Next::Prepare),
        // A word of its own, most likely about the payment; but nothing is final that nobody here understands.
        Code::Other(word) if &**word != "busy" && !status.is_server_error() => e.next(Next::Later),
        _ => blamed(e),
    }
}
