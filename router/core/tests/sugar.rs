//! What core writes for a plugin: offers, kinds, orders and receipts of plain schemes.

use tollway_core::*;

fn text(address: &str) -> Result<arrayvec::ArrayString<{ ids::KEY_BYTES_MAX }>> {
    arrayvec::ArrayString::from(address).map_err(|_| Error::payee(Code::InvalidAddress))
}

const FAMILY: Family = Family {
    namespace: "toy",
    address: text,
    display: |canonical| canonical.to_owned(),
    networks: &[],
    assets: &[],
};

fn unread(_: &Order) -> Result<Terms> {
    Err(Error::us(Code::Internal))
}

const ENTRY: SchemeEntry = SchemeEntry::new(
    CellId { scheme: "plain", namespace: "toy", methods: &["", "wire"] },
    Capability::fixed(&[Flow::Authorization, Flow::Upfront]),
    unread,
);

fn chain() -> ChainId {
    ChainId::new("toy:1").unwrap()
}

fn price(flow: Flow) -> Price {
    let coin = AssetId::new(chain(), "coin").unwrap();
    let ceiling = Ceiling(Amount::new(coin, 10));
    Price { ceiling, pay_to: Account::new(chain(), "shop").unwrap(), timeout_s: 60, flow, chain: chain() }
}

fn kind(extra: Extra) -> Kind {
    Kind { extra, ..ENTRY.kinds(chain()).unwrap().remove(0) }
}

#[test]
fn kinds_are_of_both_wires() {
    let kinds = ENTRY.kinds(chain()).unwrap();
    assert_eq!(kinds.iter().map(|kind| kind.version).collect::<Vec<_>>(), [Version::V1, Version::V2]);
    assert!(
        kinds.iter().all(|kind| kind.scheme == "plain" && kind.chain == chain() && kind.extra.is_empty())
    );
}

#[test]
fn an_offer_says_what_its_entry_says() {
    for flow in [Flow::Authorization, Flow::Upfront] {
        let offer =
            flow::offer(&ENTRY, &FAMILY, &price(flow), &kind(Extra::of_pairs(&[("fee", "1")]))).unwrap();
        let read = wire::read_requirement(&offer.requirement.raw, Version::V2, &[FAMILY]).unwrap();
        assert_eq!(read, offer.requirement);
        assert_eq!((read.flow, read.price, read.version), (flow, price(flow).ceiling, Version::V2));
        assert_eq!(read.extra.map()["fee"], "1");
    }
}

#[test]
fn an_offer_names_the_method_of_the_kind() {
    let by = |method| kind(Extra::of_pairs(&[("assetTransferMethod", method)]));
    let offer = |kind: &Kind| flow::offer(&ENTRY, &FAMILY, &price(Flow::Authorization), kind);
    assert_eq!(offer(&by("wire")).unwrap().requirement.method, Some(Name::new("wire").unwrap()));
    assert_eq!(offer(&by("post")).unwrap_err().code, Code::UnsupportedMethod);
}

#[test]
fn what_cannot_be_offered_is_refused() {
    let offer =
        |price: &Price| flow::offer(&ENTRY, &FAMILY, price, &kind(Extra::default())).unwrap_err().code;
    assert_eq!(offer(&price(Flow::Escrow)), Code::UnsupportedFlow);
    let abroad = ChainId::new("toy:2").unwrap();
    assert_eq!(offer(&Price { chain: abroad, ..price(Flow::Upfront) }), Code::InvalidNetwork);
    let pay_to = Account::new(abroad, "shop").unwrap();
    assert_eq!(offer(&Price { pay_to, ..price(Flow::Upfront) }), Code::InvalidNetwork);
}

#[test]
fn a_receipt_bears_out_its_own_words_alone() {
    let (payer, charged) = (Account::new(chain(), "me").unwrap(), price(Flow::Upfront).ceiling.0);
    let found = Receipt::on_chain(TxId("t".into()), charged, payer).cost(7);
    assert_eq!(found.spent.unwrap().cost, Amount::new(AssetId::native(chain()), 7));
    assert!(found.bears_out(&found));
    assert!(
        found.bears_out(&Receipt { payer: None, spent: None, ..found.clone() }),
        "a wire may leave that out"
    );
    let less = Amount::new(charged.asset, 9);
    let lies = [
        Receipt { payer: Some(price(Flow::Upfront).pay_to), ..found.clone() },
        Receipt { charged: less, ..found.clone() },
        Receipt { landed: Landed::Nothing, ..found.clone() },
        Receipt { chain: ChainId::new("toy:2").unwrap(), ..found.clone() },
    ];
    assert!(lies.iter().all(|lie| !found.bears_out(lie)));
}
