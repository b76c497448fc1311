//! What a monitor wants to know, as Prometheus reads it, on an address of its own. The libraries count through the
//! `metrics` facade, which does nothing until somebody records: that is here, and only where `[metrics]` is configured.

mod house;
mod ledger;
mod requests;

use crate::config::Config;
use crate::exit::{Failure, Outcome};
use crate::out;
use axum::Router;
use axum::routing::get;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tollway::House;
use tollway::core::Ledger;
use tollway::http::Facilitator;

/// `[metrics]`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Metrics {
    /// Address and port; keep it to those who may know who pays how much.
    pub(crate) listen: SocketAddr,
}

/// Upper bounds of the histograms, in seconds.
const BUCKETS: [f64; 14] =
    [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

/// How often what was recorded is put in order.
const UPKEEP: Duration = Duration::from_secs(5);

/// How long settlements under way are waited for after the signal.
const DRAIN: Duration = Duration::from_secs(30);

/// Everything recorded from now on, and where it is read.
pub(crate) struct Recording {
    handle: PrometheusHandle,
    listener: tokio::net::TcpListener,
}

/// Starts recording, where that is configured.
pub(crate) async fn start(config: &Config) -> Outcome<Option<Recording>> {
    let Some(Metrics { listen }) = &config.metrics else { return Ok(None) };
    let listener = tokio::net::TcpListener::bind(listen)
        .await
        .map_err(|e| Failure::usage(format!("metrics: cannot listen on {listen}: {e}")))?;
    let builder = PrometheusBuilder::new().set_buckets(&BUCKETS).map_err(Failure::failed)?;
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(Failure::failed)?;
    describe();
    let at = listener.local_addr().map_err(Failure::failed)?;
    out::line(format_args!("metrics on http://{at}/metrics"))?;
    Ok(Some(Recording { handle, listener }))
}

/// The ledger, its answers timed where somebody records.
pub(crate) fn timed(config: &Config, ledger: Arc<dyn Ledger>) -> Arc<dyn Ledger> {
    if config.metrics.is_some() { Arc::new(ledger::Timed(ledger)) } else { ledger }
}

/// Serves a facilitator until `stopped`, and beside it what is recorded.
pub(crate) async fn serve(
    recording: Option<Recording>,
    facilitator: &Facilitator,
    house: &Arc<House>,
    senders: Vec<(&'static str, String)>,
    listener: tokio::net::TcpListener,
    stopped: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let Some(Recording { handle, listener: read_at }) = recording else {
        return facilitator.serve(listener, stopped).await;
    };
    let watching = tokio::spawn(house::watch(Arc::clone(house), senders));
    let upkeep = tokio::spawn(keep(handle.clone()));
    let (asked, books) = (facilitator.clone(), Arc::new(house::Books::new(house)));
    let house = Arc::clone(house);
    let page = get(move || {
        let (asked, books, house, handle) = (asked.clone(), books.clone(), house.clone(), handle.clone());
        async move {
            house::look(&asked, &house, &books).await;
            handle.render()
        }
    });
    let reading =
        tokio::spawn(async move { axum::serve(read_at, Router::new().route("/metrics", page)).await });
    let app = facilitator.router().layer(axum::middleware::from_fn(requests::count));
    let served = axum::serve(listener, app).with_graceful_shutdown(stopped).await;
    facilitator.shutdown(DRAIN).await;
    for task in [watching, upkeep] {
        task.abort();
    }
    reading.abort();
    served
}

async fn keep(handle: PrometheusHandle) {
    loop {
        tokio::time::sleep(UPKEEP).await;
        handle.run_upkeep();
    }
}

fn describe() {
    use metrics::{describe_counter, describe_gauge, describe_histogram};
    describe_counter!("tollway_requests_total", "Requests to the facilitator by route, status and reason.");
    describe_histogram!("tollway_request_seconds", "How long they took.");
    describe_gauge!("tollway_settlements_in_flight", "Settlements under way.");
    describe_gauge!("tollway_settlements_unknown", "Settlements whose outcome is asked after.");
    describe_counter!("tollway_settlements_total", "Settled payments, by the books of this ledger.");
    describe_counter!(
        "tollway_gas_spent_nano_total",
        "Gas paid for them, in billionths of the network's coin."
    );
    describe_gauge!("tollway_signer_balance", "What a signer has for gas, in the network's coin.");
    describe_gauge!("tollway_signer_nonce", "The newest nonce that a signer has used.");
    describe_counter!("tollway_rpc_requests_total", "HTTP requests to nodes by outcome.");
    describe_histogram!("tollway_rpc_seconds", "How long nodes took.");
    describe_histogram!("tollway_ledger_seconds", "How long the ledger took.");
    describe_counter!("tollway_ledger_errors_total", "Answers of the ledger that were errors of its own.");
    describe_counter!(
        "tollway_pool_asked_total",
        "What other facilitators were asked, and how they answered."
    );
    describe_gauge!("tollway_pool_member", "1 for the state that a facilitator of the pool is in.");
    describe_gauge!("tollway_quote_age_seconds", "How old the fees are that quotes are made of.");
}
