//! What can go wrong, and what Tollway does.
//!
//! Each row names the test that shows it, by file and function; a test of the house rules sees that it is there.
//!
//! # Somebody wants a facilitator's gas
//! Every settlement costs whoever sends it, whatever becomes of it. A failed transfer on Base costs about 60 % of a good one
//! (the second row's test measures it), and one cheap transaction of the payer's makes any number of its authorizations
//! fail. Nothing can be looked at late enough to rule that out: `/settle` looks at the chain and sends in the same breath, and
//! a crook who pays a higher tip still comes first. So the [guard](crate::route::guard) bounds what it costs.
//!
//! | danger | what happens | shown by |
//! |---|---|---|
//! | a thousand callers send dust and payments that are made to fail | each is refused, or fails within the budgets; what was lost is read from the chain and stays under the bound; honest payments in between go through | `tests/e2e/tests/drain_gas.rs` `a_thousand_callers_cannot_drain_it_and_honest_ones_are_served_in_between` |
//! | the attack does not end, and nothing else stops it | the budget ends it, and holds whatever is under way at once; the books say what the chain took; a restart changes nothing | `tests/e2e/tests/drain_gas.rs` `an_attack_without_end_costs_the_budget_and_no_more` |
//! | settlements end otherwise than predicted: dearer, reverted, unknown | five times the prediction is held before sending; what the chain took is charged, more than was held too | `router/route/tests/guard/books.rs` `budgets_are_charged_with_what_the_chain_took` |
//! | many settlements at once, each within the budget | holds count against each other | `router/route/tests/guard/books.rs` `the_limit_holds_for_all_that_is_under_way` |
//! | one payer has a thousand payments under way on one balance | `too_many_settlements` beyond 32 of them | `router/route/tests/guard/books.rs` `one_balance_backs_no_more_than_so_many` |
//! | the ledger fails between hold and charge | what is spent never exceeds the books; a hold that nobody ends is charged in full in the end | `router/route/tests/guard/books.rs` `a_ledger_that_fails_never_lets_more_be_spent`, `router/route/tests/guard/books.rs` `a_hold_that_nobody_ended_is_charged_in_the_end` |
//! | a payment moves less than its gas costs, or the fees have risen since | `amount_below_minimum`, `unprofitable`, at `/verify` and again at `/settle` | `router/route/tests/guard/refusals.rs` `each_refusal_has_its_own_code_and_blame_at_both_doors`, `router/route/tests/guard/refusals.rs` `the_market_that_moved_since_is_looked_at_again` |
//! | a payer whose own contract burns gas | `settlement_gas_too_high`: at most four times a plain payment's gas, and 5 USD | `router/route/tests/guard/refusals.rs` `each_refusal_has_its_own_code_and_blame_at_both_doors` |
//! | a payer who fails again and again | `too_many_failed_settlements` for an hour; so for a payee and a caller | `router/route/tests/guard/strikes.rs` `who_fails_too_often_is_refused_for_a_while` |
//! | a stranger fails on purpose at an honest shop, to end its service | the shop lives by its other payments: failures must have eaten half of its gas | `router/route/tests/guard/strikes.rs` `an_honest_shop_outlives_its_attackers` |
//! | there is no price, or a stale one | nothing that needs it passes | `router/route/tests/guard/refusals.rs` `without_a_price_nothing_passes` |
//! | a stranger without a key | 401, before anything is read; keys are compared in constant time and never shown | `router/http/tests/facilitator_doors.rs` `a_key_opens_and_nothing_else_does` |
//! | a facilitator put on the network by mistake | does not start without keys, or without `open = true` | `router/cli/tests/cli/safety.rs` `a_facilitator_that_others_can_reach_wants_keys_or_a_word` |
//! | one caller takes all places | `too_many_settlements`; others are served | `router/http/tests/facilitator_doors.rs` `one_caller_cannot_take_every_place` |
//! | merchants or tokens that it is not there for | 403 | `router/http/tests/facilitator_doors.rs` `merchants_and_tokens_off_the_list_are_forbidden` |
//! | a token contract that burns what it is given | no gas for tokens that nobody vouches for, and a bound that it cannot teach away | `schemes/exact-eip3009/tests/settler.rs` `a_token_that_nobody_vouches_for_cannot_teach_us_to_burn_more_and_more_gas` |
//!
//! # Somebody must not be paid
//! | danger | what happens | shown by |
//! |---|---|---|
//! | payer, payee or token is on a sanctions list | refused before signing, before verifying and before settling; every decision is in the ledger | `router/route/tests/guard/screening.rs` `every_verdict_is_followed_and_written_down`, `chains/evm/tests/screen.rs` `payer_payee_and_token_are_asked_after_in_one_request` |
//! | the list does not answer, or is none | what was configured: goes on (`open`) or is refused for now (`closed`); there is no default | `router/cli/tests/cli/safety.rs` `a_sanctions_list_is_asked_before_anything_is_signed`, `chains/evm/tests/screen.rs` `what_is_no_list_gives_no_verdict` |
//! | the decision cannot be written down | the payment does not go on | `router/route/tests/guard/screening.rs` `no_record_no_payment` |
//!
//! # Something is lost on the way
//! | danger | what happens | shown by |
//! |---|---|---|
//! | a facilitator dies again and again under load | nothing is settled twice, nothing is lost | `tests/e2e/tests/nothing_doubled/main.rs` `nothing_is_doubled_and_nothing_is_lost` |
//! | everything fails at once: processes, network, disks, nodes, chain | the books of all sides agree with the chain | `tests/simulation/tests/storm.rs` `ten_thousand_payments_in_a_storm` |
//! | a facilitator is told to stop while settlements are under way | they end first; what could not end is taken up by the next start | `tests/e2e/tests/drain.rs` `what_is_under_way_ends_before_the_process_does`, `tests/e2e/tests/drain.rs` `what_could_not_end_is_taken_up_by_the_next_start` |
//! | the buyer hangs up, at whatever moment | it pays once, and asking again finds the receipt | `tests/e2e/tests/at_once.rs` `who_hangs_up_at_any_moment_pays_once` |
//! | the answer to a paid request is lost | the very same payment is sent again, then the chain is asked; nothing is signed anew | `router/http/tests/client_losses.rs` `a_lost_answer` |
//! | a node refuses or reorders what was sent, or a reorganisation takes it back | the same bytes again; no gap, no second transaction | `chains/evm/tests/storm.rs` `thirty_two_at_once_through_a_storm`, `chains/evm/tests/send.rs` `a_reorganisation_leaves_no_gap` |
//! | a transaction is dropped on Solana, or its blockhash expires | sent again while it can land; dead, and paid for anew, once it cannot | `tests/e2e/tests/solana.rs` `a_transaction_whose_blockhash_expires_is_dead_and_paid_for_anew` |
//! | the machine loses power | what the ledger answered is on disk | `router/ledger/tests/durable.rs` `what_was_answered_survives_sigkill` |
//!
//! # Somebody lies
//! | danger | what happens | shown by |
//! |---|---|---|
//! | the same payment for two things | the second is a replay | `tests/e2e/tests/same_header.rs` `on_any_other_request_it_is_a_replay` |
//! | the same header thirty-two times at once | one payment, one run of the handler, one receipt | `tests/e2e/tests/at_once.rs` `thirty_two_at_once_are_one_payment` |
//! | a payment that is not what it says | refused by its own code, and the honest twin with the same nonce is served | `tests/e2e/tests/hostile/payments.rs` `each_is_refused_by_its_name_and_its_honest_twin_is_served` |
//! | a 402 that wants more than it says | rejected with the reason; nothing is signed | `tests/e2e/tests/hostile/challenges.rs` `each_is_rejected_by_its_name_and_nothing_is_signed` |
//! | a facilitator that approves what does not hold, or tells of receipts that are none | found out by our own reading and by the chain | `tests/e2e/tests/hostile/liars.rs` `a_lie_is_found_out_and_the_honest_word_believed` |
//! | a payer cancels at the last moment | is not taken for a payment | `schemes/exact-eip3009/tests/settler.rs` `a_payer_that_cancels_at_the_last_moment_is_not_taken_for_a_payment` |
//! | a path spelled so that the price does not see it | every spelling that a server takes for the path is priced | `router/http/tests/server_paths.rs` `no_encoding_of_a_protected_path_is_a_free_pass` |
