//! Two doors, one room: what is there is found, what is not is said.

mod common;
mod world;

use common::{EVM, SVM, V2, requirement};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tollway_core::ledger::MemoryLedger;
use tollway_core::*;
use world::{Settles, World, read};

static PAYERS: AtomicUsize = AtomicUsize::new(0);

const fn id(scheme: &'static str, namespace: &'static str, methods: &'static [&'static str]) -> CellId {
    CellId { scheme, namespace, methods }
}

const EXACT: SchemeEntry = SchemeEntry::new(
    id("exact", "eip155", &["", "eip3009"]),
    Capability::fixed(&[Flow::Authorization, Flow::Upfront]),
    read,
)
.payer(|_| {
    PAYERS.fetch_add(1, Ordering::SeqCst);
    Err(Error::caller(Code::NoSigner))
})
.seller(|_| Ok(Arc::new(World::new(Settles::Well))))
.settler(|site| {
    site.chain::<dyn Typed>()?;
    Ok(Arc::new(World::new(Settles::Well)))
});

const PERMIT2: SchemeEntry =
    SchemeEntry::new(id("exact", "eip155", &["permit2"]), Capability::fixed(&[Flow::Authorization]), read);
const DEFAULT_TOO: SchemeEntry =
    SchemeEntry::new(id("exact", "eip155", &["new", ""]), Capability::fixed(&[Flow::Authorization]), read);
const FOUND: SchemeEntry =
    SchemeEntry::new(id("found", "mars", &[""]), Capability::fixed(&[Flow::Authorization]), read);

inventory::submit! { Plugin::Scheme(FOUND) }
inventory::submit! { Plugin::Scheme(EXACT) }
inventory::submit! { Plugin::Family(SVM) }

trait Typed: Send + Sync {}
struct Node(ChainId);
impl Typed for Node {}

#[async_trait]
impl Network for Node {
    fn id(&self) -> ChainId {
        self.0
    }
    fn traits(&self) -> NetworkTraits {
        NetworkTraits { block_ms: 2000, testnet: true }
    }
    async fn tariff(&self, _: Purpose, _: &[Account]) -> Result<Arc<dyn Tariff>> {
        Err(Error::network(Code::Unreachable))
    }
    async fn balances(&self, _: &Account, _: &[AssetId]) -> Result<Vec<Amount>> {
        Ok(Vec::new())
    }
    async fn outcome(&self, _: &TxId) -> Result<Outcome> {
        Ok(Outcome::Unseen)
    }
}

struct NoDice;
impl Dice for NoDice {
    fn fill(&self, out: &mut [u8]) {
        out.fill(4);
    }
}

fn chain(text: &str) -> ChainId {
    ChainId::new(text).unwrap()
}

fn node(text: &str) -> Handle {
    let node = Arc::new(Node(chain(text)));
    Handle::new::<dyn Typed>(node.clone(), node)
}

fn build(builder: registry::Builder) -> Result<Registry> {
    builder.family(EVM).build(
        Arc::new(MemoryLedger::new()),
        Arc::new(World::new(Settles::Well)),
        Arc::new(NoDice),
    )
}

#[test]
fn duplicates_are_refused() {
    let bare = || Registry::builder().bare(chain("eip155:8453")).role(Role::Seller);
    for (a, b) in [(EXACT, EXACT), (EXACT, DEFAULT_TOO), (DEFAULT_TOO, EXACT)] {
        let error = build(bare().with(a).with(b)).unwrap_err();
        assert_eq!(error.code, Code::DuplicatePlugin);
        assert!(error.detail.contains("exact/eip155"), "{error}");
    }
    let both = build(bare().with(EXACT).with(PERMIT2)).unwrap();
    assert_eq!(both.cells().count(), 2);
    // Named and discovered is one and the same.
    assert_eq!(build(bare().with(EXACT).discover()).unwrap().cells().count(), 1);
}

#[test]
fn an_unknown_entry_is_told_what_is_there() {
    let rooms = build(Registry::builder().bare(chain("eip155:8453")).role(Role::Seller).with(EXACT)).unwrap();
    assert_eq!(rooms.cell(&requirement(V2).unwrap()).unwrap().id, EXACT.id);
    let method =
        |m: &str| requirement(&V2.replace(r#"{"name""#, &format!(r#"{{"assetTransferMethod":"{m}","name""#)));
    assert!(rooms.cell(&method("eip3009").unwrap()).is_ok());
    for (text, code, listed) in [
        (V2.replace("8453", "1"), Code::InvalidNetwork, "eip155:8453"),
        (V2.replace("exact", "upto"), Code::UnsupportedScheme, "exact/eip155/eip3009"),
        (method("permit2").unwrap().raw.as_str().to_owned(), Code::UnsupportedScheme, "by permit2"),
        (V2.replace(r#"{"name""#, r#"{"paymentFlow":"escrow","name""#), Code::UnsupportedFlow, "escrow"),
    ] {
        let error = rooms.cell(&requirement(&text).unwrap()).unwrap_err();
        assert_eq!((&error.code, &error.next), (&code, &Next::OtherRoute), "{error}");
        assert!(error.detail.contains(listed), "{error}");
    }
}

#[test]
fn an_asked_for_scheme_needs_a_chain_and_a_found_one_sleeps() {
    let error = build(Registry::builder().role(Role::Seller).with(EXACT)).unwrap_err();
    assert_eq!(error.code, Code::NetworkMissing);
    let elsewhere = Registry::builder().bare(chain("solana:x")).role(Role::Seller).with(EXACT);
    assert_eq!(build(elsewhere).unwrap_err().code, Code::NetworkMissing);
    let rooms = build(Registry::builder().discover().role(Role::Seller)).unwrap();
    let mut dormant: Vec<_> = rooms.dormant().iter().map(|d| (d.id.scheme, !d.reason.is_empty())).collect();
    dormant.sort_unstable();
    assert_eq!(dormant, [("exact", true), ("found", true)]);
    assert_eq!(rooms.families().len(), 2, "the discovered family, and the named one");
}

#[test]
fn bare_chains_sell_and_live_ones_settle() {
    let asked = || Registry::builder().with(EXACT).role(Role::Seller).role(Role::Settler);
    let rooms =
        build(asked().bare(chain("eip155:1")).network(node("eip155:8453")).bare(chain("eip155:8453")))
            .unwrap();
    let cells: Vec<_> =
        rooms.cells().map(|c| (c.chain.reference(), c.seller.is_some(), c.settler.is_some())).collect();
    assert_eq!(cells, [("1", true, false), ("8453", true, true)], "a live chain is not also bare");
    assert!(rooms.network(&chain("eip155:1")).is_none());
    assert_eq!(rooms.networks().count(), 1);
    // Settling alone cannot be done without a node.
    let settles = Registry::builder().with(EXACT).role(Role::Settler).bare(chain("eip155:1"));
    assert_eq!(build(settles).unwrap_err().code, Code::NetworkMissing);
    // A node of another kind is no node for this scheme, and its failure is the build's.
    let other = Arc::new(Node(chain("eip155:8453")));
    let other = Handle::new::<Node>(other.clone(), other);
    let error = build(Registry::builder().with(EXACT).role(Role::Settler).network(other)).unwrap_err();
    assert_eq!(error.code, Code::NetworkMissing);
    assert!(error.detail.contains("Typed"), "{error}");
}

#[test]
fn a_role_that_nobody_asks_for_is_not_built() {
    let rooms = build(Registry::builder().with(EXACT).network(node("eip155:8453"))).unwrap();
    let cell = rooms.cells().next().unwrap();
    assert!(cell.payer.is_none() && cell.seller.is_none() && cell.settler.is_none());
    assert_eq!(PAYERS.load(Ordering::SeqCst), 0);
    let error =
        build(Registry::builder().with(EXACT).role(Role::Payer).network(node("eip155:8453"))).unwrap_err();
    assert_eq!(
        (error.code, PAYERS.load(Ordering::SeqCst)),
        (Code::NoSigner, 1),
        "what a plugin says, unchanged"
    );
}

#[test]
fn the_same_chain_twice_is_one_chain() {
    let twice = Registry::builder().with(EXACT).role(Role::Seller);
    let rooms = build(twice.bare(chain("eip155:1")).bare(chain("eip155:1"))).unwrap();
    assert_eq!(rooms.cells().count(), 1);
}
