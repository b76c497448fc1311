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
//! A small scheme puts some of them together.
//!
//! # The smallest one
//! It sells on credit, on no chain, and has no payer's side yet.
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
//! # A whole one
//! `examples/third-party-scheme` is a crate as somebody outside would write it: prepaid credit, paid with vouchers. What follows
//! is its code, all that matters of it; a test holds this chapter to it, and another one builds the crate outside of this
//! tree, on packed crates. `cargo test` in its folder runs it.
//!
//! A customer holds credit, an asset of its own on a chain, and shares a key with a clearing house. The payload is a voucher: a
//! promise and its MAC.
//!
//! ```text
//! // src/voucher.rs
//! /// What a customer promises. Account and amount name their chain, so the MAC binds that too.
//! #[derive(Serialize, Deserialize)]
//! pub struct Promise {
//!     pub customer: Account,
//!     pub payee: Account,
//!     pub amount: Amount,
//!     pub expires: Time, // worth nothing from then on, by the chain's clock
//!     pub nonce: String, // random, so that nobody promises the same twice
//! }
//!
//! /// The payload. It has no `Debug`: whoever sees the MAC can have the voucher redeemed.
//! #[derive(Serialize, Deserialize)]
//! pub struct Voucher {
//!     pub promise: Promise,
//!     pub(crate) mac: String,
//! }
//! ```
//!
//! **What is signed must name everything that is bound**: payer, payee, amount, asset, *chain*, window, and something random.
//! Here accounts and amounts are written with their chain. Serialising what was read, and signing that, leaves no second
//! spelling. Then [`read`](crate::core::registry::Read) is a copy:
//!
//! ```text
//! // src/voucher.rs
//! /// What a payload binds: the same words for all three sides. It is pure, so the MAC is left to the clearing house.
//! pub fn read(order: &Order) -> Result<Terms> {
//!     let Voucher { promise, .. } = order.payment.payload.read()?;
//!     Ok(Terms {
//!         payer: Some(promise.customer),
//!         payee: promise.payee,
//!         ceiling: Ceiling(promise.amount),
//!         replay: vec![ReplayKey(promise.name())],
//!         not_before: Time::ZERO,
//!         settle_before: promise.expires.minus_ms(6_000), // time to reach a block in
//!     })
//! }
//! ```
//!
//! It is pure: no key, no node, no clock. A MAC cannot be checked without the key, so that is left to the settler's `verify`, and
//! `read` only says what *would* hold. Core checks these terms against the order: asset, payee, window, and that the amount is
//! enough. `settle_before` leaves time to reach a block. The replay key is the hash of the whole promise: one promise has one
//! name, and two have two, even if their customer made them alike on purpose.
//!
//! ```text
//! // src/voucher.rs
//! impl Promise {
//!     /// Names this very promise and no other: what ledgers, the chain, and the node that sends it once remember it by.
//!     pub fn name(&self) -> String {
//!         format!("voucher/{}", hex::encode(Sha256::digest(self.bytes())))
//!     }
//!     /// As it is signed, and as the chain reads it.
//!     pub(crate) fn bytes(&self) -> Vec<u8> {
//!         serde_json::to_vec(self).unwrap_or_default()
//!     }
//!     /// HMAC-SHA256 over all of it.
//!     pub(crate) fn mac(&self, key: &Key) -> Result<Hmac<Sha256>> {
//!         let mac = Hmac::new_from_slice(key.0.as_bytes()).ok().filter(|_| key.0.len() >= 32);
//!         Ok(mac.ok_or_else(|| Error::caller(Code::BadKey))?.chain_update(self.bytes()))
//!     }
//! }
//! ```
//!
//! ## The chain
//! The program keeps the book. It says no in the words of [`Code`](crate::core::Code), so that what it says goes through
//! `Code::from_wire` unchanged.
//!
//! ```text
//! // src/credit.rs
//! impl Program for Credit {
//!     fn call(&self, ctx: &mut Ctx<'_>, caller: &Account, input: &[u8]) -> Result<Vec<u8>, Revert> {
//!         let promise: Promise = serde_json::from_slice(input).map_err(|_| Revert::from("no promise"))?;
//!         let (name, amount) = (promise.name(), promise.amount);
//!         let rules = [
//!             (self.0.contains(caller), Code::PolicyDenied),
//!             (amount.asset.key() == ctx.me().address(), Code::AssetMismatch),
//!             (ctx.now() < promise.expires, Code::Expired),
//!             (ctx.load(name.as_bytes())?.is_none(), Code::NonceUsed),
//!             (ctx.balance(&amount.asset, &promise.customer)? >= amount.atomic, Code::InsufficientFunds),
//!         ];
//!         if let Some((_, broken)) = rules.iter().find(|(kept, _)| !kept) {
//!             return Err(broken.as_str().into());
//!         }
//!         ctx.store(name.as_bytes(), Some(vec![1]))?;
//!         ctx.move_own(&promise.customer, &promise.payee, amount.atomic)?;
//!         ctx.emit(&name, Vec::new()).map(|()| Vec::new())
//!     }
//! }
//! ```
//!
//! What it costs is the scheme's to say, as data: a sample of the unsigned transaction, and the gas that it will use. The suite
//! compares the prediction with what was paid.
//!
//! ```text
//! // src/credit.rs
//! /// What redeeming does on chain. Promises are all about as long, so a made-up one does.
//! pub(crate) fn effort(sim: &dyn Sim, want: &Requirement) -> Result<Effort> {
//!     let (payee, expires, nonce) = (want.pay_to, Time::from_secs(1 << 31), "0".repeat(32));
//!     let call = redeem(&Promise { customer: payee, payee, amount: want.price.0, expires, nonce })?;
//!     let gas = GAS_BASE + GAS_BYTE * 350 + 47_000; // its bytes, a slot that remembers it, a transfer, an event
//!     Ok(Effort::one(Work::new(Bearer::Settler, "redeem", gas, sim.sample(&call))))
//! }
//! ```
//!
//! And what became of a voucher is for the chain to say. Both `Payer::resolve` and `Settler::resume` end here. `Dead` may only be
//! said from *final* chain time past the window, with a look that is not older than that time.
//!
//! ```text
//! // src/credit.rs
//! /// What became of a promise, as the chain tells it where no reorg reaches.
//! pub(crate) async fn fate(sim: &dyn Sim, order: &Order) -> Result<Fate> {
//!     let Voucher { promise, .. } = order.payment.payload.read()?;
//!     let (last, time) = sim.chain_time(At::Final).await?; // before the events: these must not be older
//!     let (program, topic) = (redeem(&promise)?.to, Some(promise.name()));
//!     let found = sim.events(&EventQuery { program, topic, since: Time::ZERO, until: Time::FAR }).await?;
//!     let Some(event) = found.first() else {
//!         return Ok(if time < promise.expires { Fate::Open { cancel: None } } else { Fate::Dead });
//!     };
//!     match sim.mined(&event.tx).await? {
//!         Some(mined) if mined.block <= last => Ok(Fate::Settled(Box::new(receipt(&promise, &mined)?))),
//!         _ => Ok(Fate::NotYetKnown { ask_again: time }),
//!     }
//! }
//! ```
//!
//! ## The side that pays
//! `plan` signs nothing and throws no dice. `authorize` signs what was reserved: it takes the amount and the window from the
//! plan, never from the demand again. `receive` believes no receipt that the chain does not bear out.
//!
//! ```text
//! // src/payer.rs
//! #[async_trait]
//! impl Payer for Desk {
//!     async fn plan(&self, demand: &Demand<'_>) -> Result<Plan> {
//!         let (want, me) = (demand.requirement, self.settings.customer.ok_or(Error::caller(Code::NoSigner))?);
//!         let until = demand.now.plus_ms(want.timeout_s.saturating_mul(1000));
//!         let funds = self.sim.funds(&me, &want.price.asset()).await?;
//!         Ok(Plan { funds: Some(funds), ..Plan::fixed(want.price, until, credit::effort(&*self.sim, want)?) })
//!     }
//!     async fn perform(&self, _: &Action) -> Result<Receipt> {
//!         Err(Error::caller(Code::NotFound).detail("a voucher needs no action first"))
//!     }
//!     async fn authorize(&self, demand: &Demand<'_>, held: &Reserved, id: &AttemptId) -> Result<Authorization> {
//!         let (payee, plan, mut nonce) = (demand.requirement.pay_to, held.plan(), [0; 16]);
//!         self.dice.fill(&mut nonce);
//!         let (amount, expires, nonce) = (plan.exposure.0, plan.spendable_until, hex::encode(nonce));
//!         let customer = self.settings.customer.ok_or(Error::caller(Code::NoSigner))?;
//!         let promise = Promise { customer, payee, amount, expires, nonce };
//!         let key = self.settings.keys.get(&customer).ok_or(Error::caller(Code::NoSigner))?;
//!         let mac = hex::encode(promise.mac(key)?.finalize().into_bytes());
//!         let payment = demand.payment(Json::of(&Voucher { promise, mac }));
//!         Ok(Authorization { payment, attempt: id.clone(), spendable_until: expires })
//!     }
//!     /// A receipt from the wire is a statement, so it is compared with the chain's. Nothing else proves anything.
//!     async fn receive(&self, sent: &Authorization, answer: Answer<'_>) -> Result<Reading> {
//!         match (answer, self.resolve(sent).await) {
//!             (Answer::Receipt(said), Ok(Fate::Settled(is))) if is.bears_out(said) => {
//!                 Ok(Reading::Paid(is.charged))
//!             }
//!             _ => Ok(Reading::Resolve),
//!         }
//!     }
//!     async fn resolve(&self, sent: &Authorization) -> Result<Fate> {
//!         credit::fate(&*self.sim, &sent.order()).await
//!     }
//! }
//! ```
//!
//! ## The side that sells
//! It needs neither a node nor a key. [`flow::offer`](crate::core::flow::offer) writes the entry, and
//! [`flow::simple`](crate::core::flow::simple) knows the plain flows.
//!
//! ```text
//! // src/lib.rs
//! #[async_trait]
//! impl Seller for Shop {
//!     fn offer(&self, price: &Price, kind: &Kind) -> Result<Offer> {
//!         flow::offer(&ENTRY, &FAMILY, price, kind)
//!     }
//!     async fn advance(&self, visit: &mut Visit, event: Event<'_>) -> Result<Move> {
//!         flow::simple(visit, &event)
//!     }
//!     async fn upkeep(&self, _: Wish, _: Time) -> Result<Vec<Job>> {
//!         Ok(Vec::new())
//!     }
//! }
//! ```
//!
//! ## The side that settles
//! `verify` looks and changes nothing: the MAC, the very amount (this scheme is not metered), and a dry run on the newest block.
//! `settle` takes exactly what is due or says no, and sends under a key that is the same for every try. `resume` first asks what
//! this house sent itself, because nothing on the chain shows a transaction that still waits.
//!
//! ```text
//! // src/settler.rs
//! #[async_trait]
//! impl Settler for Desk {
//!     async fn kinds(&self) -> Result<Vec<Kind>> {
//!         ENTRY.kinds(self.sim.id())
//!     }
//!     async fn effort(&self, order: &Order) -> Result<Effort> {
//!         credit::effort(&*self.sim, &order.requirement)
//!     }
//!     async fn verify(&self, order: &Order) -> Result<Proof> {
//!         let Voucher { promise, mac } = order.payment.payload.read()?;
//!         let key = self.settings.keys.get(&promise.customer).ok_or(Error::payer(Code::InvalidSignature))?;
//!         let mac = promise.mac(key)?.verify_slice(&hex::decode(mac).unwrap_or_default()); // in constant time
//!         mac.map_err(|_| Error::payer(Code::InvalidSignature))?;
//!         if promise.amount != order.requirement.price.0 {
//!             return Err(Error::payer(Code::ValueMismatch));
//!         }
//!         let call = SimCall { from: self.sim.senders().first().copied(), ..credit::redeem(&promise)? };
//!         let tried = self.sim.view(&call, At::Latest).await?.output;
//!         tried.map(|_| Proof::default()).map_err(|why| Error::payer(Code::from_wire(&why.0)))
//!     }
//!     async fn settle(&self, due: Due) -> Result<Receipt> {
//!         let Voucher { promise, .. } = due.verified().order().payment.payload.read()?;
//!         if due.charge().amount() != promise.amount {
//!             return Err(Error::caller(Code::ValueMismatch).detail("a voucher is redeemed whole"));
//!         }
//!         let (call, not_after) = (credit::redeem(&promise)?, due.verified().terms().settle_before);
//!         let submit = Submit { call, gas_limit: 500_000, purpose: Purpose::Interactive, not_after };
//!         credit::receipt(&promise, &self.sim.send(submit, &promise.name().into()).await?)
//!     }
//!     async fn resume(&self, order: &Order, _: Option<Amount>) -> Result<Fate> {
//!         let Voucher { promise, .. } = order.payment.payload.read()?;
//!         Ok(match self.sim.sent(&promise.name().into()).await? {
//!             Sent::Never => credit::fate(&*self.sim, order).await?,
//!             Sent::Pending(_) => Fate::NotYetKnown { ask_again: self.sim.chain_time(At::Latest).await?.1 },
//!             Sent::Mined(mined) => Fate::Settled(Box::new(credit::receipt(&promise, &mined)?)),
//!         })
//!     }
//! }
//! ```
//!
//! ## The plugin
//! ```text
//! // src/lib.rs
//! /// The plugin.
//! pub const ENTRY: SchemeEntry = SchemeEntry::new(
//!     CellId { scheme: "voucher", namespace: "sim", methods: &[""] },
//!     Capability::fixed(&[Flow::Authorization, Flow::Upfront]),
//!     read,
//! )
//! .payer(|site| Ok(desk(site)?))
//! .seller(|_| Ok(Arc::new(Shop)))
//! .settler(|site| Ok(desk(site)?));
//!
//! inventory::submit! { Plugin::Scheme(ENTRY) }
//! ```
//!
//! A program that links the crate and names it (`use third_party_scheme as _;`) finds it with `Registry::builder().discover()`;
//! one that wants to be sure says `.with(third_party_scheme::ENTRY)`.
//!
//! ## The proof
//! One line makes a test of every property that a scheme must have. Below it stands where it is tried: what is deployed, who holds
//! what, and how a settlement is recognised.
//!
//! ```text
//! // tests/suite.rs
//! tollway_testkit::scheme_suite!(SimStand::new(ENTRY, place).unprintable(&["/mac"]));
//!
//! /// Two kinds of credit on each chain, and a customer who has plenty of both.
//! fn place(seed: u64) -> Result<Place> {
//!     let deploy = |chain: &SimChain| {
//!         let houses = [Person::Settler.account(chain)?, Person::Rival.account(chain)?];
//!         let book = |name| {
//!             let credit = chain.deploy(name, std::sync::Arc::new(Credit(houses.to_vec())))?;
//!             let credit = AssetId::new(chain.id(), credit.address())?;
//!             chain.endow(&Person::Payer.account(chain)?, &credit, 1_000_000).map(|()| credit)
//!         };
//!         Ok([book("miles")?, book("points")?])
//!     };
//!     let redeemed = |chain: &SimChain, order: &Order| {
//!         let voucher: Voucher = order.payment.payload.read().unwrap();
//!         chain.events().iter().filter(|event| event.topic == voucher.promise.name()).count()
//!     };
//!     let (place, key) = (SimPlace::new(seed, ["sim:1", "sim:2"], deploy)?, "correct horse battery staple 123");
//!     let me = Person::Payer.account(place.chain())?;
//!     let settings = serde_json::json!({ "customer": me, "keys": { me.to_string(): key } });
//!     place.settings(settings).secret("the shared key", key.as_bytes()).build(redeemed)
//! }
//! ```
//!
//! The suite signs, mutates, replays, races, crashes and resumes; a property that does not hold says what it wants, what it saw,
//! and the seed that shows it (`TOLLWAY_SEED=7 cargo test binds_the_amount`).
//!
//! # What the suite will ask of you
//! * A payload may be read in one way only: a changed field is refused, whichever it is, and the *payer* is blamed.
//! * A scheme that is not metered refuses a payment above the price as well as below it (`Terms::check` only sees to the latter),
//!   and refuses to settle a part.
//! * After an error that does not say "unknown", nothing may have moved, and nothing may move later.
//! * `resume` without a charge never makes a transaction; `Open` means that nobody of this house has sent one. With a charge, which
//!   only the holder of the claim tells, it may settle what was never sent
//!   ([`settle_unsent`](crate::core::flow::settle_unsent)); where it says `Open` all the same, the claim lasts until the window ends.
//! * An entry's `raw` is what is advertised, and it says what the offer says; `paymentFlow` stands in `extra` unless it is the default.
//!
//! What a role must guarantee is the documentation of its trait: [`Payer`](crate::core::Payer),
//! [`Seller`](crate::core::Seller), [`Settler`](crate::core::Settler). What a scheme can do is data
//! ([`Capability`](crate::core::Capability)), and a role it does not have is `None`, seen before any call.
//!
//! # In this tree
//! A scheme that lives here is also offered by this crate: an optional dependency, a feature of the same name, a line in
//! [`plugins`](crate::plugins), and a `pub use`, because a crate that is linked and never named registers nothing.
//! `cargo test -p tollway-tidy` says what is missing.
