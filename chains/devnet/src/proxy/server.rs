//! The sockets of the proxy: HTTP and WebSocket on one port, on loopback only.

use std::convert::Infallible;
use std::fmt;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::Handle;

use super::gate::{Gate, Manner, Reply};
use super::ws;
use crate::error::{DevnetError, Result};

/// Starts serving on `port` (0 for any) and returns the port.
pub(crate) fn listen<M: Manner>(gate: Arc<Gate<M>>, port: u16, runtime: &Handle) -> Result<u16> {
    let chain = gate.name;
    let failed = |source| DevnetError::Port { chain, port, source };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?.port();
    let _inside = runtime.enter();
    let listener = tokio::net::TcpListener::from_std(listener).map_err(failed)?;
    runtime.spawn(accept(listener, gate));
    Ok(bound)
}

async fn accept<M: Manner>(listener: tokio::net::TcpListener, gate: Arc<Gate<M>>) -> Infallible {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(connection(stream, gate.clone()))),
            Err(error) => {
                tracing::debug!(target: "tollway_devnet", %error, "a connection was not accepted");
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        }
    }
}

async fn connection<M: Manner>(stream: TcpStream, gate: Arc<Gate<M>>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| answer(request, gate.clone()));
    // An error here is a client that went away, or a hang-up that we made ourselves.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades().await;
}

/// Makes hyper close the connection without an answer.
#[derive(Debug)]
struct HungUp;

impl fmt::Display for HungUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hung up on purpose")
    }
}

impl std::error::Error for HungUp {}

async fn answer<M: Manner>(
    request: Request<Incoming>,
    gate: Arc<Gate<M>>,
) -> Result<Response<Full<Bytes>>, HungUp> {
    if request.headers().contains_key(header::SEC_WEBSOCKET_KEY) {
        return Ok(ws::upgrade(request, gate));
    }
    if request.method() == Method::OPTIONS {
        return Ok(preflight());
    }
    if request.method() != Method::POST {
        return Ok(respond(StatusCode::METHOD_NOT_ALLOWED, "JSON-RPC wants POST, or a WebSocket".into()));
    }
    gate.counter.http_request();
    let Ok(body) = request.into_body().collect().await else { return Err(HungUp) };
    match gate.serve(body.to_bytes()).await {
        Reply::Answer(status, body) => Ok(respond(status, body)),
        Reply::HangUp => Err(HungUp),
    }
}

/// What browsers ask before they post JSON.
fn preflight() -> Response<Full<Bytes>> {
    let mut response = respond(StatusCode::NO_CONTENT, Bytes::new());
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("*"));
    response
}

fn respond(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    // Browser wallets and dashboards talk to local nodes too.
    let anyone = HeaderValue::from_static("*");
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, anyone);
    response
}
