use super::{Facts, Trial};
use super::{answer, binding, effort, fate, money, offer, once, refusal, secrets, signing, window};
use crate::suite::property::Property;

/// Each guise once.
const FEW: fn(&Facts) -> u64 = |_| 3;
/// Each guise some times, or as often as the stand says where its places are dear.
const SOME: fn(&Facts) -> u64 = |facts| facts.seeds.min(24);
/// As many as the stand says.
const MANY: fn(&Facts) -> u64 = |facts| facts.seeds;

macro_rules! properties {
    ($($name:ident in $room:ident, $needs:expr, $seeds:expr, $says:literal;)*) => {
        /// What every scheme must do.
        pub const PROPERTIES: &[Property<Trial, Facts>] = &[$(Property {
            name: stringify!($name),
            says: $says,
            needs: $needs,
            seeds: $seeds,
            check: |trial| Box::pin($room::$name(trial)),
        }),*];
    };
}

properties! {
    accepts_what_it_signed in signing, Facts::whole, SOME,
        "a payment that was just authorized is accepted after it was written and read, on every wire that has a name for the chain";
    plans_without_acting in signing, Facts::signs, FEW,
        "plan signs nothing, throws no dice, changes nothing, and says the same of the same demand";
    reads_what_was_planned in signing, Facts::signs, SOME,
        "read says of a payment what was planned: payee, asset, exposure, window";
    signs_no_more_than_reserved in signing, Facts::signs, FEW,
        "authorize signs for what was reserved and no more";
    replay_keys_name_one_authorization in signing, Facts::signs, FEW,
        "one payment always has the same replay keys, and two authorizations share none";
    refuses_a_changed_payload in binding, Facts::whole, FEW,
        "every change of a single field of the payload is refused, and the payer is blamed for it";
    refuses_a_changed_requirement in binding, Facts::whole, FEW,
        "a payment for other terms than the seller's is refused";
    binds_the_amount in binding, Facts::whole, FEW,
        "a payment whose amount was changed in the payload, for an order of that amount, is refused";
    binds_the_payee in binding, Facts::whole, FEW,
        "a payment that was turned to another payee, for an order of that payee, is refused";
    binds_the_asset in binding, Facts::whole, FEW,
        "a payment that was turned to another asset, for an order of that asset, is refused";
    binds_the_network in binding, Facts::whole, FEW,
        "a payment that was turned to another chain, for an order on that chain, is refused, there and here";
    honours_expiry in window, Facts::whole, FEW,
        "a payment is accepted until the last millisecond of its window and from then on refused as expired";
    honours_not_before in window, Facts::whole, FEW,
        "a payment is refused until its window begins; what is accepted can be settled";
    settles_nothing_late in window, Facts::at_once, FEW,
        "what was verified in time and is settled past the window moves nothing";
    verifying_moves_nothing in money, Facts::whole, FEW,
        "verify sends nothing and changes nothing";
    verifying_is_idempotent in money, Facts::whole, FEW,
        "verify says the same however often it is asked";
    takes_the_charge_and_no_more in money, Facts::whole, SOME,
        "settling takes from the payer what was charged, and gives it to the payee";
    never_charges_above_the_ceiling in money, Facts::whole, FEW,
        "a charge above what was signed cannot be settled";
    settles_at_most_once in once, Facts::whole, MANY,
        "whoever settles, resumes and verifies beside each other, in whatever order: money moves at most once";
    settles_at_most_once_across_crashes in once, Facts::whole, MANY,
        "a process that dies anywhere and starts again moves money at most once, and finds what it had moved";
    resolve_tells_the_truth in fate, Facts::whole, FEW,
        "resolve says open while it is open, settled with the receipt once it is settled, dead in the end";
    resume_tells_the_truth in fate, Facts::whole, FEW,
        "resume says open while it is open, settled with the receipt once it is settled, dead in the end";
    resume_sends_nothing_new in fate, Facts::whole, SOME,
        "resume without a charge never makes a transaction, whatever the payment's state";
    resume_takes_the_charge_once in fate, Facts::at_once, FEW,
        "resume with the charge of what was never sent takes that charge, once, or says open and leaves it so";
    dead_only_past_the_window in fate, Facts::at_once, FEW,
        "nobody says dead before the window is over at the set finality";
    a_refusal_moved_nothing in refusal, Facts::whole, SOME,
        "after an error that does not say unknown, nothing has moved and nothing will";
    unknown_only_where_something_was_sent in refusal, Facts::whole, FEW,
        "no error says unknown where nothing was sent";
    errors_blame_the_right_side in refusal, Facts::whole, FEW,
        "what others got wrong is never said to be our fault, and says what to do";
    effort_grows_with_work in effort, Facts::whole, FEW,
        "more work is never said to cost less";
    effort_predicts_the_cost in effort, Facts::whole, SOME,
        "a settlement costs what was predicted, within the stand's tolerance";
    offers_are_pure in offer, |facts| facts.seller, FEW,
        "offer says the same of the same price, changes nothing, and its entry reads as what it says";
    kinds_match_offers in offer, |facts| facts.seller && facts.settler, FEW,
        "what the settler supports is the scheme's own, and offers carry it";
    every_flow_delivers_once in offer, Facts::whole, SOME,
        "through the driver every flow runs the handler once and settles as it must, also when the handler fails";
    believes_only_receipts_of_what_was_signed in answer, Facts::whole, FEW,
        "receive takes the true receipt for paid, and no other for more than a question";
    debug_shows_no_secret in secrets, Facts::signs, FEW,
        "no Debug shows a key, a signature or an authorization";
    errors_show_no_secret in secrets, Facts::whole, FEW,
        "no error shows a key, a signature or an authorization";
    ledgers_keep_no_key in secrets, Facts::whole, FEW,
        "no key is ever written into a ledger";
}
