//! A stream of fifty chunks, cut at every one of them by everybody who can.

use crate::shelf::{broken, events};
use crate::world::*;
use axum::Router;
use axum::extract::{Extension, Path};
use axum::response::Response;
use axum::routing::get;
use futures::stream::{self, StreamExt};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::copy;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tollway_http::client::PayingClient;
use tollway_http::meter::Meter;

const CHUNKS: usize = 50;
/// What one chunk costs where the price pays for all of them.
const EACH: u128 = PRICE / 50;
/// How many visits are under way at once.
const AT_ONCE: usize = 8;

/// Chunks that cost more the fewer of them the price is to cover.
async fn dear(Extension(meter): Extension<Meter>, Path(cut): Path<usize>) -> Response {
    let each = PRICE.checked_div(atomic(cut)).unwrap_or(PRICE + 1);
    events(meter.stream(stream::iter(0..).map(move |n| Ok::<_, std::io::Error>((chunk(n), each)))))
}

/// Fails after so many chunks.
async fn fragile(Extension(meter): Extension<Meter>, Path(cut): Path<usize>) -> Response {
    events(broken(&meter, cut, EACH))
}

/// The readers of paced streams: a chunk goes out when one of them says so.
type Pace = Arc<Mutex<HashMap<String, Arc<Semaphore>>>>;

fn paced_by(pace: &Pace, name: &str) -> Arc<Semaphore> {
    pace.lock().unwrap().entry(name.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(2))).clone()
}

async fn paced(
    Extension(meter): Extension<Meter>,
    Extension(pace): Extension<Pace>,
    Path(name): Path<String>,
) -> Response {
    let permits = paced_by(&pace, &name);
    let chunks = stream::iter(0..CHUNKS).then(move |n| {
        let permits = permits.clone();
        async move {
            permits.acquire().await.unwrap().forget();
            Ok::<_, std::io::Error>((chunk(n), EACH))
        }
    });
    events(meter.stream(chunks))
}

fn shop(world: &World, pace: &Pace) -> Router {
    Router::new()
        .route("/dear/{cut}", get(dear))
        .route("/fragile/{cut}", get(fragile))
        .route("/paced/{name}", get(paced))
        .layer(Extension(pace.clone()))
        .layer(world.paywall(|set| set))
}

async fn ask(client: &PayingClient, at: SocketAddr, path: &str) -> Reader {
    Reader::new(client.get(format!("http://{at}{path}")).await.unwrap())
}

/// Runs a test for every cut, some at once, and checks that the chain has what was charged, once each.
async fn at_every_cut<F>(world: &World, cut: impl Fn(usize) -> F)
where
    F: Future<Output = u128> + Send + 'static,
{
    let charges: Vec<u128> = stream::iter(0..=CHUNKS)
        .map(|n| tokio::spawn(cut(n)))
        .buffer_unordered(AT_ONCE)
        .map(|charged| charged.unwrap())
        .collect()
        .await;
    let mut charged: Vec<u128> = charges.into_iter().filter(|n| *n > 0).collect();
    let mut taken = world.taken();
    charged.sort_unstable();
    taken.sort_unstable();
    assert_eq!(taken, charged, "each charge is taken once");
    assert_eq!(world.takings(), charged.iter().sum::<u128>());
    assert_eq!(world.open_visits().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn by_the_ceiling() {
    let (world, pace) = (World::new(), Pace::default());
    let (at, _) = serve(shop(&world, &pace)).await;
    let client = world.client();
    at_every_cut(&world, |cut| {
        let client = client.clone();
        async move {
            let mut reading = ask(&client, at, &format!("/dear/{cut}")).await;
            assert_eq!(reading.rest().await, (cut, true));
            let paid = reading.payment.paid().await.unwrap();
            let each = PRICE.checked_div(atomic(cut)).unwrap_or(0);
            assert_eq!(paid.charged.atomic, each * atomic(cut), "cut at {cut}");
            paid.charged.atomic
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_the_handler() {
    let (world, pace) = (World::new(), Pace::default());
    let (at, _) = serve(shop(&world, &pace)).await;
    let client = world.client();
    at_every_cut(&world, |cut| {
        let client = client.clone();
        async move {
            let mut reading = ask(&client, at, &format!("/fragile/{cut}")).await;
            assert_eq!(reading.rest().await, (cut, false), "a broken answer looks broken");
            let paid = reading.payment.paid().await.unwrap();
            assert_eq!(paid.charged.atomic, EACH * atomic(cut), "cut at {cut}");
            paid.charged.atomic
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_the_client() {
    let (world, pace) = (World::new(), Pace::default());
    at_every_cut(&world, |cut| {
        let (world, pace) = (world.clone(), pace.clone());
        async move {
            // A shop of its own, so that what was handed to the transport is this stream's; one connection to hang up.
            let (at, handed) = serve(shop(&world, &pace)).await;
            let client = world.client();
            let name = format!("client-{cut}");
            let mut reading = ask(&client, at, &format!("/paced/{name}")).await;
            for _ in 0..cut {
                assert!(reading.next().await.unwrap().is_some());
                paced_by(&pace, &name).add_permits(1);
            }
            let Reader { payment, answer, .. } = reading;
            drop(answer);
            charged_between(cut, payment.paid().await.unwrap().charged.atomic, &handed)
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_the_network() {
    let (world, pace) = (World::new(), Pace::default());
    at_every_cut(&world, |cut| {
        let (world, pace) = (world.clone(), pace.clone());
        async move {
            let (at, handed) = serve(shop(&world, &pace)).await;
            let client = world.client();
            let (through, cable) = wire_to(at).await;
            let name = format!("network-{cut}");
            let mut reading = ask(&client, through, &format!("/paced/{name}")).await;
            for _ in 0..cut {
                assert!(reading.next().await.unwrap().is_some());
                paced_by(&pace, &name).add_permits(1);
            }
            drop(cable);
            let (more, _) = reading.rest().await;
            charged_between(cut + more, reading.payment.paid().await.unwrap().charged.atomic, &handed)
        }
    })
    .await;
}

/// What the client has ≤ what is charged ≤ what the transport was given; and the price.
fn charged_between(acknowledged: usize, charged: u128, handed: &Handed) -> u128 {
    let handed = handed.chunks();
    assert!(charged <= PRICE && charged.is_multiple_of(EACH));
    let chunks = usize::try_from(charged / EACH).unwrap();
    assert!(acknowledged <= chunks && chunks <= handed, "{acknowledged} ≤ {chunks} ≤ {handed}");
    charged
}

/// A way to a server that breaks, both ways, when what comes back is dropped. Later connections hold.
async fn wire_to(server: SocketAddr) -> (SocketAddr, oneshot::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let through = listener.local_addr().unwrap();
    let (cable, mut cut) = oneshot::channel::<()>();
    tokio::spawn(async move {
        let mut first = Vec::new();
        loop {
            tokio::select! {
                biased;
                _ = &mut cut, if !cut.is_terminated() => first.drain(..).for_each(|task: tokio::task::JoinHandle<()>| task.abort()),
                accepted = listener.accept() => {
                    let (client, _) = accepted.unwrap();
                    let task = tokio::spawn(carry(client, server));
                    if !cut.is_terminated() {
                        first.push(task);
                    }
                }
            }
        }
    });
    (through, cable)
}

async fn carry(client: TcpStream, server: SocketAddr) {
    let server = TcpStream::connect(server).await.unwrap();
    let ((mut a, mut b), (mut c, mut d)) = (client.into_split(), server.into_split());
    let _ = tokio::join!(copy(&mut a, &mut d), copy(&mut c, &mut b));
}
