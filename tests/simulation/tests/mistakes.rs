//! The checks bite: every mistake that is made on purpose is found within a few seeds, by the check that is there for it.

use tollway_simulation::{Bug, Plan, Storm, run};

/// In so many seeds a mistake has to show.
const SEEDS: u64 = 60;
const PURCHASES: u64 = 25;

/// What is said when the mistake is found; any one of these words.
fn words(bug: Bug) -> &'static [&'static str] {
    match bug {
        Bug::SettlerSendsUnderNewKeys => &["was sent for what was settled already"],
        // What was tried out before is seldom sent again; but nobody can say any more what became of it.
        Bug::FacilitatorForgets => {
            &["was sent for what was settled already", "the shop still has the record"]
        }
        Bug::GateLetsEverybodyIn => &["was served more than once"],
        Bug::ClientSignsAgain => &["was signed for 2 times"],
        Bug::LedgerLosesWrites => &["settled", "still"],
        Bug::ChainPaysTwice => &["were settled"],
        Bug::FacilitatorLies | Bug::ShopServesInDoubt => &["was served, and never settled"],
        Bug::PayerNeverSettlesUp => &["is still Signed"],
        Bug::ShopNeverRecovers => &["the shop still"],
        Bug::HoldsStayOpen => &["still holds"],
        other => panic!("{other:?} has no words"),
    }
}

fn is_found(bug: Bug) {
    let mut said = Vec::new();
    for seed in 0..SEEDS {
        if let Err(failure) = run(seed, Plan::new(Storm::ROUGH, PURCHASES).with(bug)) {
            let text = failure.to_string();
            assert!(text.contains(&format!("TOLLWAY_SEED={seed} ")), "nobody can see it again: {text}");
            if words(bug).iter().any(|word| text.contains(word)) {
                return;
            }
            said.push(text);
        }
    }
    panic!("{bug:?} was not found in {SEEDS} seeds; what was: {said:#?}");
}

macro_rules! found {
    ($($name:ident: $bug:ident,)*) => {
        $(#[test]
        fn $name() {
            is_found(Bug::$bug);
        })*

        #[test]
        fn no_mistake_is_forgotten() {
            let tried = [$(Bug::$bug),*];
            assert!(Bug::ALL.iter().all(|bug| tried.contains(bug)));
        }
    };
}

found! {
    a_facilitator_that_forgets: FacilitatorForgets,
    a_gate_that_lets_everybody_in: GateLetsEverybodyIn,
    a_client_that_signs_again: ClientSignsAgain,
    a_settler_that_sends_under_new_keys: SettlerSendsUnderNewKeys,
    a_ledger_that_loses_writes: LedgerLosesWrites,
    a_chain_that_pays_twice: ChainPaysTwice,
    a_facilitator_that_lies: FacilitatorLies,
    a_shop_that_serves_in_doubt: ShopServesInDoubt,
    a_payer_that_never_settles_up: PayerNeverSettlesUp,
    a_shop_that_never_recovers: ShopNeverRecovers,
    holds_that_stay_open: HoldsStayOpen,
}
