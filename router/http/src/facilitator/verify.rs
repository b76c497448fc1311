use super::Facilitator;
use tollway_core::wire::{FacilitatorRequest, VerifyResponse};
use tollway_core::{Account, Result, flow};
use tollway_route::Caller;

impl Facilitator {
    /// Does the payment hold now? Our own reading of it first, then the settler's look at the chain. Read-only.
    ///
    /// # Errors
    /// Why it does not hold, or why that could not be found out.
    pub async fn verify(&self, request: FacilitatorRequest) -> Result<VerifyResponse> {
        self.verify_for(&Caller::anyone(), request).await
    }

    /// The same for a caller, as far as its budgets go.
    ///
    /// # Errors
    /// As [`Self::verify`].
    #[tracing::instrument(
        name = "verify",
        skip_all,
        fields(payment = self.0.tag(&request.order), network = %request.order.requirement.chain)
    )]
    pub async fn verify_for(&self, caller: &Caller, request: FacilitatorRequest) -> Result<VerifyResponse> {
        let (cell, settler) = self.0.cell(&request.order.requirement)?;
        let settler = self.0.settler(caller, cell, settler);
        let verified = flow::verify(cell.read, &*settler, request.order, &*self.0.clock).await?;
        tracing::debug!("it holds");
        Ok(VerifyResponse {
            is_valid: true,
            payer: verified.terms().payer.map(|p| self.spelled(&p)),
            extra: Some(verified.proof().extra.0.clone()).filter(|e| !e.is_empty()),
            ..VerifyResponse::default()
        })
    }

    fn spelled(&self, account: &Account) -> String {
        let family = self.0.registry.family(&account.chain);
        family.map_or_else(|| account.address().to_owned(), |f| (f.display)(account.address()))
    }
}
