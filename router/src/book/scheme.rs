//! How to add a scheme.
//!
//! One new crate; no edit anywhere else. It depends on `tollway-core` and, where it signs or sends, on a chain crate, and
//! has the usual rooms:
//!
//! | room | what is in it |
//! |---|---|
//! | `lib.rs` | `ENTRY`, and `inventory::submit!` |
//! | `payload.rs` | the wire form, read and written |
//! | `terms.rs` | `read`: what a payload binds, the one function that all three sides trust |
//! | `effort.rs` | what it does on chain |
//! | `payer.rs`, `seller.rs`, `settler.rs` | the roles it has |
//!
//! `schemes/exact-eip3009` is a whole one. It asks its network for the chain crate's typed trait when it is built,
//! `site.chain::<dyn Evm>()`, so the router never learns what a chain can do.
//!
//! The smallest scheme there is: it sells on credit, on no chain, and has no payer's side yet.
//!
//! ```
//! use std::sync::Arc;
//! use tollway::core::*;
//!
//! /// Pure: what a payload binds. Payer, seller and facilitator use this same function.
//! fn read(order: &Order) -> Result<Terms> {
//!     #[derive(serde::Deserialize)]
//!     struct Tab<'a> {
//!         id: &'a str,
//!     }
//!     let tab: Tab<'_> = order.payment.payload.read()?;
//!     Ok(Terms {
//!         payer: None,
//!         payee: order.requirement.pay_to,
//!         ceiling: order.requirement.price,
//!         replay: vec![ReplayKey(format!("tab:{}", tab.id))],
//!         not_before: Time::ZERO,
//!         settle_before: Time::FAR,
//!     })
//! }
//!
//! struct OnTheTab;
//!
//! #[async_trait]
//! impl Seller for OnTheTab {
//!     fn offer(&self, _: &Price, _: &Kind) -> Result<Offer> {
//!         Err(Error::caller(Code::UnsupportedScheme))
//!     }
//!     async fn advance(&self, visit: &mut Visit, event: Event<'_>) -> Result<Move> {
//!         flow::simple(visit, &event) // verify → serve → settle
//!     }
//!     async fn upkeep(&self, _: Wish, _: Time) -> Result<Vec<Job>> {
//!         Ok(vec![])
//!     }
//! }
//!
//! pub const ENTRY: SchemeEntry = SchemeEntry::new(
//!     CellId { scheme: "tab", namespace: "eip155", methods: &[""] },
//!     Capability { needs_network: false, ..Capability::fixed(&[Flow::Authorization]) },
//!     read,
//! )
//! .seller(|_site| Ok(Arc::new(OnTheTab)));
//!
//! // Door two: discovered by every program that links this crate and calls `Registry::builder().discover()`.
//! inventory::submit! { Plugin::Scheme(ENTRY) }
//!
//! // Door one: named.
//! let builder = Registry::builder().with(ENTRY).role(Role::Seller).bare(ChainId::new("eip155:8453")?);
//! // The same in a house.
//! let house = tollway::House::builder().scheme(ENTRY).role(Role::Seller).bare(ChainId::new("eip155:8453")?);
//! # let _ = (builder, house);
//! # Ok::<(), Error>(())
//! ```
//!
//! What a role must guarantee is the documentation of its trait: [`Payer`](crate::core::Payer),
//! [`Seller`](crate::core::Seller), [`Settler`](crate::core::Settler). What a scheme can do is data
//! ([`Capability`](crate::core::Capability)), and a role it does not have is `None`, seen before any call.
//!
//! # In this tree
//! A scheme that lives here is also offered by this crate: an optional dependency, a feature of the same name, a line in
//! [`plugins`](crate::plugins), and a `pub use`, because a crate that is linked and never named registers nothing.
//! `cargo test -p tollway-tidy` says what is missing.
