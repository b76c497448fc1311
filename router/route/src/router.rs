//! The router: considers every entry of a 402, from the payer's point of view.

use crate::cost::{self, Costs, Market};
use crate::explain::Explanation;
use crate::policy::Policy;
use crate::quotes::{Moment, QuoteBook, Wants};
use crate::rank::{self, PointOfView, Rank};
use crate::routes::Routes;
use crate::used::{Room, Used};
use futures::future::join_all;
use std::sync::Arc;
use tollway_core::screen::{Step, Subject};
use tollway_core::{
    Challenge, Clock, Code, Demand, Dice, Error, Ledger, Next, Payer, Plan, Purpose, Registry, Requirement,
    Result, RouteKey, Scorer, Time, Usd,
};

/// Where a 402 came from.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context<'a> {
    /// The host that asked, lower case, without port.
    pub host: Option<&'a str>,
}

/// One way to pay that is allowed, with all that it costs.
#[derive(Debug, Clone)]
pub struct Route<'c> {
    /// Position in `accepts`.
    pub index: usize,
    /// The entry.
    pub requirement: &'c Requirement,
    /// What paying it means.
    pub plan: Plan,
    /// What it costs, and whom.
    pub costs: Costs,
    /// The payer's whole bill.
    pub bill: Usd,
    /// The most that paying can cost now: the bill with the whole exposure for its price, and own work for which later
    /// payments are expected to share counted whole. Limits look at this.
    pub at_stake: Usd,
    /// What settling costs.
    pub settlement: Usd,
}

/// An entry that will not be paid, with the reason.
#[derive(Debug, Clone)]
pub struct Rejected<'c> {
    /// Position in `accepts`.
    pub index: usize,
    /// The entry, where it could be read.
    pub requirement: Option<&'c Requirement>,
    /// Why.
    pub reason: Error,
}

/// Every entry of a 402: ranked, best first, or rejected, in the server's order.
#[derive(Debug, Clone)]
pub struct Considered<'c> {
    /// The allowed routes, best first.
    pub routes: Routes<'c>,
    /// The others.
    pub rejected: Vec<Rejected<'c>>,
}

impl Considered<'_> {
    /// The whole table as plain data, for people and for JSON.
    pub fn explain(&self, registry: &Registry) -> Explanation {
        Explanation::of(self, registry)
    }
}

/// Prices, ranks and pays. Cheap to share behind an [`Arc`].
pub struct Router {
    pub(crate) registry: Arc<Registry>,
    pub(crate) quotes: Arc<QuoteBook>,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) dice: Arc<dyn Dice>,
    pub(crate) policy: Policy,
    pub(crate) scorer: Option<Arc<dyn Scorer>>,
    pub(crate) active: crate::pay::Active,
    room: Room,
}

impl std::fmt::Debug for Router {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Router")
            .field("registry", &self.registry)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

/// What a [`Router`] is made of.
pub struct RouterBuilder {
    /// Schemes and networks.
    pub registry: Arc<Registry>,
    /// Live fees and prices.
    pub quotes: Arc<QuoteBook>,
    /// Memory.
    pub ledger: Arc<dyn Ledger>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub dice: Arc<dyn Dice>,
    /// Limits.
    pub policy: Policy,
    /// Preferences as money; `None` has none, and takes the block time for latency.
    pub scorer: Option<Arc<dyn Scorer>>,
}

impl std::fmt::Debug for RouterBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RouterBuilder").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl RouterBuilder {
    /// Puts the parts together.
    pub fn build(self) -> Router {
        Router {
            registry: self.registry,
            quotes: self.quotes,
            ledger: self.ledger,
            clock: self.clock,
            dice: self.dice,
            policy: self.policy,
            scorer: self.scorer,
            active: crate::pay::Active::default(),
            room: Room::default(),
        }
    }
}

/// Position in `accepts`, the entry, and the block time of its chain.
type Place<'c> = (usize, &'c Requirement, u32);

impl<'c> Considered<'c> {
    #[inline] // A plan is large: it goes straight to its place.
    fn take(&mut self, (index, requirement, block_ms): Place<'c>, planned: Result<Plan>) {
        match planned {
            Ok(plan) => self.routes.push(Route {
                index,
                requirement,
                plan,
                costs: Costs { latency_ms: u64::from(block_ms), ..Costs::default() },
                bill: Usd::ZERO,
                at_stake: Usd::ZERO,
                settlement: Usd::ZERO,
            }),
            Err(reason) => self.reject(index, Some(requirement), reason),
        }
    }

    fn reject(&mut self, index: usize, requirement: Option<&'c Requirement>, reason: Error) {
        self.rejected.push(Rejected { index, requirement, reason });
    }
}

impl Router {
    /// The schemes and networks of this router.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }
    /// Its quotes.
    pub fn quotes(&self) -> &Arc<QuoteBook> {
        &self.quotes
    }
    /// Its limits.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Considers every entry: plans it, gathers what is missing (bounded by the quote book's deadline), prices,
    /// checks the limits, ranks. Signs nothing, reserves nothing. Cancel safe.
    pub async fn consider<'c>(&self, challenge: &'c Challenge, context: Context<'_>) -> Considered<'c> {
        let now = self.clock.now();
        let mut out = self.planned(challenge, context, now).await;
        let (mut unpriced, all_fresh) = self.price_all(out.routes.planned_mut());
        if !all_fresh {
            self.gather(out.routes.planned()).await;
            (unpriced, _) = self.price_all(out.routes.planned_mut());
        }
        let used =
            Used::ask(&self.policy, &*self.ledger, &self.room, (out.routes.planned(), context, now)).await;
        let mut unpriced = unpriced.into_iter().peekable();
        let planned = out.routes.planned();
        let mut ranks = Vec::with_capacity(planned.len());
        for (at, route) in planned.iter().enumerate() {
            let allowed = match unpriced.next_if(|(place, _)| *place == at) {
                Some((_, why)) => Err(why),
                None => self.within_limits(at, route, &used, context, now),
            };
            match allowed {
                Ok(()) => ranks.push(rank_of(at, route)),
                Err(reason) => {
                    let (index, requirement) = (route.index, Some(route.requirement));
                    out.rejected.push(Rejected { index, requirement, reason });
                }
            }
        }
        rank::sort(&mut ranks);
        let order = ranks.iter().map(|rank| rank.index).collect();
        out.routes.rank(order);
        out.rejected.sort_by_key(|rejected| rejected.index);
        out
    }

    /// Plans every entry, in the server's order. What is warm is planned on the spot; the others wait together.
    async fn planned<'c>(&self, challenge: &'c Challenge, context: Context<'_>, now: Time) -> Considered<'c> {
        let routes = Routes::with_room(challenge.accepts.len());
        let (mut out, mut later) = (Considered { routes, rejected: Vec::new() }, Vec::new());
        for (index, entry) in challenge.accepts.iter().enumerate() {
            let requirement = match &entry.requirement {
                Ok(requirement) => requirement,
                Err(why) => {
                    out.reject(index, None, why.clone());
                    continue;
                }
            };
            let demand = Demand { challenge, requirement, now };
            match self.payer(requirement, context) {
                Err(why) => out.reject(index, Some(requirement), why),
                Ok((payer, block_ms)) => match payer.plan_now(&demand) {
                    Some(planned) => out.take((index, requirement, block_ms), planned),
                    None => later.push(((index, requirement, block_ms), payer, demand)),
                },
            }
        }
        if !later.is_empty() {
            let plans = join_all(later.iter().map(|(_, payer, demand)| payer.plan(demand))).await;
            for ((place, _, _), planned) in later.iter().zip(plans) {
                out.take(*place, planned);
            }
            out.routes.planned_mut().sort_by_key(|route| route.index);
        }
        out
    }

    /// Who would pay `r`, if that is allowed at all, and the chain's block time.
    fn payer(&self, r: &Requirement, context: Context<'_>) -> Result<(&dyn Payer, u32)> {
        let cell = self.registry.cell(r)?;
        let payer = cell.payer.as_deref().ok_or_else(|| {
            Error::caller(Code::RoleMissing)
                .next(Next::OtherRoute)
                .detail(format!("{} cannot pay here", cell.id))
        })?;
        self.policy.admits(r, context.host, cell.traits.testnet)?;
        Ok((payer, cell.traits.block_ms))
    }

    async fn gather(&self, routes: &[Route<'_>]) {
        let mut wants = Wants::default();
        for Route { requirement, plan, .. } in routes {
            wants.prices.insert(plan.price.asset());
            cost::wants(&mut wants, requirement.chain, &plan.effort, Purpose::Interactive);
            for action in &plan.actions {
                cost::wants(&mut wants, action.chain, &action.effort, Purpose::Interactive);
            }
        }
        self.quotes.gather(&wants).await;
    }

    /// Writes down what every route costs by the book as it stands now. Comes back with the places of those that have no
    /// price, each with the reason, and with whether everything was fresh.
    fn price_all(&self, routes: &mut [Route<'_>]) -> (Vec<(usize, Error)>, bool) {
        // Before the book stands still: a scorer may ask it for the price of what it would rather have.
        self.score(routes);
        let (book, mut unpriced) = (self.quotes.now(), Vec::new());
        for (at, route) in routes.iter_mut().enumerate() {
            if let Err(why) = price(&book, route) {
                unpriced.push((at, why));
            }
        }
        (unpriced, book.all_fresh())
    }

    /// Writes down what the scorer thinks of every route.
    fn score(&self, routes: &mut [Route<'_>]) {
        let Some(scorer) = &self.scorer else { return };
        for Route { requirement: r, plan, costs, .. } in routes {
            let key = RouteKey { chain: r.chain, asset: plan.price.0.asset, payee: r.pay_to };
            (costs.penalty, costs.latency_ms) = (scorer.penalty(&key), scorer.latency_ms(&key));
        }
    }

    fn within_limits(
        &self,
        at: usize,
        route: &Route<'_>,
        used: &Used<'_>,
        context: Context<'_>,
        now: Time,
    ) -> Result<()> {
        self.policy.within_cap(route.at_stake)?;
        self.policy.within_asset_cap(&route.plan.exposure.0)?;
        used.fits(&self.policy, (at, route), context, now)
    }

    /// The last look before signing: the caller's limits again, on the finished route, and the screening.
    pub(crate) async fn check_again(&self, route: &Route<'_>, context: Context<'_>) -> Result<()> {
        let r = route.requirement;
        self.policy.admits(r, context.host, self.registry.cell(r)?.traits.testnet)?;
        let Some(cap) = self.policy.cap else {
            return Err(
                Error::caller(Code::OverCap).detail("paying needs a cap for one payment, and none is set")
            );
        };
        if route.at_stake > cap {
            self.policy.within_cap(route.at_stake)?;
        }
        self.policy.within_asset_cap(&route.plan.exposure.0)?;
        if route.plan.exposure.asset() != route.requirement.price.asset()
            || route.plan.price.asset() != route.requirement.price.asset()
            || route.plan.exposure.atomic() < route.plan.price.atomic()
        {
            return Err(Error::us(Code::Internal).detail("the plan is not for this entry"));
        }
        if let Some(screen) = &self.policy.screen {
            let payer = route.plan.funds.map(|f| f.owner);
            let subject =
                Subject { step: Step::Sign, requirement: route.requirement, host: context.host, payer };
            // Final for this route; another payee or chain may still do.
            screen.admit(&subject).await.map_err(|e| match e.next {
                Next::Never => e.next(Next::OtherRoute),
                _ => e,
            })?;
        }
        Ok(())
    }
}

/// Writes down what a route costs, scored already, by the book as it stands now.
fn price(quotes: &Moment<'_>, route: &mut Route<'_>) -> Result<()> {
    let Route { requirement: r, plan, costs, .. } = route;
    let price = quotes.price(&plan.price.0.asset)?.worth(plan.price.atomic())?;
    let (penalty, latency_ms) = (costs.penalty, costs.latency_ms);
    *costs = Costs { price, penalty, latency_ms, ..Costs::default() };
    for action in &plan.actions {
        costs.add(quotes, action.chain, &action.effort, Purpose::Interactive)?;
    }
    costs.payer_actions = costs.payer_outlay;
    costs.add(quotes, r.chain, &plan.effort, Purpose::Interactive)?;
    (route.bill, route.settlement) = PointOfView::Payer.costs(costs)?;
    let exposure = match plan.exposure == plan.price {
        true => price,
        false => quotes.price(&plan.exposure.0.asset)?.worth(plan.exposure.atomic())?,
    };
    route.at_stake = costs.at_stake(exposure)?;
    Ok(())
}

/// What a route is ordered by. Routes stand in the server's order, so their places settle what is alike.
fn rank_of<'c>(at: usize, route: &Route<'c>) -> Rank<'c> {
    let r = route.requirement;
    Rank {
        first: route.bill,
        second: route.settlement,
        latency_ms: route.costs.latency_ms,
        name: [r.chain.as_str(), r.scheme.as_str(), r.price.0.asset.key(), r.pay_to.address()],
        index: at,
    }
}
