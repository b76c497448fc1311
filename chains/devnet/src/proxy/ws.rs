//! WebSockets: calls take the same way as over HTTP; only subscriptions need the node's own socket.

use std::sync::Arc;

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::call::Call;
use super::faults::FaultKind;
use super::gate::{Gate, Manner, Reply, refusal};

/// What the writer of a client's socket is told.
#[derive(Debug)]
enum Out {
    Text(String),
    HangUp,
}

/// Answers the handshake and serves the socket from then on.
pub(super) fn upgrade<M: Manner>(
    mut request: Request<Incoming>,
    gate: Arc<Gate<M>>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes()));
    let Some(accept) = key.and_then(|key| HeaderValue::from_str(&key).ok()) else {
        *response.status_mut() = StatusCode::BAD_REQUEST;
        return response;
    };
    tokio::spawn(async move {
        if let Ok(upgraded) = hyper::upgrade::on(&mut request).await {
            serve(upgraded, gate).await;
        }
    });
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    response
}

async fn serve<M: Manner>(upgraded: Upgraded, gate: Arc<Gate<M>>) {
    let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
    let (to_client, mut from_client) = socket.split();
    let (out, outgoing) = unbounded_channel();
    let mut writer = tokio::spawn(write(to_client, outgoing));
    let mut node: Option<UnboundedSender<String>> = None;
    loop {
        let message = tokio::select! {
            message = from_client.next() => message,
            _ = &mut writer => return,
        };
        let text = match message {
            Some(Ok(Message::Text(text))) => text.to_string(),
            Some(Ok(Message::Binary(bytes))) => String::from_utf8_lossy(&bytes).into_owned(),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
            Some(Ok(Message::Close(_)) | Err(_)) | None => break,
        };
        gate.counter.ws_message();
        if subscribes::<M>(&text) {
            subscription(text, &gate, &out, &mut node).await;
        } else {
            tokio::spawn(call(text, gate.clone(), out.clone()));
        }
    }
    writer.abort();
}

async fn write<S>(mut client: S, mut outgoing: UnboundedReceiver<Out>)
where
    S: SinkExt<Message> + Unpin,
{
    while let Some(Out::Text(text)) = outgoing.recv().await {
        if client.send(Message::text(text)).await.is_err() {
            return;
        }
    }
}

async fn call<M: Manner>(text: String, gate: Arc<Gate<M>>, out: UnboundedSender<Out>) {
    send(gate.serve(text.into()).await, &out);
}

fn send(reply: Reply, out: &UnboundedSender<Out>) {
    let _ = out.send(match reply {
        Reply::Answer(_, answer) => Out::Text(String::from_utf8_lossy(&answer).into_owned()),
        Reply::HangUp => Out::HangUp,
    });
}

fn subscribes<M: Manner>(text: &str) -> bool {
    Call::read(text.as_bytes()).is_some_and(|call| M::subscribes(&call.method))
}

/// Passes a call on over the node's socket, which is opened for the first of them.
async fn subscription<M: Manner>(
    text: String,
    gate: &Arc<Gate<M>>,
    out: &UnboundedSender<Out>,
    node: &mut Option<UnboundedSender<String>>,
) {
    let Some(call) = Call::read(text.as_bytes()) else { return };
    gate.counter.call(&call.method);
    if let Some(fault @ (FaultKind::Rpc { .. } | FaultKind::Http(_) | FaultKind::HangUp)) =
        gate.strike(&call.method)
    {
        return send(refusal(&fault, &call), out);
    }
    if node.is_none() {
        *node = connect(gate.clone(), out.clone()).await;
    }
    match node {
        Some(node) => drop(node.send(text)),
        None => drop(out.send(Out::HangUp)),
    }
}

/// A socket to the node: what is sent to the returned end goes there, what comes back goes to the client.
async fn connect<M: Manner>(
    gate: Arc<Gate<M>>,
    out: UnboundedSender<Out>,
) -> Option<UnboundedSender<String>> {
    let url = format!("ws://127.0.0.1:{}", gate.node.ws_port);
    let (socket, _) = tokio_tungstenite::connect_async(url).await.ok()?;
    let (mut to_node, mut from_node) = socket.split();
    let (sender, mut texts) = unbounded_channel::<String>();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                text = texts.recv() => match text {
                    Some(text) => if to_node.send(Message::text(text)).await.is_err() { break },
                    None => return, // the client went away
                },
                message = from_node.next() => match message {
                    Some(Ok(Message::Text(text))) => push(text.to_string(), &gate, &out),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => break,
                },
            }
        }
        let _ = out.send(Out::HangUp);
    });
    Some(sender)
}

/// Hands what the node said to the client; pushes are counted and may be lost, late or doubled.
fn push<M: Manner>(text: String, gate: &Arc<Gate<M>>, out: &UnboundedSender<Out>) {
    let push = Call::read(text.as_bytes()).filter(|call| M::pushes(&call.method));
    let Some(fault) = push.map(|push| gate.strike(&push.method)) else {
        return drop(out.send(Out::Text(text)));
    };
    match fault {
        None | Some(FaultKind::Stale) => deliver(text, gate, out),
        Some(FaultKind::HangUp) => drop(out.send(Out::HangUp)),
        Some(FaultKind::Silence | FaultKind::Rpc { .. } | FaultKind::Http(_) | FaultKind::Dropped) => {}
        Some(FaultKind::Duplicate) => {
            deliver(text.clone(), gate, out);
            deliver(text, gate, out);
        }
        Some(FaultKind::Delay(delay)) => {
            let (gate, out) = (gate.clone(), out.clone());
            tokio::spawn(async move {
                tokio::time::sleep(delay).await;
                deliver(text, &gate, &out);
            });
        }
    }
}

fn deliver<M>(text: String, gate: &Gate<M>, out: &UnboundedSender<Out>) {
    if out.send(Out::Text(text)).is_ok() {
        gate.counter.ws_push();
    }
}
