//! Our client pays.

use http::{HeaderValue, Request};
use serde_json::{Value, json};
use tollway::core::Code;
use tollway::http::client::{PaidResponse, PayError, Standing};
use tollway::route::pay::AttemptStage;
use tollway_interop::ours::{By, Payer, Server, ruiner};
use tollway_interop::{BASE, BASE_SEPOLIA, Deal, bed, theirs};
use tower::{Layer, ServiceExt, service_fn};

/// It was served, and its receipt and its journal name the one transaction.
async fn served(deal: &Deal, payer: &Payer, answer: PaidResponse) {
    let transaction = deal.paid_by().await;
    let Standing::Paid(paid) = &answer.standing else { panic!("not paid: {answer:?}") };
    assert!(paid.delivered && !paid.corrected);
    assert_eq!(paid.charged.atomic, u128::from(deal.amount));
    assert_eq!(paid.receipt.transaction().map(|tx| tx.0.as_str()), Some(transaction.as_str()));
    let journal = payer.router().attempts().await.unwrap();
    assert_eq!(journal.len(), 1, "one signature");
    assert_eq!(journal[0].stage, AttemptStage::Settled);
    assert_eq!(journal[0].receipt.as_ref(), Some(&paid.receipt), "its own record of the receipt");
    assert_eq!(answer.response.status(), 200);
    let body: Value = answer.response.json().await.unwrap();
    assert_eq!(body["sold"], "/paid");
}

/// Pays with a payment that is changed on its way.
async fn pay_changed(payer: &Payer, url: &str, change: fn(&mut Value)) -> PayError {
    let http = reqwest::Client::new();
    let on_its_way = service_fn(move |mut request: Request<String>| {
        let http = http.clone();
        async move {
            if let Some(header) = request.headers_mut().get_mut("payment-signature") {
                let bytes = base64_simd::STANDARD.decode_to_vec(header.as_bytes()).unwrap();
                let mut payment: Value = serde_json::from_slice(&bytes).unwrap();
                change(&mut payment["payload"]);
                let changed = base64_simd::STANDARD.encode_to_string(payment.to_string());
                *header = HeaderValue::try_from(changed).unwrap();
            }
            let answer = http.execute(request.try_into().unwrap()).await?;
            Ok::<_, reqwest::Error>(http::Response::<reqwest::Body>::from(answer))
        }
    });
    let request = Request::get(url).body(String::new()).unwrap();
    match payer.layer().layer(on_its_way).oneshot(request).await {
        Ok(answer) => panic!("served: {}", answer.status()),
        Err(why) => why,
    }
}

/// It knows why it was refused, and holds on to what it has signed.
async fn refused(deal: &Deal, payer: &Payer, why: &PayError, code: Code) {
    assert_eq!(why.error().code, code, "{why}");
    assert!(why.paid().is_none());
    let journal = payer.router().attempts().await.unwrap();
    let last = journal.iter().max_by_key(|attempt| attempt.begun_at).unwrap();
    assert_eq!(last.stage, AttemptStage::Refused);
    assert_eq!(last.refusal, Some(code), "its own record of the refusal");
    deal.unpaid().await;
}

fn spoil(payload: &mut Value) {
    let signature = payload["signature"].as_str().unwrap().to_owned();
    let other = if &signature[20..21] == "0" { "1" } else { "0" };
    payload["signature"] = json!(format!("{}{other}{}", &signature[..20], &signature[21..]));
}

fn pay_less(payload: &mut Value) {
    payload["authorization"]["value"] = json!("9999");
}

fn pay_somebody_else(payload: &mut Value) {
    payload["authorization"]["to"] = payload["authorization"]["from"].clone();
}

async fn pays(url: &str, deal: &Deal) {
    let payer = Payer::of(deal).await;
    let answer = payer.client().get(url).await.unwrap();
    served(deal, &payer, answer).await;
}

/// Who looks at the signature first says nothing of the rest.
const SIGNATURE_FIRST: [Code; 2] = [Code::InvalidSignature, Code::InvalidSignature];
const TERMS_FIRST: [Code; 2] = [Code::ValueMismatch, Code::RecipientMismatch];

async fn is_refused(url: &str, mut deal: Deal, [less, elsewhere]: [Code; 2]) {
    let payer = Payer::of(&deal).await;
    let why = pay_changed(&payer, url, spoil).await;
    refused(&deal, &payer, &why, Code::InvalidSignature).await;
    let why = pay_changed(&payer, url, pay_less).await;
    refused(&deal, &payer, &why, less).await;
    let why = pay_changed(&payer, url, pay_somebody_else).await;
    refused(&deal, &payer, &why, elsewhere).await;

    // The token refuses this payer, which its balance does not show.
    deal.chain.blacklist_usdc(deal.payer.address(), true).await.unwrap();
    let fresh = Payer::of(&deal).await;
    let why = fresh.client().get(url).await.unwrap_err();
    refused(&deal, &fresh, &why, Code::SimulationFailed).await;
    deal.chain.blacklist_usdc(deal.payer.address(), false).await.unwrap();

    // Without money nothing is signed at all.
    deal.ruin().await;
    let poor = Payer::of(&deal).await;
    let why = poor.client().get(url).await.unwrap_err();
    assert_eq!(why.error().code, Code::NoRoute, "{why}");
    assert!(why.to_string().contains("insufficient_funds"), "{why}");
    assert!(poor.router().attempts().await.unwrap().is_empty());
    deal.unpaid().await;
}

#[test]
fn their_server_and_their_facilitator_serve_it() {
    bed().run(async {
        let facilitator = bed().their_facilitator().await.url();
        for chain in [BASE_SEPOLIA, BASE] {
            let deal = bed().deal(chain).await;
            let server = theirs::server(bed(), &deal, &facilitator).await;
            pays(&format!("{}/paid", server.url()), &deal).await;
        }
        let deal = bed().deal(BASE_SEPOLIA).await;
        let server = theirs::server(bed(), &deal, &facilitator).await;
        is_refused(&format!("{}/paid", server.url()), deal, SIGNATURE_FIRST).await;
    });
}

#[test]
fn their_server_and_our_facilitator_serve_it() {
    bed().run(async {
        let facilitator = bed().our_facilitator().await.url();
        for chain in [BASE_SEPOLIA, BASE] {
            let deal = bed().deal(chain).await;
            let server = theirs::server(bed(), &deal, facilitator).await;
            pays(&format!("{}/paid", server.url()), &deal).await;
        }
        let deal = bed().deal(BASE_SEPOLIA).await;
        let server = theirs::server(bed(), &deal, facilitator).await;
        is_refused(&format!("{}/paid", server.url()), deal, TERMS_FIRST).await;
    });
}

#[test]
fn our_server_and_their_facilitator_serve_it() {
    bed().run(async {
        let facilitator = bed().their_facilitator().await.url();
        for chain in [BASE_SEPOLIA, BASE] {
            let deal = bed().deal(chain).await;
            let server = Server::start(bed(), &deal, By::Facilitator(&facilitator)).await;
            pays(&server.url("/paid"), &deal).await;
        }
        let deal = bed().deal(BASE_SEPOLIA).await;
        let server = Server::start(bed(), &deal, By::Facilitator(&facilitator)).await;
        is_refused(&server.url("/paid"), deal, TERMS_FIRST).await;
        assert_eq!(server.handled(), 0);
    });
}

/// The money is gone between verification and settlement. It was served by nobody, and does not believe it has paid.
#[test]
fn their_server_does_not_serve_it_when_settling_fails() {
    bed().run(async {
        let (ours, theirs) = (bed().our_facilitator().await.url(), bed().their_facilitator().await.url());
        let hook = ruiner(bed(), BASE_SEPOLIA).await;
        for facilitator in [ours, &theirs] {
            let deal = bed().deal(BASE_SEPOLIA).await;
            let server = theirs::server_with_hook(bed(), &deal, facilitator, hook.url()).await;
            let payer = Payer::of(&deal).await;
            let why = payer.client().get(format!("{}/paid", server.url())).await.unwrap_err();
            assert_eq!(why.error().code, Code::InsufficientFunds, "{why}");
            assert!(why.paid().is_none(), "{why}");
            let journal = payer.router().attempts().await.unwrap();
            assert_eq!(journal.len(), 1, "nothing more is signed");
            assert_eq!(journal[0].stage, AttemptStage::Refused, "still spendable");
            deal.unserved().await;
        }
    });
}
