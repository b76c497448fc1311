//! Clients that hang up, at each stage, over HTTP/1.1 and HTTP/2: paid means that asking again finds the receipt, not charged
//! means that the payment is still good.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use futures::stream::{self, StreamExt};
use http::{Method, StatusCode};
use http_body_util::StreamBody;
use reqwest::{Body, Client};
use serde_json::json;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use tollway::http::server::Paywall;
use tollway_e2e::header::{Answer, Ask, PAYMENT};
use tollway_e2e::{Outcome, until};
use tollway_edge::door::Door;
use tollway_edge::scene::Scene;
use tollway_edge::{PATIENCE, serve};

/// Larger than what sockets and windows hold.
const GOODS_BYTES: usize = 6 << 20;

/// When the client hangs up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// Before its request is whole.
    Sending,
    /// While the facilitator verifies.
    Verifying,
    /// While the handler runs, which then serves.
    Serving,
    /// While the handler runs, which then fails.
    Failing,
    /// Before the facilitator has got to settling.
    Settling,
    /// While the transaction waits for its block.
    Mining,
    /// In the middle of the answer's body.
    Reading,
}

#[derive(Clone, Default)]
struct Goods {
    door: Door,
    fails: Arc<AtomicBool>,
}

async fn sell(State(goods): State<Goods>) -> Result<Vec<u8>, StatusCode> {
    goods.door.pass().await;
    if goods.fails.load(Ordering::SeqCst) {
        Err(StatusCode::INTERNAL_SERVER_ERROR)
    } else {
        Ok(vec![b'g'; GOODS_BYTES])
    }
}

struct Shop {
    scene: Scene,
    goods: Goods,
    paywall: Paywall,
    url: String,
}

impl Shop {
    async fn open() -> Outcome<Self> {
        let (scene, goods) = (Scene::set().await?, Goods::default());
        let house = scene.seller("shop", "shop").await?;
        let counter = scene.counter(&house)?.answer_bytes_max(2 * GOODS_BYTES);
        let paywall = counter.route(Method::POST, "/goods", scene.cent()?).build()?;
        let app = Router::new().route("/goods", post(sell)).with_state(goods.clone()).layer(paywall.clone());
        Ok(Self { url: serve(app).await?, scene, goods, paywall })
    }

    /// Sends it, to hang up later: by a closed connection over HTTP/1.1, by a reset of the stream over HTTP/2.
    fn send(
        &self,
        client: &Client,
        ask: &Ask,
        payment: &str,
        body: Body,
    ) -> JoinHandle<reqwest::Result<reqwest::Response>> {
        let request = client.post(&ask.url).header(PAYMENT, payment).body(body);
        tokio::spawn(request.send())
    }

    /// Hangs up when it is time to, and lets everything go on.
    async fn hang_up(&self, when: When, client: &Client, ask: &Ask, payment: &str) -> Outcome {
        let whole = || Body::from(ask.body.clone());
        let Scene { verify, settle, world, .. } = &self.scene;
        let goods = &self.goods.door;
        let gone = match when {
            When::Sending => {
                let part = stream::iter([Ok::<_, Infallible>(http_body::Frame::data(Bytes::from("be")))]);
                let part = Body::wrap(StreamBody::new(part.chain(stream::pending())));
                let sent = self.send(client, ask, payment, part);
                // Nothing tells that half a request has arrived; whenever it is dropped, it is not whole.
                tokio::time::sleep(Duration::from_millis(300)).await;
                sent
            }
            When::Verifying => self.at_door(verify, client, ask, payment).await?,
            When::Serving | When::Failing => self.at_door(goods, client, ask, payment).await?,
            When::Settling => self.at_door(settle, client, ask, payment).await?,
            When::Mining => {
                world.chain().set_automine(false).await?;
                let sent = self.send(client, ask, payment, whole());
                until("a transaction that waits for its block", PATIENCE, async || {
                    let pool = world.chain().call("txpool_status", json!([])).await?;
                    Ok((pool["pending"] != "0x0").then_some(()))
                })
                .await?;
                sent
            }
            When::Reading => {
                let mut answer = self.send(client, ask, payment, whole()).await??;
                assert_eq!(answer.status().as_u16(), 200);
                assert!(answer.chunk().await?.is_some_and(|chunk| chunk.len() < GOODS_BYTES));
                drop(answer);
                return Ok(());
            }
        };
        self.goods.fails.store(when == When::Failing, Ordering::SeqCst);
        gone.abort();
        assert!(gone.await.is_err_and(|e| e.is_cancelled()), "{when:?}: it was answered before");
        for door in [verify, goods, settle] {
            door.set_open(true);
        }
        world.chain().set_automine(true).await?;
        world.chain().mine(1).await.map_err(Into::into).map(drop)
    }

    /// Sends it with that door shut, until it stands before it.
    async fn at_door(
        &self,
        door: &Door,
        client: &Client,
        ask: &Ask,
        payment: &str,
    ) -> Outcome<JoinHandle<reqwest::Result<reqwest::Response>>> {
        let before = door.came();
        door.set_open(false);
        let sent = self.send(client, ask, payment, Body::from(ask.body.clone()));
        door.seen(before + 1).await?;
        Ok(sent)
    }
}

fn is_bought(when: When, answer: &Answer) {
    assert_eq!((answer.status, answer.body.len()), (200, GOODS_BYTES), "{when:?}: {:.200}", answer.body);
    assert!(answer.transaction().is_some(), "{when:?}: {:?}", answer.receipt);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_at_any_stage_pays_once_or_not_at_all() -> Outcome {
    let shop = Shop::open().await?;
    let client = Client::new();
    let ways = [("HTTP/1.1", Client::new()), ("HTTP/2", Client::builder().http2_prior_knowledge().build()?)];
    let mut settled = 0;
    for (way, leaver) in &ways {
        // When, how often the handler has run once everything is quiet, and whether that was charged.
        for (when, runs, charged) in [
            (When::Sending, 0, false),
            (When::Verifying, 1, true),
            (When::Serving, 1, true),
            (When::Failing, 1, false),
            (When::Settling, 1, true),
            (When::Mining, 1, true),
            (When::Reading, 1, true),
        ] {
            let ask = Ask {
                method: Method::POST,
                body: "berries".to_owned(),
                ..Ask::get(&shop.url, &format!("/goods?when={when:?}&way={}", way.len()))
            };
            let payment = shop.scene.payment(&ask).await?;
            let before = shop.goods.door.came();
            shop.hang_up(when, leaver, &ask, &payment).await?;
            assert_eq!(shop.paywall.drain(PATIENCE).await, 0, "{way} {when:?}: nobody waits, and it ends");
            settled += usize::from(charged);
            assert_eq!(shop.goods.door.came() - before, runs, "{way} {when:?}");
            assert_eq!(shop.scene.settled().await?, settled, "{way} {when:?}");

            // The very same request again: its receipt, or what was not bought yet.
            shop.goods.fails.store(false, Ordering::SeqCst);
            let first = ask.send(&client, Some(&payment)).await?;
            is_bought(when, &first);
            settled += usize::from(!charged);
            let ran = if charged { runs } else { runs + 1 };
            assert_eq!(ask.send(&client, Some(&payment)).await?, first, "{way} {when:?}");
            assert_eq!(shop.goods.door.came() - before, ran, "{way} {when:?}");
            assert_eq!(shop.scene.settled().await?, settled, "{way} {when:?}");
            // For anything else it is used up.
            let other = Ask { body: "cherries".to_owned(), ..ask.clone() };
            assert_eq!(
                other.send(&client, Some(&payment)).await?.code(),
                "payment_replayed",
                "{way} {when:?}"
            );
        }
    }
    Ok(())
}
