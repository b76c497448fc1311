//! Payers without an allowance and without coins: what an EIP-2612 permit or a signed approval makes up for, by `exact` and
//! by `upto`, whoever pays, sells and settles. (`exact` with a permit is in `permit2`.)
//!
//! The reference SDK leaves sending an approval to whoever runs a facilitator (`sendTransactions` of the extension's
//! signer); ours here funds it, as the extension asks.

use serde_json::{Value, json};
use tollway::evm::permit2::Sponsoring;
use tollway::http::client::Standing;
use tollway_interop::node::Program;
use tollway_interop::ours::{By, Facilitator, Payer, Server};
use tollway_interop::{BASE, BASE_SEPOLIA, Deal, bed, theirs};

/// Of a ceiling of 10,000.
const USED: u64 = 3_456;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Exact,
    Upto,
}

/// Who plays a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Ours,
    Theirs,
}

/// Which money moves, and who pays for the allowance.
#[derive(Debug, Clone, Copy)]
struct Case {
    scheme: Scheme,
    how: Sponsoring,
}

/// A server behind a facilitator; alive as long as this is.
enum Shop {
    Ours(Server),
    Theirs(Program),
}

impl Shop {
    fn url(&self) -> String {
        match self {
            Self::Ours(server) => server.url("/paid"),
            Self::Theirs(server) => format!("{}/paid", server.url()),
        }
    }
}

impl Case {
    /// What a payment takes.
    fn charge(self, deal: &Deal) -> u64 {
        if self.scheme == Scheme::Upto { USED } else { deal.amount }
    }

    /// Ours advertises what its facilitator lists; theirs what its routes say.
    async fn shop(self, server: Side, deal: &Deal, facilitator: &str) -> Shop {
        let by = By::Facilitator(facilitator);
        let offered = json!({ self.how.key(): self.how.declaration() });
        match (server, self.scheme) {
            (Side::Ours, Scheme::Exact) => Shop::Ours(Server::by_permit2(bed(), deal, by).await),
            (Side::Ours, Scheme::Upto) => Shop::Ours(Server::metered(bed(), deal, by, USED).await),
            (Side::Theirs, Scheme::Exact) => {
                Shop::Theirs(theirs::permit2_server(bed(), deal, facilitator, offered).await)
            }
            (Side::Theirs, Scheme::Upto) => {
                Shop::Theirs(theirs::metered_server(bed(), deal, facilitator, USED, offered).await)
            }
        }
    }

    /// Their client has paid, and knows by which transaction.
    async fn they_paid(self, deal: &Deal, url: &str) {
        let answer = bed().client().await.ask(theirs::pay(deal, url)).await.unwrap();
        assert_eq!(answer["status"], 200, "{answer}");
        assert_eq!(answer["paymentStatus"], "settled", "{answer}");
        let asked = &answer["record"]["asked"];
        let offered = asked["extensions"].as_object().unwrap().keys().collect::<Vec<_>>();
        assert_eq!(offered, [self.how.key()], "{asked}");
        let info = &answer["record"]["sent"]["extensions"][self.how.key()]["info"];
        let proof = match self.how {
            Sponsoring::Eip2612 => "signature",
            Sponsoring::Erc20Approval => "signedTransaction",
        };
        assert!(info[proof].is_string(), "{answer}");
        assert_eq!(answer["header"]["transaction"], deal.charged_by(self.charge(deal)).await);
    }

    /// Our client has.
    async fn we_paid(self, deal: &Deal, url: &str) {
        let payer = Payer::of(deal).await;
        let answer = payer.client().get(url).await.unwrap();
        let Standing::Paid(paid) = &answer.standing else { panic!("not paid: {answer:?}") };
        assert_eq!(paid.charged.atomic, u128::from(self.charge(deal)));
        let transaction = paid.receipt.transaction().map(|tx| tx.0.clone());
        assert_eq!(transaction, Some(deal.charged_by(self.charge(deal)).await));
        assert_eq!(payer.router().attempts().await.unwrap().len(), 1, "one signature");
    }

    /// One payment, by a payer who has the token and nothing else.
    async fn paid(self, client: Side, server: Side, facilitator: Side) {
        let chain = if client == Side::Ours { BASE } else { BASE_SEPOLIA };
        let deal = bed().deal(chain).await;
        deal.without_coins().await;
        let (ours, theirs);
        let facilitator = match facilitator {
            Side::Ours => {
                ours = Facilitator::sponsoring(bed(), &deal, &[self.how]).await;
                ours.url().to_owned()
            }
            Side::Theirs => {
                theirs =
                    theirs::facilitator(bed(), &[chain], json!({ "sponsoring": [self.how.key()] })).await;
                theirs.url()
            }
        };
        let shop = self.shop(server, &deal, &facilitator).await;
        match client {
            Side::Ours => self.we_paid(&deal, &shop.url()).await,
            Side::Theirs => self.they_paid(&deal, &shop.url()).await,
        }
        // A permit is handed in by the settler; an approval is the one transaction of an account that had no coins.
        let sent = u64::from(self.how == Sponsoring::Erc20Approval);
        assert_eq!(deal.sent_by_payer().await, sent);
    }
}

/// Both clients at both servers.
fn everybody_pays(scheme: Scheme, how: Sponsoring, facilitator: Side) {
    let case = Case { scheme, how };
    for (client, server) in [
        (Side::Theirs, Side::Ours),
        (Side::Theirs, Side::Theirs),
        (Side::Ours, Side::Ours),
        (Side::Ours, Side::Theirs),
    ] {
        bed().run(case.paid(client, server, facilitator));
    }
}

#[test]
fn exact_with_an_approval_that_our_facilitator_pays_for() {
    everybody_pays(Scheme::Exact, Sponsoring::Erc20Approval, Side::Ours);
}

#[test]
fn exact_with_an_approval_that_their_facilitator_pays_for() {
    everybody_pays(Scheme::Exact, Sponsoring::Erc20Approval, Side::Theirs);
}

#[test]
fn upto_with_a_permit_that_our_facilitator_hands_in() {
    everybody_pays(Scheme::Upto, Sponsoring::Eip2612, Side::Ours);
}

#[test]
fn upto_with_a_permit_that_their_facilitator_hands_in() {
    everybody_pays(Scheme::Upto, Sponsoring::Eip2612, Side::Theirs);
}

#[test]
fn upto_with_an_approval_that_our_facilitator_pays_for() {
    everybody_pays(Scheme::Upto, Sponsoring::Erc20Approval, Side::Ours);
}

#[test]
fn upto_with_an_approval_that_their_facilitator_pays_for() {
    everybody_pays(Scheme::Upto, Sponsoring::Erc20Approval, Side::Theirs);
}

/// A facilitator that lists nothing: our server promises nothing on its behalf, and their client hears of the missing
/// allowance.
#[test]
fn what_a_facilitator_does_not_list_our_server_does_not_promise() {
    bed().run(async {
        let facilitators = [Side::Ours, Side::Theirs];
        for side in facilitators {
            let deal = bed().deal(BASE_SEPOLIA).await;
            deal.without_coins().await;
            let (ours, theirs);
            let url = match side {
                Side::Ours => {
                    ours = Facilitator::sponsoring(bed(), &deal, &[]).await;
                    ours.url().to_owned()
                }
                Side::Theirs => {
                    theirs = theirs::facilitator(bed(), &[BASE_SEPOLIA], json!({})).await;
                    theirs.url()
                }
            };
            let listed = bed().client().await.ask(json!({ "do": "supported", "url": url })).await.unwrap();
            assert_eq!(listed["extensions"], json!([]), "{listed}");
            let server = Server::metered(bed(), &deal, By::Facilitator(&url), USED).await;
            let answer: Value =
                bed().client().await.ask(theirs::pay(&deal, &server.url("/paid"))).await.unwrap();
            assert_eq!(answer["status"], 412, "{answer}");
            assert!(answer["record"]["asked"]["extensions"].is_null(), "{answer}");
            deal.unpaid().await;
        }
    });
}
