//! A page of another origin pays, in headless Chromium: what browsers let it send and read.

use axum::extract::{Json, State};
use axum::response::Html;
use axum::routing::{get, post};
use axum::{Extension, Router};
use http::Method;
use serde_json::{Value, json};
use std::collections::HashMap;
use tokio::sync::mpsc;
use tollway::http::server::{
    Origins, PaymentInfo, PaywallBuilder, cors_request_headers, cors_response_headers,
};
use tollway_e2e::Outcome;
use tollway_e2e::header::{Draft, encode};
use tollway_edge::browser::Browser;
use tollway_edge::scene::Scene;
use tollway_edge::serve;
use tower_http::cors::{Any, CorsLayer};

/// Buys as any page does: asks, reads the price, has it signed, pays, reads the receipt. Then asks once more without a
/// payment, and once more with the same one.
const PAGE: &str = r#"<!doctype html><script>
const shops = SHOPS;
async function buy(shop, version) {
  let stage = 'asking';
  try {
    const asked = await fetch(shop + '/weather?v=' + version);
    const terms = asked.headers.get('PAYMENT-REQUIRED');
    const body = await asked.text();
    const signed = await fetch('/sign', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ version, terms, body }),
    });
    const headers = { 'Access-Control-Expose-Headers': 'PAYMENT-RESPONSE,X-PAYMENT-RESPONSE' };
    headers[version === 1 ? 'X-PAYMENT' : 'PAYMENT-SIGNATURE'] = await signed.text();
    stage = 'paying';
    const pay = () => fetch(shop + '/weather?v=' + version, { headers });
    const receipt = (answer) => answer.headers.get((version === 1 ? 'X-' : '') + 'PAYMENT-RESPONSE');
    const paid = await pay();
    const found = { asked: asked.status, paid: paid.status, receipt: receipt(paid), text: await paid.text() };
    stage = 'asking once more';
    found.unpaid = (await fetch(shop + '/weather?v=' + version)).status;
    const again = await pay();
    found.again = again.status;
    found.same = receipt(again) === found.receipt && (await again.text()) === found.text;
    return found;
  } catch (e) {
    return { blocked: stage };
  }
}
(async () => {
  const found = {};
  for (const [name, shop] of Object.entries(shops))
    for (const version of [1, 2]) found[name + ' v' + version] = await buy(shop, version);
  await fetch('/found', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(found),
  });
})();
</script>"#;

/// What the page needs at home.
#[derive(Clone)]
struct Home {
    key: String,
    shops: std::sync::Arc<std::sync::OnceLock<String>>,
    found: mpsc::Sender<HashMap<String, Value>>,
}

async fn page(State(home): State<Home>) -> Html<String> {
    Html(PAGE.replace("SHOPS", home.shops.get().map_or("{}", String::as_str)))
}

/// Signs what the page has read of the 402.
async fn sign(State(home): State<Home>, Json(read): Json<Value>) -> Result<String, String> {
    let terms = read["terms"].as_str().ok_or("the page could not read PAYMENT-REQUIRED")?;
    let terms = base64_simd::STANDARD.decode_to_vec(terms.as_bytes()).map_err(|e| e.to_string())?;
    let terms: Value = serde_json::from_slice(&terms).map_err(|e| e.to_string())?;
    let signed = Draft::new(&terms, &home.key).map_err(|e| e.to_string())?.sign();
    if read["version"] == 2 {
        return Ok(encode(&signed));
    }
    let body: Value = serde_json::from_str(read["body"].as_str().unwrap_or("")).map_err(|e| e.to_string())?;
    let entry = &body["accepts"][0];
    Ok(encode(&json!({
        "x402Version": 1, "scheme": entry["scheme"], "network": entry["network"], "payload": signed["payload"],
    })))
}

async fn found(State(home): State<Home>, Json(all): Json<HashMap<String, Value>>) {
    // The test may have given up.
    let _ = home.found.send(all).await;
}

/// A shop whose handler would let everybody keep what it sells.
async fn shop(
    scene: &Scene,
    name: &str,
    set: impl FnOnce(PaywallBuilder) -> PaywallBuilder,
) -> Outcome<Router> {
    let house = scene.seller(name, name).await?;
    let counter = scene.counter(&house)?.name(name).route(Method::GET, "/weather", scene.cent()?);
    let weather = |Extension(paid): Extension<PaymentInfo>| async move {
        ([("cache-control", "public, max-age=600")], format!("sunny, {:?}", paid.version))
    };
    Ok(Router::new().route("/weather", get(weather)).layer(set(counter).build()?))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_origin_pays_where_it_may() -> Outcome {
    let scene = Scene::set().await?;
    let (telling, told) = mpsc::channel(1);
    let shops = std::sync::Arc::<std::sync::OnceLock<String>>::default();
    let home = Home { key: scene.payer().to_owned(), shops: shops.clone(), found: telling };
    let home = Router::new()
        .route("/", get(page))
        .route("/sign", post(sign))
        .route("/found", post(found))
        .with_state(home);
    let home = serve(home).await?;

    let only = |origin: &str| Origins::Only(vec![origin.to_owned()]);
    let layer = || CorsLayer::new().allow_origin(Any).allow_headers(cors_request_headers());
    let exposing = || layer().expose_headers(cors_response_headers());
    // Who allows what; and where the browser stops the page, if it does.
    let rows = [
        ("everybody", shop(&scene, "everybody", |s| s.allow_origins(Origins::Any)).await?, None),
        ("this page", shop(&scene, "page", |s| s.allow_origins(only(&home))).await?, None),
        ("a layer around", shop(&scene, "around", |s| s).await?.layer(layer()), None),
        ("a layer that exposes", shop(&scene, "exposes", |s| s).await?.layer(exposing()), None),
        ("nobody", shop(&scene, "nobody", |s| s).await?, Some("asking")),
        (
            "another page",
            shop(&scene, "another", |s| s.allow_origins(only("https://app.example"))).await?,
            Some("asking"),
        ),
        (
            "a layer that allows no header",
            shop(&scene, "headers", |s| s).await?.layer(CorsLayer::new().allow_origin(Any)),
            Some("paying"),
        ),
    ];
    let (mut urls, mut want) = (serde_json::Map::new(), Vec::new());
    for (name, app, blocked) in rows {
        urls.insert(name.to_owned(), serve(app).await?.into());
        want.push((name, blocked));
    }
    let set = shops.set(Value::Object(urls).to_string());
    assert!(set.is_ok());

    let all = Browser::open(&format!("{home}/"))?.report(told).await?;
    let mut bought = 0;
    for (name, blocked) in want {
        for version in [1, 2] {
            let row = &all[&format!("{name} v{version}")];
            if let Some(stage) = blocked {
                assert_eq!(*row, json!({ "blocked": stage }), "{name} v{version}");
                continue;
            }
            bought += 1;
            assert_eq!((&row["asked"], &row["paid"]), (&json!(402), &json!(200)), "{name} v{version}: {row}");
            assert_eq!(row["text"], format!("sunny, V{version}"), "{name}: {row}");
            let receipt = row["receipt"].as_str().ok_or("no receipt was readable")?;
            let receipt =
                base64_simd::STANDARD.decode_to_vec(receipt.as_bytes()).map_err(|e| e.to_string())?;
            let receipt: Value = serde_json::from_slice(&receipt)?;
            assert_eq!(receipt["success"], true, "{name} v{version}: {receipt}");
            assert!(receipt["transaction"].as_str().is_some_and(|tx| tx.len() == 66), "{name}: {receipt}");
            // The browser's own cache gives nothing away either, and a repeated payment finds its answer.
            assert_eq!(row["unpaid"], 402, "{name} v{version}: {row}");
            assert_eq!(
                (&row["again"], &row["same"]),
                (&json!(200), &json!(true)),
                "{name} v{version}: {row}"
            );
        }
    }
    assert_eq!(scene.settled().await?, bought, "one settlement for each purchase");
    Ok(())
}
