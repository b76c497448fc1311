//! The corpora, written once for all tests, and asking the SDKs what they say to something.

use crate::views::plain;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::OnceLock;
use tollway_core::{Challenge, Entry, Family, Json, Offer, Version};
use tollway_evm::FAMILY;
use tollway_golden::{Header, Item, Sdk, Verdict};
use tollway_http::codec::{self, Limits};

pub(crate) const FAMILIES: &[Family] = &[FAMILY];

/// What one SDK says.
pub(crate) struct Corpus {
    pub(crate) sdk: Sdk,
    pub(crate) items: Vec<Item>,
}

/// Both SDKs' corpora.
pub(crate) fn corpora() -> &'static [Corpus] {
    static CORPORA: OnceLock<Vec<Corpus>> = OnceLock::new();
    CORPORA.get_or_init(|| [Sdk::reference, Sdk::python].map(|sdk| corpus(sdk().unwrap())).into())
}

fn corpus(sdk: Sdk) -> Corpus {
    let items = sdk.emit().unwrap();
    // To be looked at when a test fails; nothing reads it.
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("golden-{}.json", sdk.name));
    std::fs::write(kept, serde_json::to_vec_pretty(&items).unwrap()).unwrap();
    Corpus { sdk, items }
}

/// Every item of a kind, with the corpus that it stands in; there are at least `least`.
pub(crate) fn each(what: &str, least: usize) -> Vec<(&'static Corpus, &'static Item)> {
    let of = |corpus: &'static Corpus| {
        corpus.items.iter().filter(|item| item.what == what).map(move |i| (corpus, i))
    };
    let found: Vec<_> = corpora().iter().flat_map(of).collect();
    assert!(found.len() >= least, "{} of {what}", found.len());
    found
}

impl Corpus {
    pub(crate) fn item(&self, id: &str) -> &Item {
        self.items.iter().find(|item| item.id == id).unwrap()
    }
    /// How a test names an item when it fails.
    pub(crate) fn name(&self, item: &Item) -> String {
        format!("{}: {}", self.sdk.name, item.id)
    }
}

pub(crate) fn version(item: &Item) -> Version {
    Version::try_from(item.version).unwrap()
}

/// The headers of the message that carried it.
pub(crate) fn headers(item: &Item) -> HeaderMap {
    let header = item.header.as_ref().unwrap();
    let name = HeaderName::from_bytes(header.name.as_bytes()).unwrap();
    HeaderMap::from_iter([(name, HeaderValue::from_str(&header.value).unwrap())])
}

/// Its JSON, to the byte.
pub(crate) fn json_of(item: &Item) -> Json {
    let limits = Limits::default();
    match (&item.header, &item.text) {
        (Some(header), _) => {
            codec::decode(header.value.as_bytes(), limits.challenge_bytes, limits.depth).unwrap()
        }
        (None, Some(text)) => codec::parse(text.as_bytes(), limits.challenge_bytes, limits.depth).unwrap(),
        (None, None) => panic!("{}: neither header nor body", item.id),
    }
}

/// A challenge, by the way that a client takes.
pub(crate) fn challenge(item: &Item) -> Challenge {
    let (headers, body) = match &item.text {
        Some(text) => (HeaderMap::new(), text.as_str()),
        None => (headers(item), "{}"),
    };
    codec::read_challenge(&headers, body.as_bytes(), FAMILIES, &Limits::default()).unwrap().unwrap()
}

/// The offers of a challenge, and where each stands in it: an entry that cannot be read is none.
pub(crate) fn offers(challenge: &Challenge) -> (Vec<usize>, Vec<Offer>) {
    let offer = |(at, entry): (usize, &Entry)| {
        let requirement = entry.requirement.clone().ok()?;
        Some((at, Offer { requirement, bound_to: None, volatile: Vec::new() }))
    };
    challenge.accepts.iter().enumerate().filter_map(offer).unzip()
}

/// The item with another content.
pub(crate) fn with_header(item: &Item, name: &str, value: &HeaderValue) -> Item {
    let value = value.to_str().unwrap().to_owned();
    Item { header: Some(Header { name: name.to_owned(), value }), text: None, ..item.clone() }
}

/// The item with another content.
pub(crate) fn with_text(item: &Item, json: &Json) -> Item {
    Item { header: None, text: Some(json.as_str().to_owned()), ..item.clone() }
}

/// Each SDK must read `ours` as it reads the original. What it refuses of the other SDK's, it may refuse of ours too; its
/// own it takes. Two readings are the same when `same` makes them equal.
pub(crate) fn read_alike(pairs: &[(&'static Corpus, &Item, Item)], same: impl Fn(&Value) -> Value) {
    let jobs: Vec<Value> = pairs
        .iter()
        .flat_map(|(_, theirs, ours)| [theirs, ours])
        .map(|i| json!({"do": "read", "item": i}))
        .collect();
    for Corpus { sdk, .. } in corpora() {
        let verdicts = sdk.check(&jobs).unwrap();
        assert_eq!(verdicts.len(), jobs.len());
        for ((corpus, item, ours), verdicts) in pairs.iter().zip(verdicts.chunks(2)) {
            let what = format!("{}, read by {}", corpus.name(item), sdk.name);
            let [theirs, again] = verdicts else { panic!("{what}") };
            match (theirs, again) {
                (Verdict::Value(theirs), Verdict::Value(again)) => {
                    assert_eq!(same(&plain(again)), same(&plain(theirs)), "{what}: {ours:?}");
                }
                (Verdict::Error(_), _) => assert_ne!(corpus.sdk.name, sdk.name, "{what}"),
                (theirs, again) => panic!("{what}: theirs {theirs:?}, ours {again:?}"),
            }
        }
    }
}

#[test]
fn an_sdk_says_the_same_every_time() {
    for Corpus { sdk, items } in corpora() {
        let again = sdk.emit().unwrap();
        assert_eq!(again.len(), items.len(), "{}", sdk.name);
        let other = items.iter().zip(&again).find(|(item, again)| json!(item) != json!(again));
        assert!(other.is_none(), "{}: {}", sdk.name, other.unwrap().0.id);
    }
}
