//! A chain in memory whose behaviour a test scripts, and a scheme named `exact` on it.

use super::wire::{FAMILY, PAY_TO};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tollway_core::{
    Account, Amount, AssetId, Capability, Ceiling, CellId, ChainId, Code, Due, Effort, Error, Extra, Fate,
    Flow, Kind, Landed, Name, Network, NetworkTraits, Order, Outcome, Proof, Purpose, Receipt, ReplayKey,
    Result, SchemeEntry, Settler, Site, Tariff, Terms, Time, TxId, Version,
};

pub const CHAIN: &str = "eip155:84532";
pub const PAYER: &str = "0x857b06519e91e3a54538791bdbb0e22373e36b66";

/// What `settle` does.
#[derive(Clone, Debug, Default)]
pub enum Script {
    /// Settles at once.
    #[default]
    Land,
    /// Settles after so many milliseconds.
    Slow(u64),
    /// Sends, and does not know what came of it.
    Lose,
    /// Says no.
    Refuse(Code),
    /// Sends, and panics.
    Panic,
}

#[derive(Default)]
pub struct Chain {
    pub state: Mutex<State>,
}

#[derive(Default)]
pub struct State {
    pub script: Script,
    /// True once `resume` can see what was sent.
    pub visible: bool,
    pub settles: usize,
    pub verifies: usize,
    pub resumes: usize,
    pub sent: BTreeMap<String, Receipt>,
}

impl Chain {
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }
    pub fn script(&self, script: Script) {
        self.state.lock().unwrap().script = script;
    }
    pub fn reveal(&self) {
        self.state.lock().unwrap().visible = true;
    }
    pub fn settles(&self) -> usize {
        self.state.lock().unwrap().settles
    }
    pub fn verifies(&self) -> usize {
        self.state.lock().unwrap().verifies
    }
}

#[derive(Deserialize)]
struct Payload {
    from: String,
    nonce: String,
    value: String,
    /// When it ends, in milliseconds; never where it is not said.
    until_ms: Option<u64>,
}

fn read(order: &Order) -> Result<Terms> {
    let payload: Payload = order.payment.payload.read()?;
    let want = &order.requirement;
    Ok(Terms {
        payer: Some(FAMILY.account(want.chain, &payload.from)?),
        payee: FAMILY.account(want.chain, PAY_TO)?,
        ceiling: Ceiling(Amount::new(want.price.asset(), Amount::parse_atomic(&payload.value)?)),
        replay: vec![ReplayKey(format!("{}/{}/{}", want.chain, payload.from, payload.nonce))],
        not_before: Time::ZERO,
        settle_before: payload.until_ms.map_or(Time::FAR, Time::from_ms),
    })
}

/// Of these only the chain can tell who signed.
fn proven(order: &Order) -> Result<Terms> {
    let nonce = order.payment.payload.read::<Payload>()?.nonce;
    if nonce.starts_with("asked") {
        return Err(Error::payer(Code::InvalidSignature));
    }
    read(order)
}

/// The scheme.
pub const ENTRY: SchemeEntry = SchemeEntry::new(
    CellId { scheme: "exact", namespace: "eip155", methods: &[""] },
    Capability { extensions: &["bazaar"], ..Capability::fixed(&[Flow::Authorization, Flow::Upfront]) },
    read,
)
.alone(proven)
.settler(|site: &Site| Ok(Arc::new(Cell(site.chain::<Chain>()?))));

/// The same, charged by use.
pub const METERED: SchemeEntry = SchemeEntry::new(
    CellId { scheme: "upto", namespace: "eip155", methods: &[""] },
    Capability { metered: true, ..Capability::fixed(&[Flow::Authorization, Flow::Upfront]) },
    read,
);

struct Cell(Arc<Chain>);

#[tollway_core::async_trait]
impl Settler for Cell {
    async fn kinds(&self) -> Result<Vec<Kind>> {
        let kind = |version| -> Result<Kind> {
            Ok(Kind {
                version,
                scheme: Name::new("exact")?,
                chain: ChainId::new(CHAIN)?,
                extra: Extra::default(),
                extensions: vec!["offered".to_owned()],
            })
        };
        Ok(vec![kind(Version::V2)?, kind(Version::V1)?])
    }
    async fn effort(&self, _: &Order) -> Result<Effort> {
        Ok(Effort::default())
    }
    async fn verify(&self, order: &Order) -> Result<Proof> {
        let nonce = order.payment.payload.read::<Payload>()?.nonce;
        let mut state = self.0.state.lock().unwrap();
        state.verifies += 1;
        if nonce == "poor" {
            return Err(Error::payer(Code::InsufficientFunds).detail("0 of 10000"));
        }
        if nonce.ends_with("no-node") {
            return Err(Error::network(Code::Unreachable).detail("node.example: project 0secret0 is unknown"));
        }
        if state.sent.contains_key(&nonce) {
            return Err(Error::payer(Code::NonceUsed));
        }
        Ok(Proof::default())
    }
    async fn settle(&self, due: Due) -> Result<Receipt> {
        let order = due.verified().order();
        let nonce = order.payment.payload.read::<Payload>()?.nonce;
        let tx = TxId(format!("0x{nonce}"));
        let receipt = Receipt {
            landed: Landed::OnChain { transaction: tx.clone() },
            charged: due.charge().amount(),
            payer: due.verified().terms().payer,
            chain: order.requirement.chain,
            spent: None,
            extra: Extra::default(),
        };
        let script = {
            let mut state = self.0.state.lock().unwrap();
            state.settles += 1;
            if !matches!(state.script, Script::Refuse(_)) {
                state.sent.insert(nonce, receipt.clone());
            }
            state.script.clone()
        };
        match script {
            Script::Land => Ok(receipt),
            Script::Slow(ms) => {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                Ok(receipt)
            }
            Script::Lose => Err(Error::unknown(Code::TimedOut, Some(tx))),
            Script::Refuse(code) => Err(Error::settler(code)),
            Script::Panic => panic!("scripted"),
        }
    }
    async fn resume(&self, order: &Order, _: Option<Amount>) -> Result<Fate> {
        let nonce = order.payment.payload.read::<Payload>()?.nonce;
        let mut state = self.0.state.lock().unwrap();
        state.resumes += 1;
        match state.sent.get(&nonce) {
            Some(receipt) if state.visible => Ok(Fate::Settled(Box::new(receipt.clone()))),
            _ => Ok(Fate::NotYetKnown { ask_again: Time::ZERO }),
        }
    }
}

#[tollway_core::async_trait]
impl Network for Chain {
    fn id(&self) -> ChainId {
        ChainId::new(CHAIN).unwrap()
    }
    fn traits(&self) -> NetworkTraits {
        NetworkTraits { block_ms: 1000, testnet: true }
    }
    async fn tariff(&self, _: Purpose, _: &[Account]) -> Result<Arc<dyn Tariff>> {
        Err(Error::network(Code::NoQuote))
    }
    async fn balances(&self, _: &Account, _: &[AssetId]) -> Result<Vec<Amount>> {
        Ok(Vec::new())
    }
    async fn outcome(&self, _: &TxId) -> Result<Outcome> {
        Ok(Outcome::Unseen)
    }
}

/// A facilitator request for 10 000 with this nonce.
pub fn body(nonce: &str) -> String {
    body_for(nonce, 10_000)
}

pub fn body_for(nonce: &str, amount: u128) -> String {
    let accept = super::wire::accept(84532, amount);
    format!(
        r#"{{"x402Version":2,"paymentPayload":{{"x402Version":2,"payload":{{"from":"{PAYER}","nonce":"{nonce}","value":"10000"}},"accepted":{accept}}},"paymentRequirements":{accept}}}"#
    )
}

/// The order in it.
pub fn order(nonce: &str) -> Order {
    let json = tollway_core::Json::parse(body(nonce)).unwrap();
    tollway_core::wire::read_facilitator_request(&json, &[FAMILY]).unwrap().order
}
