//! The proof of Tollway: payments in memory, in every order, with every fault, from one seed.
//!
//! For whoever writes a scheme, a chain, a ledger or an oracle and wants to know that it holds. Nothing here belongs into a
//! running service: keys are toys, dice are seeded, time is virtual.
//!
//! | room | what is there |
//! |---|---|
//! | [`weave`] | a scheduler on one thread that draws the order of await points, time and chance from a seed; crashes |
//! | [`sim`] | a chain in memory: tokens, programs, blocks, a fee market, reorgs, a node that fails as it is told |
//! | [`fault`] | wrappers that make any network, oracle, ledger, settler or payer slow, flaky, stale, repetitive, lying |
//! | [`strategies`] | `proptest` strategies for money and for everything on the wire: valid, almost valid, hostile |
//! | `facilitator` | scripted fakes of HTTP facilitators (feature `http`) |
//! | [`suite`] | what every scheme, network, ledger and oracle must do, as named properties |
//!
//! # A payment in a storm
//! One process pays and crashes somewhere on the way; it starts again and carries on. Whatever the chain does meanwhile, the
//! seller is paid once.
//! ```
//! use std::sync::Arc;
//! use tollway_core::{Account, Ledger, Next, Purpose, Time, ledger::MemoryLedger};
//! use tollway_testkit::fault::{FaultPlan, Faults, FaultyLedger, FaultyNetwork};
//! use tollway_testkit::sim::{Sim, SimCall, SimChain, SimKey, SimSettings, Submit, TokenCall, account};
//! use tollway_testkit::weave::Weave;
//!
//! for seed in 0..20 {
//!     let weave = Weave::new(seed);
//!     let chain = SimChain::new(SimSettings::stormy("sim:1")?, weave.clock(), &weave.dice())?;
//!     let (payer, token) = (SimKey::named("payer"), chain.token("dollar")?);
//!     let (from, seller) = (chain.know(&payer)?, account(chain.id(), "seller")?);
//!     chain.endow(&from, &token, 100)?;
//!     chain.endow(&from, &chain.coin(), 10u128.pow(18))?;
//!
//!     let faults = Faults::new(FaultPlan::ROUGH, weave.clock(), seed);
//!     let disk: Arc<dyn Ledger> = Arc::new(FaultyLedger::new(Arc::new(MemoryLedger::new()), &faults));
//!     let node = FaultyNetwork::new(chain.node(disk).sender(&payer)?.build(), &faults);
//!     let (node, program) = (Arc::new(node), Account::new(chain.id(), token.key())?);
//!     let to = seller.address().to_owned();
//!     let input = TokenCall::Transfer { to, amount: "30".to_owned() }.encode();
//!     let (purpose, not_after) = (Purpose::Interactive, Time::FAR);
//!     let submit = Submit { call: SimCall::new(program, input), gas_limit: 200_000, purpose, not_after };
//!
//!     weave.crash_after("payer", seed); // before its poll number `seed`, the first time
//!     let mut paid = None;
//!     while paid.is_none() {
//!         let (node, submit) = (Arc::clone(&node), submit.clone());
//!         let attempt = async move { node.send(submit, &"order/1".into()).await };
//!         paid = match weave.run(weave.spawn("payer", attempt))? {
//!             Ok(Err(e)) if e.is_unknown_outcome() || e.next == Next::Later => None, // same key, again
//!             Ok(done) => Some(done?),
//!             Err(_crashed) => None,
//!         };
//!     }
//!     assert_eq!(chain.balance(&seller, &token), 30, "seed {seed}");
//!     chain.check_conservation()?;
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(feature = "http")]
pub mod facilitator;
pub mod fault;
pub mod sim;
pub mod strategies;
pub mod suite;
pub mod weave;
