use super::places::Place;
use super::{Facilitator, reply};
use axum::Router;
use axum::body::Body;
use axum::body::HttpBody;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use axum::routing::{get, post};
use http_body_util::{BodyExt, Limited};
use std::time::Duration;
use tollway_core::wire::{FacilitatorRequest, SettleResponse};
use tollway_core::{Code, Error, Result};
use tollway_route::Caller;

impl Facilitator {
    /// `POST /verify`, `POST /settle`, `GET /supported`, `GET /health`, to be nested anywhere.
    ///
    /// A body's content type is not asked for: some clients send none, and nothing but JSON is read.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/verify", post(verify))
            .route("/settle", post(settle))
            .route("/supported", get(supported))
            .route("/health", get(health))
            .with_state(self.clone())
    }

    /// Reads a request, bounded in bytes and time.
    async fn receive(&self, request: Request) -> Result<FacilitatorRequest> {
        let settings = &self.0.settings;
        let most = settings.body_bytes;
        let too_large = || Error::payer(Code::TooLarge).detail(format!("at most {most} bytes are read"));
        let body = request.into_body();
        // Where it says so by itself, nobody waits for it.
        if body.size_hint().lower() > u64::try_from(most).unwrap_or(u64::MAX) {
            return Err(too_large());
        }
        let body = Limited::new(body, most).collect();
        let body = match self.0.tasks.timeout(Duration::from_millis(settings.body_ms), body).await {
            Some(Ok(body)) => body.to_bytes(),
            Some(Err(e)) if e.is::<http_body_util::LengthLimitError>() => return Err(too_large()),
            Some(Err(_)) => return Err(Error::payer(Code::InvalidPayload).detail("the body broke off")),
            None => return Err(Error::payer(Code::TimedOut).detail("the body took too long to arrive")),
        };
        self.read(&body)
    }

    /// Who asks; everybody is anyone where no keys are asked for.
    fn caller(&self, request: &Request) -> Result<Caller> {
        self.0.keys.as_ref().map_or_else(|| Ok(Caller::anyone()), |keys| keys.caller(request.headers()))
    }

    /// One of the places for requests; held until the answer is ready.
    fn place(&self, caller: &Caller) -> Result<Place> {
        self.0.requests.take(caller)
    }
}

async fn verify(State(facilitator): State<Facilitator>, request: Request) -> Response<Body> {
    let read = async {
        let caller = facilitator.caller(&request)?;
        let place = facilitator.place(&caller)?;
        Ok((place, caller, facilitator.receive(request).await?))
    };
    let (_place, caller, order) = match read.await {
        Ok(read) => read,
        Err(e) => return reply::json(reply::unread_status(&e), &reply::invalid(&e)),
    };
    let chain = order.order.requirement.chain;
    let limit = Duration::from_millis(facilitator.0.settings.verify_ms);
    let verdict = match facilitator.0.tasks.timeout(limit, facilitator.verify_for(&caller, order)).await {
        Some(verdict) => verdict,
        None => Err(Error::network(Code::TimedOut).detail("verification took too long")),
    };
    match verdict {
        Ok(valid) => reply::json(StatusCode::OK, &valid),
        Err(e) => reply::json(reply::verify_status(&e), &reply::invalid_on(&chain, &e)),
    }
}

async fn settle(State(facilitator): State<Facilitator>, request: Request) -> Response<Body> {
    let read = async {
        let caller = facilitator.caller(&request)?;
        let place = facilitator.place(&caller)?;
        Ok((place, caller, facilitator.receive(request).await?))
    };
    let (_place, caller, order) = match read.await {
        Ok(read) => read,
        Err(e) => return reply::json(reply::unread_status(&e), &reply::unread(&e)),
    };
    let requirement = order.order.requirement.clone();
    let families = facilitator.0.registry.families();
    match facilitator.settle_for(&caller, order).await {
        Ok(receipt) => {
            let response = SettleResponse::of_receipt(&receipt, requirement.version, families);
            reply::json(StatusCode::OK, &response)
        }
        Err(e) => {
            let response = SettleResponse::of_error(&reply::public(&e), &requirement, families);
            reply::json(reply::settle_status(&e), &response)
        }
    }
}

async fn supported(State(facilitator): State<Facilitator>) -> Response<Body> {
    match facilitator.0.asked.take(&Caller::anyone()) {
        Ok(_place) => reply::json(StatusCode::OK, &facilitator.supported().await),
        Err(e) => reply::json(StatusCode::SERVICE_UNAVAILABLE, &reply::invalid(&e)),
    }
}

async fn health(State(facilitator): State<Facilitator>) -> Response<Body> {
    let health = facilitator.health().await;
    let status = if health.ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    reply::json(status, &health)
}
