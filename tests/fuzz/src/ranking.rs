use tollway_core::Usd;
use tollway_route::Costs;
use tollway_route::rank::{self, PointOfView, Rank};

const NAMES: [&str; 8] = ["", "a", "a-", "ab", "b", "eip155:10", "eip155:8453", "z"];

/// Routes of eight bytes each: a few amounts, so that many are equal, and names that begin alike.
pub fn ranking(data: &[u8]) {
    let (routes, _) = data.as_chunks::<8>();
    let routes = &routes[..routes.len().min(64)];
    let ranks: Vec<Rank<'_>> = routes.iter().enumerate().map(|(index, bytes)| route(bytes, index)).collect();
    sorted(&ranks);
    total(&ranks);
    for bytes in routes {
        costs(bytes);
    }
}

/// Small ones, neighbours, and the ends of what fits.
fn amount(byte: u8) -> Usd {
    let low = u128::from(byte & 0x3f);
    Usd::from_e18(match byte >> 6 {
        0 => low,
        1 => low << 60,
        2 => u128::MAX - low,
        _ => u128::MAX / 2 - low,
    })
}

fn route(bytes: &[u8; 8], index: usize) -> Rank<'static> {
    let name = |byte: u8| NAMES[usize::from(byte) % NAMES.len()];
    let [first, second, latency, fine, a, b, c, d] = *bytes;
    Rank {
        first: amount(first),
        second: amount(second),
        latency_ms: u64::from_be_bytes([0, 0, 0, 0, 0, 0, latency, fine % 4]),
        name: [name(a), name(b), name(c), name(d)],
        index,
    }
}

/// The whole order in one string: numbers at their full width, names with an end that is below every character.
fn key(rank: &Rank<'_>) -> String {
    let name: String = rank.name.iter().flat_map(|part| [part, "\0"]).collect();
    format!(
        "{:039} {:039} {:020} {name}{:020}",
        rank.first.e18(),
        rank.second.e18(),
        rank.latency_ms,
        rank.index
    )
}

fn sorted(ranks: &[Rank<'_>]) {
    let mut ours = ranks.to_vec();
    rank::sort(&mut ours);
    let mut keys: Vec<_> = ranks.iter().map(key).collect();
    // One by one into its place.
    for at in 1..keys.len() {
        let place = keys[..at].partition_point(|other| *other <= keys[at]);
        keys[place..=at].rotate_right(1);
    }
    assert_eq!(ours.iter().map(key).collect::<Vec<_>>(), keys);

    let mut other: Vec<Rank<'_>> = ranks.iter().rev().copied().collect();
    other.rotate_left(ranks.len() / 3);
    rank::sort(&mut other);
    assert_eq!(other, ours, "whatever order they came in");
    for pair in ours.windows(2) {
        let twins = Rank { index: 0, ..pair[0] } == Rank { index: 0, ..pair[1] };
        assert!(!twins || pair[0].index < pair[1].index, "alike, and moved");
    }
}

/// Of any two one is first, and never both; a chain of two holds for its ends.
fn total(ranks: &[Rank<'_>]) {
    for (at, a) in ranks.iter().enumerate() {
        for b in &ranks[at..] {
            assert_eq!(a.cmp(b), b.cmp(a).reverse());
            assert_eq!(a.partial_cmp(b), Some(a.cmp(b)));
            assert_eq!(a.cmp(b).is_eq(), a == b);
            assert_eq!(a.cmp(b), key(a).cmp(&key(b)));
        }
    }
    for three in ranks.windows(3) {
        assert!(three[0] > three[1] || three[1] > three[2] || three[0] <= three[2]);
    }
}

/// Every point of view adds up what it says, or says that it does not fit.
fn costs(bytes: &[u8; 8]) {
    let [price, penalty, payer_work, payee_work, settler_work, ..] = bytes.map(amount);
    let costs = Costs { price, penalty, payer_work, payee_work, settler_work, ..Costs::default() };
    let sum = |terms: &[Usd]| terms.iter().try_fold(0u128, |sum, term| sum.checked_add(term.e18()));
    let settlement = sum(&[payee_work, settler_work]);
    let expected = [
        (PointOfView::Payer, sum(&[price, payer_work, penalty])),
        (PointOfView::Payee, sum(&[payee_work, settler_work, penalty])),
        (PointOfView::Settler, sum(&[settler_work, penalty])),
    ];
    for (view, first) in expected {
        let found = view.costs(&costs).ok().map(|(first, second)| (first.e18(), second.e18()));
        assert_eq!(found, first.zip(settlement), "{view:?}");
    }
    assert_eq!(costs.payer().ok().map(Usd::e18), expected[0].1);
    assert_eq!(costs.settlement().ok().map(Usd::e18), settlement);
}
