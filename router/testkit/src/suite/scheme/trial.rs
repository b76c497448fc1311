use super::stand::{Place, Stand};
use crate::suite::guise::Guise;
use crate::suite::property::{OrSeen, Subject};
use crate::suite::secret::Secret;
use futures::future::BoxFuture;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use tollway_core::flow::{self, SettleOnce};
use tollway_core::ledger::MemoryLedger;
use tollway_core::{
    AttemptId, Authorization, Capability, Cell, ChainId, Challenge, Charge, Demand, Dice, Entry, Extra, Flow,
    Handle, HoldId, Json, Kind, Ledger, Leg, Name, Offer, Order, Payer, Plan, Price, Receipt, Registry,
    Requirement, Reserved, Result as Core, Role, Seller, Settler, Time, Verified, Version, wire,
};

/// A scheme in a place, looked at in one guise: what every check gets.
pub struct Trial {
    /// Who supplied it.
    pub stand: Arc<dyn Stand>,
    /// Where it is.
    pub place: Place,
    /// The seed of the place.
    pub seed: u64,
    /// What the roles wear.
    pub guise: Guise,
    /// What the payer, the paywall and the facilitator remember.
    pub ledgers: Ledgers,
    pub(super) dice: Arc<Counted>,
    payer: OnceLock<Arc<dyn Payer>>,
    seller: OnceLock<Arc<dyn Seller>>,
    settler: OnceLock<Arc<dyn Settler>>,
    attempts: AtomicUsize,
}

impl std::fmt::Debug for Trial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Trial({}, seed {})", self.stand.entry().id, self.seed)
    }
}

/// One ledger for each side.
#[derive(Clone)]
pub struct Ledgers {
    /// The payer's.
    pub payer: Arc<dyn Ledger>,
    /// The paywall's.
    pub gate: Arc<dyn Ledger>,
    /// The settler's.
    pub settler: Arc<dyn Ledger>,
}

impl std::fmt::Debug for Ledgers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ledgers")
    }
}

/// Counts how often it is asked.
pub(super) struct Counted {
    inner: Arc<dyn Dice>,
    fills: AtomicUsize,
}

impl Counted {
    pub(super) fn fills(&self) -> usize {
        self.fills.load(Ordering::SeqCst)
    }
}

impl Dice for Counted {
    fn fill(&self, out: &mut [u8]) {
        self.fills.fetch_add(1, Ordering::SeqCst);
        self.inner.fill(out);
    }
}

/// A payment that was signed, with all that led to it.
#[derive(Debug, Clone)]
pub struct Signed {
    /// What was offered.
    pub offer: Offer,
    /// The 402 as the payer read it.
    pub challenge: Challenge,
    /// What was planned.
    pub plan: Plan,
    /// What was signed.
    pub sent: Authorization,
    /// What the seller makes of it, after the wire.
    pub order: Order,
}

impl Signed {
    /// The entry that was paid.
    pub fn requirement(&self) -> &Requirement {
        &self.sent.payment.accepted
    }
}

impl Subject for Trial {
    fn run(&self, work: BoxFuture<'static, ()>) {
        self.place.probe.run(work);
    }
    fn wears(&self) -> &'static str {
        self.guise.words()
    }
}

fn seen<T>(role: &OnceLock<Arc<T>>) -> Result<&T, String>
where
    T: ?Sized,
{
    role.get().map(|r| &**r).ok_or_else(|| "the scheme lacks the role that this property is about".to_owned())
}

impl Trial {
    /// A fresh place with its roles built.
    ///
    /// # Errors
    /// Why a role cannot be built.
    pub fn new(stand: Arc<dyn Stand>, seed: u64, guise: Guise) -> Result<Self, String> {
        let place = stand.place(seed);
        let dice = Arc::new(Counted { inner: Arc::clone(&place.dice), fills: AtomicUsize::new(0) });
        let memory = || -> Arc<dyn Ledger> { guise.ledger(Arc::new(MemoryLedger::new())) };
        let ledgers = Ledgers { payer: memory(), gate: memory(), settler: memory() };
        let trial = Self {
            stand,
            place,
            seed,
            guise,
            ledgers,
            dice,
            payer: OnceLock::new(),
            seller: OnceLock::new(),
            settler: OnceLock::new(),
            attempts: AtomicUsize::new(0),
        };
        if let Some(payer) = trial.cell(Role::Payer)?.payer {
            let _ = trial.payer.set(guise.payer(payer));
        }
        if let Some(seller) = trial.cell(Role::Seller)?.seller {
            let _ = trial.seller.set(guise.seller(seller));
        }
        if let Some(settler) = trial.cell(Role::Settler)?.settler {
            let _ = trial.settler.set(guise.settler(settler));
        }
        Ok(trial)
    }

    /// The plugin's cell as a process with this one role builds it; a new one each time, as after a restart.
    ///
    /// # Errors
    /// Why it cannot be built.
    pub fn cell(&self, role: Role) -> Result<Cell, String> {
        let handle = match role {
            Role::Payer => &self.place.payer,
            Role::Seller => &self.place.seller,
            Role::Settler => &self.place.settler,
        };
        self.cell_on(self.place.price.chain, role, handle.as_ref())
    }

    /// The plugin's cell on any chain.
    ///
    /// # Errors
    /// Why it cannot be built.
    pub fn cell_on(&self, chain: ChainId, role: Role, handle: Option<&Handle>) -> Result<Cell, String> {
        let (entry, place) = (self.stand.entry(), &self.place);
        let ledger = match role {
            Role::Payer => &self.ledgers.payer,
            Role::Seller => &self.ledgers.gate,
            Role::Settler => &self.ledgers.settler,
        };
        let mut builder = Registry::builder()
            .with(entry)
            .family(self.stand.family())
            .settings(entry.section, place.settings.clone())
            .role(role);
        builder = match handle {
            Some(handle) => builder.network(handle.clone()),
            None => builder.bare(chain),
        };
        let dice: Arc<dyn Dice> = self.dice.clone();
        let built = builder.build(Arc::clone(ledger), Arc::clone(&place.clock), dice);
        let registry = built.or_seen("the registry builds the cell")?;
        let cell = registry.cells().find(|cell| cell.chain == chain).cloned();
        cell.ok_or_else(|| format!("no cell on {chain}"))
    }

    /// The settler as a process builds it after a restart.
    ///
    /// # Errors
    /// Why it cannot be built.
    pub fn new_settler(&self) -> Result<Arc<dyn Settler>, String> {
        let settler = self.cell(Role::Settler)?.settler.ok_or("the scheme has no settler")?;
        Ok(self.guise.settler(settler))
    }

    /// Another house's settler, where the place has one.
    ///
    /// # Errors
    /// Why it cannot be built.
    pub fn rival(&self) -> Result<Option<Arc<dyn Settler>>, String> {
        let Some(handle) = &self.place.rival else { return Ok(None) };
        let cell = self.cell_on(self.place.price.chain, Role::Settler, Some(handle))?;
        Ok(cell.settler.map(|settler| self.guise.settler(settler)))
    }

    /// The side that signs.
    ///
    /// # Errors
    /// When there is none.
    pub fn payer(&self) -> Result<&dyn Payer, String> {
        seen(&self.payer)
    }
    /// The side that sells.
    ///
    /// # Errors
    /// When there is none.
    pub fn seller(&self) -> Result<&dyn Seller, String> {
        seen(&self.seller)
    }
    /// The side that settles.
    ///
    /// # Errors
    /// When there is none.
    pub fn settler(&self) -> Result<&dyn Settler, String> {
        seen(&self.settler)
    }
    /// What the plugin says it can do.
    pub fn capability(&self) -> Capability {
        self.stand.entry().capability
    }
    /// The present moment.
    pub fn now(&self) -> Time {
        self.place.clock.now()
    }

    /// All that must not be printed about this payment.
    pub fn secrets(&self, payload: &Json) -> Vec<Secret> {
        let value = payload.value();
        let fields = self.stand.unprintable().iter().filter_map(|pointer| {
            value.pointer(pointer).and_then(|field| field.as_str()).map(|text| Secret::text(pointer, text))
        });
        self.place.secrets.iter().cloned().chain(fields).collect()
    }

    /// What the settler supports first, or what the scheme would say of itself.
    ///
    /// # Errors
    /// The settler's.
    pub async fn kind(&self) -> Result<Kind, String> {
        if let Some(settler) = self.settler.get() {
            let kinds = settler.kinds().await.or_seen("kinds")?;
            if let Some(kind) = kinds.into_iter().find(|k| k.version == Version::V2) {
                return Ok(kind);
            }
        }
        let scheme = Name::new(self.stand.entry().id.scheme).or_seen("the scheme's name")?;
        Ok(Kind {
            version: Version::V2,
            scheme,
            chain: self.place.price.chain,
            extra: Extra::default(),
            extensions: Vec::new(),
        })
    }

    /// The seller's offer of `price`.
    ///
    /// # Errors
    /// The seller's.
    pub async fn offer(&self, price: &Price) -> Result<Offer, String> {
        let kind = self.kind().await?;
        self.seller()?.offer(price, &kind).or_seen("offer")
    }

    /// The first flow of the scheme, at the place's price.
    pub fn price(&self) -> Price {
        let flow = self.capability().flows.first().copied().unwrap_or_default();
        Price { flow, ..self.place.price }
    }

    /// A payment at the place's price, signed now.
    ///
    /// # Errors
    /// Whatever went wrong on the way.
    pub async fn sign(&self) -> Result<Signed, String> {
        self.sign_at(&self.price(), self.now(), Version::V2).await
    }

    /// A payment of `price` on a wire, as of `now`, over the wire and back.
    ///
    /// # Errors
    /// Whatever went wrong on the way.
    pub async fn sign_at(&self, price: &Price, now: Time, version: Version) -> Result<Signed, String> {
        let offer = self.spoken(self.offer(price).await?, version)?;
        let challenge = self.challenge(&offer)?;
        let (sent, plan) = self.authorize(&challenge, now).await?;
        let order = self.arrived(&offer, &sent)?;
        Ok(Signed { offer, challenge, plan, sent, order })
    }

    /// The offer as it is advertised on a wire.
    fn spoken(&self, mut offer: Offer, version: Version) -> Result<Offer, String> {
        if offer.requirement.version != version {
            offer.requirement.version = version;
            let raw =
                wire::write_requirement(&offer.requirement, "https://shop.example/x", &[self.stand.family()]);
            offer.requirement.raw = raw.or_seen("the offer in the other version")?;
        }
        Ok(offer)
    }

    /// The offer as a 402, written and read again.
    ///
    /// # Errors
    /// When it does not come back as it was.
    pub fn challenge(&self, offer: &Offer) -> Result<Challenge, String> {
        let requirement = offer.requirement.clone();
        let resource = Json::parse(r#"{"url":"https://shop.example/x"}"#).or_seen("a resource")?;
        let challenge = Challenge {
            version: requirement.version,
            accepts: vec![Entry { raw: requirement.raw.clone(), requirement: Ok(requirement) }],
            resource: Some(resource),
            extensions: None,
            error: None,
        };
        let text = wire::write_challenge(&challenge);
        wire::parse_challenge(text.as_str(), &[self.stand.family()]).or_seen("the 402 is read again")
    }

    /// Plans, does what must be done first, reserves and signs.
    ///
    /// # Errors
    /// Whatever went wrong on the way.
    pub async fn authorize(&self, challenge: &Challenge, now: Time) -> Result<(Authorization, Plan), String> {
        let payer = self.payer()?;
        let requirement = self.entry(challenge)?;
        let demand = Demand { challenge, requirement, now };
        let mut plan = payer.plan(&demand).await.or_seen("plan")?;
        for action in std::mem::take(&mut plan.actions) {
            payer.perform(&action).await.or_seen("perform")?;
            plan = payer.plan(&demand).await.or_seen("plan, after what had to be done first")?;
        }
        let number = self.attempts.fetch_add(1, Ordering::SeqCst);
        let hold = HoldId(format!("hold-{number}"));
        let reserved =
            Reserved::new(&*self.ledgers.payer, hold, &[], plan.clone(), now).await.or_seen("reserve")?;
        let attempt = AttemptId(format!("attempt-{number}"));
        let sent = payer.authorize(&demand, &reserved, &attempt).await.or_seen("authorize")?;
        Ok((sent, plan))
    }

    /// The one entry of a challenge of ours.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn entry<'a>(&self, challenge: &'a Challenge) -> Result<&'a Requirement, String> {
        let entry = challenge.accepts.first().ok_or("a 402 without entries")?;
        entry.requirement.as_ref().map_err(|e| format!("the offer cannot be read: {e}"))
    }

    /// What the seller makes of a payment that came over the wire.
    ///
    /// # Errors
    /// When it matches nothing.
    pub fn arrived(&self, offer: &Offer, sent: &Authorization) -> Result<Order, String> {
        let families = [self.stand.family()];
        let text = wire::write_payment(&sent.payment, &families).or_seen("the payment is written")?;
        let (_, payment) =
            wire::parse_payment(text.as_str(), [offer], &families).or_seen("the payment is read again")?;
        let leg = if offer.requirement.flow == Flow::Authorization { Leg::After } else { Leg::Before };
        Ok(Order { leg, requirement: offer.requirement.clone(), payment })
    }

    /// Verifies an order as the driver does.
    ///
    /// # Errors
    /// The refusal.
    pub async fn verify(&self, order: &Order) -> Core<Verified> {
        let missing = |_| tollway_core::Error::caller(tollway_core::Code::RoleMissing);
        let settler = self.settler().map_err(missing)?;
        flow::verify(self.stand.entry().read, settler, order.clone(), &*self.place.clock).await
    }

    /// Verifies an order and settles it in full, as a driver does that nothing disturbs.
    ///
    /// # Errors
    /// The refusal.
    pub async fn settle(&self, order: &Order) -> Core<Receipt> {
        self.settle_part(order, order.requirement.price.full()).await
    }

    /// Verifies an order and settles so much of it.
    ///
    /// # Errors
    /// The refusal.
    pub async fn settle_part(&self, order: &Order, charge: Charge) -> Core<Receipt> {
        let due = self.verify(order).await?.due(charge)?;
        let missing = |_| tollway_core::Error::caller(tollway_core::Code::RoleMissing);
        self.settler().map_err(missing)?.settle(due).await
    }

    /// A facilitator of its own: a settler with a ledger.
    pub fn once<'a>(&'a self, settler: &'a dyn Settler, ledger: &'a dyn Ledger) -> SettleOnce<'a> {
        SettleOnce {
            read: self.stand.entry().read,
            settler,
            ledger,
            clock: &*self.place.clock,
            room: "visit/suite",
            owner: "suite",
            patience_ms: 5_000,
        }
    }

    /// How often this order was settled.
    pub async fn settlements(&self, order: &Order) -> usize {
        self.place.probe.settlements(order).await
    }
}
