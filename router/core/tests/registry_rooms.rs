//! What a plugin is given, and what the registry says is there.

mod common;
mod world;

use common::{EVM, SVM};
use std::sync::{Arc, Mutex};
use tollway_core::ledger::MemoryLedger;
use tollway_core::*;
use world::{Settles, World, read};

const fn id(scheme: &'static str, namespace: &'static str, methods: &'static [&'static str]) -> CellId {
    CellId { scheme, namespace, methods }
}

const FREE: Capability = Capability { needs_network: false, ..Capability::fixed(&[Flow::Authorization]) };

/// A chain, whether there is a node, and the settings.
type Told = (String, bool, Result<Vec<u32>>);

/// What the plugin's builder saw.
static SEEN: Mutex<Vec<Told>> = Mutex::new(Vec::new());

const TELLS: SchemeEntry = SchemeEntry::new(id("tells", "eip155", &[""]), FREE, read).settler(|site| {
    SEEN.lock().unwrap().push((site.chain.to_string(), site.has_network(), site.settings()));
    Ok(Arc::new(World::new(Settles::Well)))
});

const OTHER: SchemeEntry = other(&[""], FREE);

const fn other(methods: &'static [&'static str], capability: Capability) -> SchemeEntry {
    SchemeEntry::new(id("other", "eip155", methods), capability, read)
        .settler(|_| Ok(Arc::new(World::new(Settles::Well))))
}

struct Node(ChainId);

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
    Handle::new::<Node>(node.clone(), node)
}

fn build(builder: registry::Builder) -> Result<Registry> {
    builder.build(Arc::new(MemoryLedger::new()), Arc::new(World::new(Settles::Well)), Arc::new(NoDice))
}

/// One test, because what was seen is shared.
#[test]
fn a_plugin_sees_its_chain_its_node_and_its_own_settings() {
    let seen = || std::mem::take(&mut *SEEN.lock().unwrap());
    let asked = || Registry::builder().with(TELLS).role(Role::Settler);
    let numbers = serde_json::json!([1, 2]);

    build(asked().bare(chain("eip155:1")).network(node("eip155:10")).settings("tells", numbers.clone()))
        .unwrap();
    let both =
        [("eip155:10".to_owned(), true, Ok(vec![1, 2])), ("eip155:1".to_owned(), false, Ok(vec![1, 2]))];
    assert_eq!(seen(), both);

    build(asked().bare(chain("eip155:1")).settings("another", numbers.clone())).unwrap();
    assert_eq!(seen(), [("eip155:1".to_owned(), false, Ok(Vec::new()))], "other people's settings");

    build(asked().bare(chain("eip155:1")).settings("tells", serde_json::json!({ "a": 1 }))).unwrap();
    let wrong = seen().remove(0).2.unwrap_err();
    assert_eq!((&wrong.code, wrong.blame), (&Code::BadSettings, Blame::Caller));
    assert!(wrong.detail.contains("tells"), "{wrong}");

    build(asked().bare(chain("solana:x")).bare(chain("eip155:1"))).unwrap();
    assert_eq!(seen().len(), 1, "not on a chain of another family");
}

#[test]
fn a_scheme_without_a_need_for_nodes_works_on_bare_chains() {
    let rooms = build(Registry::builder().with(OTHER).role(Role::Settler).bare(chain("eip155:1"))).unwrap();
    assert!(rooms.cells().all(|cell| cell.settler.is_some() && cell.payer.is_none()));
    let needy = other(&[""], Capability::fixed(&[Flow::Authorization]));
    let sells =
        Registry::builder().with(needy).role(Role::Settler).role(Role::Seller).bare(chain("eip155:1"));
    assert!(build(sells).unwrap().cells().all(|cell| cell.settler.is_none()), "settling needs a node here");
}

#[test]
fn two_networks_of_one_chain_are_a_duplicate() {
    let two = |a: &str, b: &str| build(Registry::builder().network(node(a)).network(node(b)));
    let refused = two("eip155:1", "eip155:1").unwrap_err();
    assert_eq!(refused.code, Code::DuplicatePlugin);
    assert!(refused.detail.contains("eip155:1"), "{refused}");
    assert_eq!(two("eip155:1", "eip155:10").unwrap().networks().count(), 2);
}

#[test]
fn plugins_at_hand_are_added_once_and_sleep_where_they_cannot_work() {
    let plugins = || [Plugin::Scheme(OTHER), Plugin::Scheme(OTHER), Plugin::Family(EVM), Plugin::Family(EVM)];
    let rooms = build(Registry::builder().plugins(plugins()).bare(chain("eip155:1"))).unwrap();
    assert_eq!((rooms.cells().count(), rooms.families().len(), rooms.dormant().len()), (1, 1, 0));
    // What was asked for by name is the one that counts, also when it comes later.
    let named = other(&[""], Capability { metered: true, ..FREE });
    let rooms = build(Registry::builder().plugins(plugins()).with(named).bare(chain("eip155:1"))).unwrap();
    assert_eq!(rooms.cells().map(|cell| cell.capability.metered).collect::<Vec<_>>(), [true]);
    let sleeping = build(Registry::builder().plugins(plugins()).bare(chain("solana:x"))).unwrap();
    assert_eq!(sleeping.dormant().iter().map(|one| one.id).collect::<Vec<_>>(), [OTHER.id]);
}

#[test]
fn chains_families_and_tokens_are_found_by_name() {
    const TOKEN: KnownAsset =
        KnownAsset { chain: "eip155:1", key: "0xaa", symbol: "USDC", decimals: 6, extra: &[] };
    let evm = Family { assets: &[TOKEN], ..EVM };
    let asked = Registry::builder().family(evm).family(SVM).family(EVM);
    let rooms = build(asked.network(node("eip155:10")).network(node("eip155:1"))).unwrap();
    assert_eq!(rooms.families().len(), 2, "the first of a namespace stays");
    assert_eq!(rooms.family(&chain("solana:x")).map(|family| family.namespace), Some("solana"));
    assert_eq!(rooms.family(&chain("eip155:7")).map(|family| family.namespace), Some("eip155"));
    assert!(rooms.family(&chain("cosmos:x")).is_none());
    for known in ["eip155:1", "eip155:10"] {
        assert_eq!(rooms.network(&chain(known)).map(|network| network.id()), Some(chain(known)));
    }
    assert!(rooms.network(&chain("eip155:2")).is_none());
    let ids: Vec<_> = rooms.networks().map(|network| network.id()).collect();
    assert_eq!(ids, [chain("eip155:1"), chain("eip155:10")], "in the chains' own order");
    let asset = |on: &str, key: &str| AssetId::new(chain(on), key).unwrap();
    assert_eq!(rooms.known_asset(&asset("eip155:1", "0xaa")).map(|known| known.symbol), Some("USDC"));
    assert!(rooms.known_asset(&asset("eip155:10", "0xaa")).is_none());
    assert!(rooms.known_asset(&asset("cosmos:x", "0xaa")).is_none());
}

#[test]
fn plugins_overlap_in_scheme_family_and_method_together() {
    let exact = id("exact", "eip155", &["", "eip3009"]);
    assert!(exact.overlaps(&id("exact", "eip155", &["eip3009", "new"])));
    for other in [
        id("upto", "eip155", &["", "eip3009"]),
        id("exact", "solana", &["", "eip3009"]),
        id("exact", "eip155", &["permit2"]),
        id("exact", "eip155", &[]),
    ] {
        assert!(!exact.overlaps(&other), "{other}");
    }
    assert_eq!(exact.to_string(), "exact/eip155/eip3009");
    assert_eq!(id("exact", "solana", &[""]).to_string(), "exact/solana");
}

#[test]
fn a_cell_answers_for_its_scheme_and_its_methods() {
    let cell = |methods| {
        let entry = other(methods, FREE);
        let rooms = build(Registry::builder().with(entry).bare(chain("eip155:1"))).unwrap();
        let cell = rooms.cells().next().unwrap();
        let asked = [
            ("other", None),
            ("other", Some("new")),
            ("other", Some("")),
            ("else", None),
            ("else", Some("new")),
        ];
        asked.map(|(scheme, method)| cell.answers(scheme, method))
    };
    assert_eq!(cell(&["", "new"]), [true, true, true, false, false]);
    assert_eq!(cell(&["new"]), [false, true, false, false, false]);
    assert_eq!(cell(&[""]), [true, false, true, false, false]);
}
