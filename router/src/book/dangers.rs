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
//! | one caller sends bodies that never end, or asks for one settlement a thousand times | it has a quarter of the places for requests, those without a key together too; others are served | `router/http/tests/facilitator_crowds.rs` `bodies_that_never_come_keep_nobody_else_out`, `router/http/tests/facilitator_crowds.rs` `a_settlement_that_is_asked_for_again_and_again_keeps_nobody_else_out` |
//! | merchants or tokens that it is not there for | 403 | `router/http/tests/facilitator_doors.rs` `merchants_and_tokens_off_the_list_are_forbidden` |
//! | a token contract that burns what it is given | no gas for tokens that nobody vouches for, and a bound that it cannot teach away | `schemes/exact-eip3009/tests/settler.rs` `a_token_that_nobody_vouches_for_cannot_teach_us_to_burn_more_and_more_gas` |
//! | a token keeps part of what is sent | refused when it is verified, before any gas is spent | `schemes/exact-permit2/tests/devnet.rs` `a_payment_in_any_token_is_verified_settled_and_found_again`, `router/cli/tests/cli/demo.rs` `any_token_is_paid_in_by_permit2_and_one_that_keeps_a_fee_is_refused` |
//!
//! # Somebody must not be paid
//! | danger | what happens | shown by |
//! |---|---|---|
//! | payer, payee or token is on a sanctions list | refused before signing, before verifying and before settling; every decision is in the ledger | `router/route/tests/guard/screening.rs` `every_verdict_is_followed_and_written_down`, `chains/evm/tests/screen.rs` `payer_payee_and_token_are_asked_after_in_one_request` |
//! | the list does not answer, or is none | what was configured: goes on (`open`) or is refused for now (`closed`); there is no default | `router/cli/tests/cli/safety.rs` `a_sanctions_list_is_asked_before_anything_is_signed`, `chains/evm/tests/screen.rs` `what_is_no_list_gives_no_verdict` |
//! | the decision cannot be written down | the payment does not go on | `router/route/tests/guard/screening.rs` `no_record_no_payment` |
//!
//! # Prices, nodes and fees are not what they were
//! | danger | what happens | shown by |
//! |---|---|---|
//! | a price is stale or absurd | its route is rejected with that reason | `tests/e2e/tests/prices.rs` `a_price_that_cannot_be_right_rejects_the_route_with_the_reason` |
//! | sources of a price disagree, or one of them lies | the median of those that agree; too few, and the route is rejected | `tests/e2e/tests/prices.rs` `sources_that_disagree_reject_the_route_until_they_agree_again`, `router/route/tests/prices.rs` `a_minority_of_liars_changes_nothing` |
//! | an approval looks cheap because later payments would share it | the share ranks routes; caps and budgets count the whole | `router/route/tests/policy.rs` `limits_count_the_whole_of_what_later_payments_should_share` |
//! | a payee has much approved and takes little, or never settles | what an action on chain costs has a hold of its own: spent once it is done, whatever becomes of the payment | `router/route/tests/pay/actions.rs` `a_payee_that_never_settles_leaves_the_approval_spent` |
//! | a stablecoin loses its peg | it is priced as it is | `tests/e2e/tests/prices.rs` `a_stablecoin_off_its_peg_is_priced_as_it_is` |
//! | a price feed answers garbage, megabytes, a redirect, or never | an error with its own code, within three seconds; no key of it is shown | `router/http/tests/spot.rs` `every_bad_answer_has_a_name` |
//! | fees rise twentyfold, a node dies, blocks are taken back, with 256 payments under way | each is settled once | `tests/e2e/tests/many_signers.rs` `every_payment_settles_once_whatever_breaks` |
//! | a transaction is stuck under the market's price | more is offered at the same nonce, up to a cap; every hash leads to the same payment | `chains/evm/tests/stuck.rs` `more_is_offered_at_the_same_nonce_and_every_hash_leads_to_the_same_payment`, `chains/evm/tests/stuck.rs` `no_more_is_offered_than_the_cap_allows` |
//! | a reorganisation before the set finality | the payment is put back where it was | `chains/evm/tests/stuck.rs` `a_reorganisation_before_finality_puts_payments_back_where_they_were` |
//! | a signer runs out of coins | it is reported, leaves the rotation, and comes back when refilled | `chains/evm/tests/stuck.rs` `a_signer_that_runs_low_leaves_the_rotation_and_comes_back_refilled` |
//! | a signer's coins are promised twice, as gas and as what is sent | both are set aside until it is mined | `chains/evm/tests/stuck.rs` `coins_that_go_with_a_transaction_are_set_aside_until_it_is_mined` |
//! | clocks differ | half a minute is tolerated, more is named | `router/cli/tests/cli/stop.rs` `half_a_minute_of_skew_is_tolerated_and_more_is_named` |
//!
//! # The payer is a contract
//! | danger | what happens | shown by |
//! |---|---|---|
//! | its code accepts every signature | the token's own rules still bind it | `schemes/exact-eip3009/tests/accounts/hostile.rs` `code_that_accepts_everything_is_still_bound_by_the_token` |
//! | its code changes between verifying and settling | it is tried out again before anything is sent | `schemes/exact-eip3009/tests/accounts/hostile.rs` `code_that_changes_its_mind_after_it_was_verified_costs_nothing`, `schemes/exact-permit2/tests/accounts/hostile.rs` `code_that_changes_after_it_was_verified_costs_nothing`, `schemes/upto-permit2/tests/accounts.rs` `code_that_changes_after_it_was_verified_costs_nothing` |
//! | its code is cheap where it is given little gas, and burns it where it is given more | where nobody measures (`upto`) it is given as little as it was tried out with, that is its price, and it teaches nothing | `schemes/upto-permit2/tests/accounts.rs` `code_that_is_cheap_where_little_is_given_uses_no_more_than_was_told` |
//! | its code gets dearer after it was priced, also where somebody else hands its permit in first | no more gas than was counted with; refused where that is too little | `schemes/exact-permit2/tests/accounts/hostile.rs` `code_that_burns_gas_behind_a_permit_that_somebody_else_handed_in_is_refused`, `schemes/exact-permit2/tests/accounts/hostile.rs` `code_that_gets_a_little_dearer_gets_no_more_gas_for_it` |
//! | its code sees through a trial, or burns gas | one transaction of the measured limit at most; refused beyond the set bound | `schemes/exact-eip3009/tests/accounts/hostile.rs` `code_that_lies_to_a_simulation_costs_one_transaction_of_the_limit_at_most`, `schemes/exact-eip3009/tests/accounts/hostile.rs` `code_that_burns_gas_is_priced_up_to_the_limit_and_refused_beyond_it`, `schemes/exact-permit2/tests/accounts/hostile.rs` `code_that_burns_gas_is_priced_up_to_the_limit_and_refused_beyond_it` |
//! | its code comes after it was verified, and burns gas again and again to make all others dear | what was learned counts up to three times the table | `schemes/exact-eip3009/tests/accounts/hostile.rs` `what_late_code_burns_teaches_three_times_the_table_and_no_more`, `schemes/exact-permit2/tests/settler.rs` `what_was_learned_raises_a_limit_to_three_times_the_table_and_no_further` |
//! | it is asked about a signature of thousands of bytes, which a rollup charges for; or a cheap payment is shown beside a dear one of the same nonce | priced by the bytes that are sent, and remembered by all that was presented | `schemes/exact-eip3009/tests/accounts/hostile.rs` `a_long_signature_is_told_at_what_its_bytes_cost_whatever_else_was_shown`, `schemes/exact-permit2/tests/accounts/hostile.rs` `a_long_signature_is_told_at_what_its_bytes_cost_whatever_else_was_shown`, `schemes/exact-permit2/tests/settler.rs` `what_was_measured_is_told_of_what_was_presented_and_nothing_else` |
//! | a wallet that is yet to be deployed pays by Permit2 | refused: it cannot have approved Permit2 | `schemes/exact-permit2/tests/accounts/honest.rs` `an_account_that_is_not_deployed_is_refused_and_pays_once_it_is` |
//! | a wallet that is yet to be deployed, by a factory of the payer's choice | refused, unless the factory is on the list; then deployed and paid in one transaction | `schemes/exact-eip3009/tests/accounts/deployed.rs` `a_wallet_is_deployed_and_pays_in_one_transaction_where_its_factory_is_allowed` |
//! | somebody forges a payment with an honest nonce | the nonce stays free | `schemes/exact-eip3009/tests/accounts/hostile.rs` `a_forged_payment_does_not_use_up_the_honest_ones_nonce` |
//!
//! # A facilitator is not what it was
//! | danger | what happens | shown by |
//! |---|---|---|
//! | one of several dies, at any moment | the others go on; a payment is never held by two | `tests/e2e/tests/pool.rs` `one_of_two_is_killed_and_every_payment_is_settled_once`, `router/route/tests/pool/crashes.rs` `two_members_never_hold_one_payment` |
//! | it comes back, or says so | nothing is risked on it before one question for its health in each rest; then it gets its share again, and a longer rest if it fails all the same | `router/http/tests/remote_health.rs` `between_its_death_and_its_return_it_hears_probes_and_nothing_else`, `router/route/tests/pool/health.rs` `one_that_says_it_is_well_and_fails_gets_one_payment_for_each_rest`, `router/cli/tests/cli/pool.rs` `others_settle_for_ours_and_one_that_died_gets_its_share_when_it_is_back` |
//! | payers sign approvals that cannot be sent, to make the members of a pool rest | the payer's doing, and not final: nobody rests, nobody else is asked, and what was delivered is owed still | `router/http/tests/remote_health.rs` `payers_whose_approvals_cannot_be_sent_make_no_member_rest`, `chains/evm/tests/relay.rs` `what_no_node_takes_is_the_doing_of_whoever_signed_it`, `router/http/tests/remote/words.rs` `what_the_payer_has_done_is_never_the_facilitators_fault` |
//! | a facilitator never finds a receipt for a payment in doubt | ten minutes after the payment's end it is asked until there is a verdict without a receipt, once in each life of the process; the outcome stays unknown, and its record stays | `router/http/tests/remote/late.rs` `a_facilitator_without_a_receipt_is_asked_once_more_after_the_end_in_each_life` |
//! | a visit stays in doubt, and others come after it | each is looked after by itself, every minute; from a quarter of an hour after its payment's end once an hour, and in no other's place | `router/http/tests/server_doubts.rs` `a_visit_that_stays_in_doubt_keeps_no_later_one_waiting` |
//! | nobody knows what became of a settlement | nobody else is asked | `router/route/tests/pool/outcomes.rs` `settling_goes_on_only_after_a_definite_no` |
//! | it takes more than it was asked to | found out by the chain; it leaves the pool until somebody takes it back, whatever restarts meanwhile | `router/http/tests/remote/doubts.rs` `one_that_takes_more_than_it_was_asked_to_is_found_out`, `router/route/tests/gate/remotes.rs` `a_facilitator_that_takes_more_than_it_was_asked_to_leaves_the_pool`, `router/route/tests/pool/outcomes.rs` `whoever_takes_too_much_is_out_until_somebody_takes_it_back` |
//! | its key is away, its purse empty, or it says a word that nobody knows | that is no word on the payment: what was delivered stays owed, and is settled when it is back | `router/http/tests/meter/abroad.rs` `what_was_delivered_is_settled_once_a_facilitator_is_over_its_own_trouble`, `router/http/tests/remote/words.rs` `trouble_of_a_facilitators_own_is_never_the_payers` |
//! | our own ledger fails for good while a payment is asked after | that is no word on it either: claim, journal and hold stay | `router/core/tests/once.rs` `only_proof_or_a_definite_refusal_ends_the_asking`, `router/route/tests/pool/crashes.rs` `a_ledger_that_fails_for_good_while_a_payment_is_asked_after_lets_nothing_go` |
//! | it says that it supports what it then refuses | not asked for that for a while | `router/route/tests/pool/health.rs` `what_is_refused_as_unsupported_is_not_asked_of_it_for_a_while` |
//! | a payment names one facilitator and another gets it | refused | `schemes/upto-permit2/tests/devnet.rs` `only_the_named_facilitator_charges_and_from_that_account`, `router/route/tests/pool/binding.rs` `a_bound_payment_never_changes_hands` |
//! | the database of a fleet loses commits, takes no writes, is of another version or out of reach | `tollway doctor` says so, and what to do | `router/cli/tests/cli/doctor_postgres.rs` `what_is_wrong_with_a_database_has_its_own_line_and_advice` |
//! | the database of a fleet is killed | what was answered is there, and connections come back | `router/ledger/tests/postgres.rs` `a_server_that_is_killed_loses_nothing_that_was_answered` |
//! | it dies, or its ledger fails, after it has noted that it settles and before anything is sent | the next life sends it, for the amount that was noted, once; a seller who has delivered is paid | `router/core/tests/tab.rs` `a_crash_anywhere_costs_the_seller_one_bit_and_the_payer_none`, `schemes/exact-eip3009/tests/devnet.rs` `what_was_noted_and_never_sent_is_sent_by_the_next_life_once`, `schemes/upto-permit2/tests/devnet.rs` `what_was_noted_and_never_sent_is_charged_by_the_next_life_once`, `schemes/exact-spl/tests/settler.rs` `what_was_never_sent_is_sent_once_for_whoever_knows_the_charge` |
//! | two send the same payment, one of which was thought dead | one transaction, whatever accounts they have | `schemes/exact-eip3009/tests/devnet.rs` `two_over_one_ledger_that_are_both_told_send_once` |
//! | a seller comes back to a Solana payment long after its blockhash died, and no node has all of the chain | what is older than the visit need not be looked for: it is called dead by any node that has all blocks since then, and by no other | `schemes/exact-spl/tests/settler.rs` `what_was_noted_long_ago_is_dead_once_a_node_has_all_since_then`, `router/core/tests/since.rs` `whoever_is_asked_after_a_payment_is_told_when_it_came` |
//! | coins were sent ahead of a noted payment, and the payment itself was then refused | their transaction is no word on the payment, which stays claimed; what they cost is counted | `router/core/tests/unsent.rs` `a_transaction_that_is_not_the_payment_ends_nothing`, `router/route/tests/guard/books.rs` `what_was_not_sent_on_being_asked_after_leaves_no_hold` |
//! | a payment is let go while somebody still looks at what was noted of it | nothing is sent after that | `router/core/tests/once.rs` `nothing_is_sent_under_a_claim_that_was_let_go` |
//! | what is sent late would go past the gas budgets | it is admitted as any other | `router/route/tests/guard/books.rs` `what_is_sent_on_being_asked_after_counts_as_any_other` |
//! | of two with the same keys, one is killed every second | the other takes up its keys, its transactions and its settlements; each payment is settled once | `tests/e2e/tests/two.rs` `two_share_keys_and_nothing_is_lost_or_doubled_while_one_is_killed_every_second` |
//! | clocks run apart, a process is paused, answers about leases are lost or late | no key is ever two processes' | `router/ledger/src/postgres/leases/tests.rs` `no_key_is_ever_two_holders` |
//! | one that was taken over from goes on writing, or the database still works for it | refused, by every writing method; the next life begins after all that was under way | `router/ledger/src/postgres/leases/tests.rs` `what_an_ended_life_writes_is_refused_by_every_writing_method`, `router/ledger/src/postgres/leases/tests.rs` `a_new_life_begins_after_all_that_the_old_one_has_under_way` |
//!
//! # What is used is not what was agreed
//! | danger | what happens | shown by |
//! |---|---|---|
//! | a stream goes on past the price | cut before the chunk that would pass it | `router/http/tests/meter/cuts.rs` `by_the_ceiling` |
//! | its handler fails, its client leaves, the network breaks | what was delivered is charged, once | `router/http/tests/meter/cuts.rs` `by_the_handler`, `router/http/tests/meter/cuts.rs` `by_the_client`, `router/http/tests/meter/cuts.rs` `by_the_network` |
//! | the server dies in the middle of a stream | the next start settles what was noted: an eighth of the price is lost at most, never the buyer's | `router/http/tests/meter/trouble.rs` `a_crash_in_the_middle_costs_the_seller_an_eighth_and_the_payer_nothing` |
//! | nothing was used, and the permission is still out | its amount stays reserved until it expires | `router/route/tests/pay/answers.rs` `what_was_not_taken_stays_reserved_while_it_can_still_be` |
//! | the server says that it took little, and took all | a word frees nothing: the whole amount stays reserved until the chain says how much was taken | `router/route/tests/pay/later.rs` `a_receipt_for_less_frees_nothing_until_the_chain_agrees` |
//! | a handler delivers, and then fails or asks for more than the price | what was noted as delivered is settled | `router/core/tests/tab.rs` `what_was_noted_is_settled_however_the_visit_ends` |
//! | another's facilitator does not answer at the end of a stream, and the server is restarted | it is told the very same again, for the very same amount | `router/core/tests/tab.rs` `whoever_asks_after_a_payment_tells_how_much_was_to_be_taken`, `router/http/tests/remote/doubts.rs` `a_metered_charge_is_repeated_as_it_was_or_not_at_all` |
//! | a token keeps a part of each transfer | `exact`: refused before anything is sent; `upto`: found out from the first receipt, refused from then on | `schemes/exact-permit2/tests/devnet.rs` `a_payment_in_any_token_is_verified_settled_and_found_again`, `schemes/upto-permit2/tests/devnet.rs` `a_token_that_keeps_a_part_is_found_out_and_not_taken_again` |
//! | an offer promises gas sponsoring that its settler does not do | a seller promises what its settler lists, a pool what all list | `schemes/exact-permit2/tests/seller.rs` `a_seller_promises_what_its_settler_lists_and_nothing_else`, `router/route/tests/pool/binding.rs` `the_pool_acts_on_an_extension_when_all_who_may_settle_do` |
//! | an approval that the settler pays for | sent and paid for once | `schemes/exact-permit2/tests/devnet.rs` `a_signed_approval_is_funded_and_sent_by_the_settler_once` |
//! | a token keeps a part, and the approval for it is the settler's to pay for | the payment is tried out behind the approval: nobody's tokens move, and no other approval for that token is paid for | `schemes/exact-permit2/tests/devnet.rs` `a_token_that_keeps_a_part_is_found_out_behind_a_sponsored_approval_and_no_other_is_paid_for` |
//! | an approval with a high limit and a high fee, to keep the coins that it does not use | all coins that are sent are a cost, which the guard prices | `tests/market/tests/sponsored.rs` `an_approval_that_would_leave_its_payer_coins_is_refused_beside_an_honest_one` |
//! | many payments at once bring one approval along, each to be sent coins for it | coins leave once per account and nonce, and no more than four times what an approval costs now | `schemes/exact-permit2/tests/sponsor.rs` `coins_for_one_approval_leave_once_whatever_payments_bring_it_along`, `schemes/exact-permit2/tests/sponsor.rs` `an_approval_that_is_far_too_dear_is_not_paid_for` |
//! | many payments at once bring approvals at one nonce along, and all but one come too late | those settle behind the allowance that the first gave; coins are a cost of the payment that sent them alone, told once | `schemes/exact-permit2/tests/sponsor.rs` `whoever_comes_after_anothers_approval_settles_at_its_own_cost`, `schemes/exact-permit2/tests/sponsor.rs` `coins_whose_end_was_not_seen_are_counted_when_their_payment_is_settled_again` |
//! | an approval at a nonce that is used up is presented again and again, to have costs counted that nobody had | the nonce is asked for each time; no transaction and no cost is told | `schemes/exact-permit2/tests/sponsor.rs` `a_used_up_nonce_costs_nothing_however_often_it_is_presented`, `schemes/exact-permit2/tests/sponsor.rs` `no_coins_are_counted_that_a_dearer_approval_at_a_funded_nonce_would_have_needed` |
//! | a 402 offers to pay for an approval, to have the payer's own coins spent on it | none is signed by an account that holds what it may cost; fewer coins count whole as the payer's cost. What was signed stays good until the account's next nonce is used: coins that come later can be spent on it, up to its gas limit and fee | `schemes/exact-permit2/tests/payer.rs` `an_approval_that_the_payers_own_coins_would_pay_for_is_signed_for_nobody`, `schemes/exact-permit2/tests/payer.rs` `coins_too_few_for_an_approval_count_as_the_payers_cost`, `tests/market/tests/methods.rs` `the_table_says_why_one_method_is_cheaper_and_it_depends_on_the_allowance` |
//!
//! # Somebody asks a key for more than it should sign
//! | danger | what happens | shown by |
//! |---|---|---|
//! | a plugin asks for a signature of something else than the payment | it cannot ask for a bare hash; a policy reads what is signed, and the key never sees what breaks a limit | `chains/evm/tests/custody/rogue.rs` `a_rogue_scheme_gets_no_signature_and_the_honest_one_does`, `chains/evm/tests/custody/limits.rs` `each_limit_refuses_and_lets_its_twin_through` |
//! | many small signatures add up, at once, in any order, across crashes and failing ledgers | never more within an hour or a day than the limits | `chains/evm/tests/custody/sums.rs` `no_sequence_of_signatures_passes_the_limits` |
//! | a token is given away by an ordinary transaction, or somebody is given the right to take it | held to the same limits, or refused | `chains/evm/tests/custody/limits.rs` `a_function_that_gives_tokens_away_is_read_or_refused`, `chains/evm/tests/custody/limits.rs` `an_entry_without_a_function_allows_none` |
//! | a plugin makes or gives back the hold of a signature in the house's ledger | it cannot know its id: the sums hold | `chains/evm/tests/custody/sums.rs` `holds_that_a_plugin_makes_or_gives_back_make_no_room` |
//! | a rollup charges for bytes beside the gas | a call has 16 KiB at most | `chains/evm/tests/custody/limits.rs` `a_call_has_so_many_bytes_at_most` |
//! | a transaction has an access list | refused | `chains/evm/tests/custody/limits.rs` `each_limit_refuses_and_lets_its_twin_through` |
//! | a Solana message does more than pay | every instruction that names the key is read; what cannot be read is not signed | `chains/solana/tests/custody.rs` `each_limit_refuses_and_lets_its_twin_through` |
//! | a Solana message costs the key more than its fee says | rent that the key pays is counted; signatures that programs check are refused | `chains/solana/tests/custody.rs` `what_a_message_costs_beside_the_fee_is_refused_or_counted` |
//! | two policies for one key, or one for a misspelled address | refused, before anything is signed | `router/src/nodes/keys.rs` `a_key_keeps_its_policy_and_has_one_alone`, `router/cli/tests/cli/policies.rs` `a_key_without_a_policy_is_found_before_anything_is_signed` |
//! | a signer answers for another key, or signs something else | the signature does not leave | `chains/evm/tests/custody/rogue.rs` `a_signature_by_another_key_does_not_leave` |
//! | a key service refuses, hangs or is away | a code for each, and no secret in it | `tests/custody/tests/kms.rs` `a_service_that_refuses_hangs_or_is_away_has_a_code_for_each` |
//! | a policy's address is misspelled, which would leave its key without one | the command does not start | `router/cli/tests/cli/policies.rs` `a_key_without_a_policy_is_found_before_anything_is_signed` |
//!
//! # A secret is about to leave
//! | danger | what happens | shown by |
//! |---|---|---|
//! | logs at the loudest level | no key, signature or authorization in them | `router/cli/tests/cli/logs.rs` `a_payment_at_the_loudest_level_tells_its_name_and_no_secret` |
//! | what a monitor reads | no secret in it | `router/cli/tests/cli/metrics.rs` `a_settlement_moves_the_counters_and_tells_no_secret`, `tests/e2e/tests/seller_metrics.rs` `payments_refusals_doubts_amounts_and_breakers_are_counted` |
//! | a key file for all to read | made for its owner alone, encrypted, never overwritten | `router/cli/tests/cli/keys.rs` `a_new_key_is_encrypted_private_and_never_overwritten` |
//! | a payer writes a formula into an exported table | it is text there | `router/cli/tests/cli/books.rs` `ten_thousand_payments_are_exported_and_no_formula_with_them` |
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
//! | a node chose a block for a read and has another one by now | a read is asked again, four times at most; a transaction never | `chains/evm/src/rpc/pool/tests.rs` `a_read_that_its_node_moved_away_from_is_asked_again_and_a_transaction_never` |
//! | a node loses sight of a transaction that it has, and no block comes without it | more is offered for it, once, after the time of six blocks | `chains/evm/tests/stuck.rs` `a_transaction_that_its_node_lost_sight_of_is_offered_more_for_though_no_block_comes` |
//! | a Solana node dies, says nothing, or is behind another | the next is asked, and none is believed that has not reached what another has shown | `chains/solana/tests/surfpool.rs` `one_of_two_nodes_is_killed_and_every_payment_lands_once`, `chains/solana/tests/nodes.rs` `whoever_saw_a_payment_land_reads_a_chain_on_which_it_has`, `chains/solana/tests/nodes.rs` `a_node_that_takes_the_connection_and_says_nothing_does_not_hold_up_the_next` |
//! | a recovery runs under traffic that does not end | it ends with what was open when it began | `router/http/tests/server_flow.rs` `recovery_ends_under_traffic_that_does_not` |
//! | a transaction is dropped on Solana, or its blockhash expires | sent again while it can land; dead, and paid for anew, once it cannot | `tests/e2e/tests/solana.rs` `a_transaction_whose_blockhash_expires_is_dead_and_paid_for_anew` |
//! | a Solana node has forgotten a payment | it is dead only by a node whose history reaches back to before it was signed; else nobody knows yet | `schemes/exact-spl/tests/payer.rs` `a_node_that_has_forgotten_the_time_of_signing_does_not_say_that_a_payment_is_dead` |
//! | a ledger has a Solana transaction a moment after it said that it has not | written again, never called refused | `chains/solana/tests/journal.rs` `what_the_journal_may_have_yet_is_not_said_to_be_refused` |
//! | a node refuses a Solana transaction that another process over the same ledger has sent | it is sent by another only once its record says so, and such a record is never taken back: the outcome is unknown, not refused | `chains/solana/tests/shared.rs` `what_another_has_sent_meanwhile_is_not_said_to_be_refused`, `chains/solana/tests/shared.rs` `what_its_launcher_may_yet_take_back_is_sent_by_nobody_else` |
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
//!
//! # At the edge of HTTP
//! | danger | what happens | shown by |
//! |---|---|---|
//! | a layer above the client retries, or gives up waiting and asks again | the very same payment goes out again; one signature | `router/http/tests/client_again.rs` `a_layer_that_retries_pays_once`, `router/http/tests/client_again.rs` `by_hand` |
//! | the server will not take that payment any more | the chain is asked; nothing is signed beside what can still be spent | `router/http/tests/client_again.rs` `what_nobody_takes_any_more_is_asked_of_the_chain` |
//! | a layer in front of the server repeats a request | one run of the handler, one settlement | `router/http/tests/server_edge.rs` `a_layer_in_front_that_repeats_is_served_once` |
//! | a reverse proxy repeats it, to the same server or to another | the same, for all servers that share a ledger | `tests/edge/tests/repeats.rs` `proxies_that_repeat_neither_pay_nor_serve_twice` |
//! | a redirect leads elsewhere | followed without a payment only, and never with one | `router/http/tests/client_asks.rs` `redirects_lead_to_the_402_and_never_carry_a_payment`, `router/http/tests/client_asks.rs` `a_redirected_payment_goes_nowhere`, `router/http/tests/remote/main.rs` `redirects_within_the_origin_are_followed` |
//! | a stream is reset, or a connection given up (HTTP/2), in the middle of a payment | the same bytes again where that is safe, else an unknown outcome; one signature | `router/http/tests/client_h2.rs` `whatever_a_server_does_in_the_middle_of_a_payment` |
//! | a reader resets the stream that it pays for | what was delivered is charged, once | `router/http/tests/meter/h2.rs` `who_resets_a_stream_pays_for_what_came` |
//! | a body that streams cannot be sent a second time | it is not paid for, unless it may be gathered first; the error says so | `router/http/tests/client_asks.rs` `the_body_goes_twice_or_is_refused` |
//! | a request's body is endless, slow or broken | 413, 408, 400; nothing is claimed | `router/http/tests/server_edge.rs` `bodies_that_stream_are_bounded` |
//! | a `HEAD` or an `OPTIONS` would be charged, or would be served for nothing | the price without a charge; a preflight that no handler sees where every method has a price | `router/http/tests/server_edge.rs` `a_head_is_told_the_price_and_options_are_free`, `router/http/tests/client_again.rs` `a_head_is_told_the_price_and_not_paid` |
//! | a page of another origin may not pay, or one may that should not | the operator's word, by a setting or a layer of his own; shown in Chromium | `tests/edge/tests/browser.rs` `a_page_of_another_origin_pays_where_it_may`, `router/http/tests/server_edge.rs` `a_cors_layer_around_us_is_the_operators_word` |
//! | a shared cache gives a paid answer, or a 402, to somebody else | `no-store` and `private`, whatever the handler said | `router/http/tests/server_edge.rs` `no_shared_cache_keeps_an_answer` |
//! | a 402 is too large for what stands between | the header holds the cheapest offers or none, the body the rest | `router/http/tests/server_edge.rs` `a_challenge_too_long_for_a_header_is_in_the_body` |
//! | headers that are too large | 431 unread; a client's error has a name | `router/http/tests/server_edge.rs` `headers_that_are_too_large_are_not_read`, `router/http/tests/client_again.rs` `an_answer_with_too_large_a_head_has_a_name` |
//! | a path spelled oddly, with axum below | the price, 400, or the service's own 404; never the goods | `router/http/tests/server_axum.rs` `no_target_gets_around_the_price`, `router/http/tests/server_axum.rs` `each_way_to_write_it_that_is_served_is_paid_once` |
//! | a client hangs up, at each stage | paid: asking again finds the receipt; not charged: the payment is still good | `tests/edge/tests/hang_ups.rs` `who_hangs_up_at_any_stage_pays_once_or_not_at_all` |
//! | the same at a facilitator's doors | 431, 408, 400, 405; the same payment settled once | `router/http/tests/hostile.rs` `at_the_edge_of_http` |
