//! The router: considers every entry of a 402, from the payer's point of view.

use crate::cost::{self, Costs, Market};
use crate::explain::Explanation;
use crate::policy::{self, Budget, Policy, Subject};
use crate::quotes::{Moment, QuoteBook, Wants};
use crate::rank::{self, PointOfView, Rank};
use futures::FutureExt;
use futures::future::join_all;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use tollway_core::{
    BudgetLine, Challenge, Clock, Code, Demand, Dice, Error, Funds, Ledger, Next, Payer, Plan, Purpose,
    Registry, Requirement, Result, RouteKey, Scorer, Time, Usd, ledger,
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
    /// The most that the signature can cost: the bill with the whole exposure for its price. Limits look at this.
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
    pub routes: Vec<Route<'c>>,
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
        }
    }
}

/// What a plan costs.
struct Priced {
    costs: Costs,
    bill: Usd,
    at_stake: Usd,
    settlement: Usd,
}

/// An entry on its way to being priced.
#[allow(
    clippy::large_enum_variant,
    reason = "most are planned; a box each would be an allocation on the hot path"
)]
enum Candidate<'c> {
    Planned(&'c Requirement, Plan),
    Out(Option<&'c Requirement>, Error),
    /// Not here yet, or moved on.
    Gone,
}

impl<'c> Candidate<'c> {
    fn of(requirement: &'c Requirement, planned: Result<Plan>) -> Self {
        match planned {
            Ok(plan) => Self::Planned(requirement, plan),
            Err(why) => Self::Out(Some(requirement), why),
        }
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
        let mut candidates = self.candidates(challenge, context, now).await;
        let (mut prices, all_fresh) = self.prices(&candidates);
        if !all_fresh {
            self.gather(&candidates).await;
            (prices, _) = self.prices(&candidates);
        }
        let used = self.used(&candidates, context, now).await;
        let mut out = Considered { routes: Vec::new(), rejected: Vec::new() };
        let mut ranks = Vec::with_capacity(candidates.len());
        for (index, (candidate, priced)) in candidates.iter_mut().zip(&prices).enumerate() {
            let Candidate::Planned(requirement, plan) = candidate else {
                if let Candidate::Out(requirement, reason) = std::mem::replace(candidate, Candidate::Gone) {
                    out.rejected.push(Rejected { index, requirement, reason });
                }
                continue;
            };
            let allowed = match priced {
                Some(Ok(priced)) => {
                    self.within_limits(index, (requirement, plan, priced.at_stake), &used, context, now)
                }
                Some(Err(why)) => Err(why.clone()),
                None => Err(Error::us(Code::Internal)),
            };
            match (allowed, priced) {
                (Ok(()), Some(Ok(priced))) => ranks.push(rank_of(requirement, priced, index)),
                (Err(reason), _) => {
                    out.rejected.push(Rejected { index, requirement: Some(requirement), reason });
                }
                _ => {}
            }
        }
        rank::sort(&mut ranks);
        // Routes are large and ranks are small: the routes are made in order, and moved once.
        out.routes.reserve_exact(ranks.len());
        for index in ranks.iter().map(|rank| rank.index) {
            let candidate = candidates.get_mut(index).map(|c| std::mem::replace(c, Candidate::Gone));
            let priced = prices.get_mut(index).and_then(Option::take);
            if let (Some(Candidate::Planned(requirement, plan)), Some(Ok(priced))) = (candidate, priced) {
                let Priced { costs, bill, at_stake, settlement } = priced;
                out.routes.push(Route { index, requirement, plan, costs, bill, at_stake, settlement });
            }
        }
        out
    }

    /// Plans every entry. A plan that needs nothing from anybody is made on the spot; the others wait together.
    async fn candidates<'c>(
        &self,
        challenge: &'c Challenge,
        context: Context<'_>,
        now: Time,
    ) -> Vec<Candidate<'c>> {
        let mut candidates = Vec::with_capacity(challenge.accepts.len());
        let demands: Vec<_> =
            challenge.requirements().map(|(_, requirement)| Demand { challenge, requirement, now }).collect();
        let (mut demands, mut waits) = (demands.iter(), Vec::new());
        for (index, entry) in challenge.accepts.iter().enumerate() {
            let demand = match &entry.requirement {
                Err(why) => {
                    candidates.push(Candidate::Out(None, why.clone()));
                    continue;
                }
                Ok(_) => demands.next(),
            };
            let Some(demand) = demand else { continue };
            let requirement = demand.requirement;
            candidates.push(match self.payer(requirement, context) {
                Err(why) => Candidate::Out(Some(requirement), why),
                Ok(payer) => {
                    let mut planning = payer.plan(demand);
                    match poll_fn(|cx| Poll::Ready(planning.as_mut().poll(cx))).await {
                        Poll::Ready(planned) => Candidate::of(requirement, planned),
                        Poll::Pending => {
                            waits.push(
                                planning.map(move |planned| (index, Candidate::of(requirement, planned))),
                            );
                            Candidate::Gone
                        }
                    }
                }
            });
        }
        for (index, candidate) in join_all(waits).await {
            if let Some(place) = candidates.get_mut(index) {
                *place = candidate;
            }
        }
        candidates
    }

    /// Who would pay `r`, if that is allowed at all.
    fn payer(&self, r: &Requirement, context: Context<'_>) -> Result<&dyn Payer> {
        let cell = self.registry.cell(r)?;
        let payer = cell.payer.as_deref().ok_or_else(|| {
            Error::caller(Code::RoleMissing)
                .next(Next::OtherRoute)
                .detail(format!("{} cannot pay here", cell.id))
        })?;
        self.policy.admits(r, context.host, self.is_testnet(r))?;
        Ok(payer)
    }

    /// A chain that nobody has facts about counts as a mainnet.
    fn is_testnet(&self, r: &Requirement) -> bool {
        match self.registry.network(&r.chain) {
            Some(network) => network.traits().testnet,
            None => {
                self.registry.family(&r.chain).and_then(|f| f.network(&r.chain)).is_some_and(|n| n.testnet)
            }
        }
    }

    async fn gather(&self, candidates: &[Candidate<'_>]) {
        let mut wants = Wants::default();
        for candidate in candidates {
            if let Candidate::Planned(r, plan) = candidate {
                wants.prices.insert(plan.price.asset());
                cost::wants(&mut wants, r.chain, &plan.effort, Purpose::Interactive);
                for action in &plan.actions {
                    cost::wants(&mut wants, action.chain, &action.effort, Purpose::Interactive);
                }
            }
        }
        self.quotes.gather(&wants).await;
    }

    /// What every plan costs by the book as it stands now, and whether all of that was fresh.
    fn prices(&self, candidates: &[Candidate<'_>]) -> (Vec<Option<Result<Priced>>>, bool) {
        let book = self.quotes.now();
        let price = |candidate: &Candidate<'_>| match candidate {
            Candidate::Planned(r, plan) => Some(self.price(&book, r, plan)),
            _ => None,
        };
        let prices = candidates.iter().map(price).collect();
        (prices, book.all_fresh())
    }

    /// What is used of every line that a candidate will be checked against, asked in one go.
    async fn used<'p>(&'p self, candidates: &[Candidate<'_>], context: Context<'_>, now: Time) -> Used<'p> {
        let mut used = Used::default();
        let mut lines: Vec<BudgetLine> = Vec::with_capacity(candidates.len().saturating_add(1));
        for candidate in candidates {
            let Candidate::Planned(r, _) = candidate else { continue };
            for budget in self.policy.counted(r, context.host) {
                if used.budget(budget).is_none() {
                    used.budgets.push((budget, 0));
                    lines.push(budget.line(now));
                }
            }
        }
        let (budgets, mut wallets) = (lines.len(), Vec::<&Funds>::with_capacity(candidates.len()));
        used.wallets.reserve_exact(candidates.len());
        for candidate in candidates {
            let Candidate::Planned(_, Plan { funds: Some(funds), .. }) = candidate else {
                used.wallets.push(None);
                continue;
            };
            let same = |w: &&Funds| {
                w.as_of == funds.as_of && w.balance.asset == funds.balance.asset && w.owner == funds.owner
            };
            used.wallets.push(Some(wallets.iter().position(same).unwrap_or_else(|| {
                wallets.push(funds);
                lines.push(policy::wallet(funds));
                wallets.len().saturating_sub(1)
            })));
        }
        if lines.is_empty() {
            return used;
        }
        match self.ledger.used(&lines).await {
            Ok(mut taken) => {
                used.in_wallets = taken.split_off(budgets.min(taken.len()));
                used.budgets.iter_mut().zip(taken).for_each(|((_, place), taken)| *place = taken);
            }
            Err(why) => used.unknown = Some(why),
        }
        used
    }

    fn price(&self, quotes: &Moment<'_>, r: &Requirement, plan: &Plan) -> Result<Priced> {
        let asset = plan.price.asset();
        let mut costs =
            Costs { price: quotes.price(&asset)?.worth(plan.price.atomic())?, ..Costs::default() };
        for action in &plan.actions {
            costs.add(quotes, action.chain, &action.effort, Purpose::Interactive)?;
        }
        costs.add(quotes, r.chain, &plan.effort, Purpose::Interactive)?;
        let key = RouteKey { chain: r.chain, asset, payee: r.pay_to };
        match &self.scorer {
            Some(scorer) => {
                costs.penalty = scorer.penalty(&key);
                costs.latency_ms = scorer.latency_ms(&key);
            }
            None => {
                let block_ms = self.registry.network(&r.chain).map_or(0, |n| n.traits().block_ms);
                costs.latency_ms = u64::from(block_ms);
            }
        }
        let (bill, settlement) = PointOfView::Payer.costs(&costs)?;
        let at_stake = match plan.exposure == plan.price {
            true => bill,
            false => {
                let worth = quotes.price(&plan.exposure.asset())?.worth(plan.exposure.atomic())?;
                PointOfView::Payer.costs(&Costs { price: worth, quotes: Vec::new(), ..costs })?.0
            }
        };
        Ok(Priced { costs, bill, at_stake, settlement })
    }

    fn within_limits(
        &self,
        index: usize,
        (r, plan, at_stake): (&Requirement, &Plan, Usd),
        used: &Used<'_>,
        context: Context<'_>,
        now: Time,
    ) -> Result<()> {
        self.policy.within_cap(at_stake)?;
        self.policy.within_asset_cap(&plan.exposure.0)?;
        if let Some(why) = &used.unknown {
            let limited = plan.funds.is_some() || self.policy.counted(r, context.host).next().is_some();
            return if limited { Err(why.clone()) } else { Ok(()) };
        }
        for budget in self.policy.counted(r, context.host) {
            let taken = used.budget(budget).unwrap_or(0);
            fits(taken, at_stake.e18(), budget.limit.e18(), || budget.line(now))?;
        }
        match &plan.funds {
            Some(funds) => {
                let taken = used.wallet(index);
                fits(taken, plan.exposure.atomic(), funds.balance.atomic, || policy::wallet(funds))
            }
            None => Ok(()),
        }
    }

    /// The last look before signing: the caller's limits again, on the finished route, and the screening.
    pub(crate) async fn check_again(&self, route: &Route<'_>, context: Context<'_>) -> Result<()> {
        self.policy.admits(route.requirement, context.host, self.is_testnet(route.requirement))?;
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
            let subject = Subject { requirement: route.requirement, host: context.host, payer };
            // Final for this route; another payee or chain may still do.
            screen.check(&subject).await.map_err(|e| match e.next {
                Next::Never => e.next(Next::OtherRoute),
                _ => e,
            })?;
        }
        Ok(())
    }
}

/// What is used already of budgets and wallets.
#[derive(Default)]
struct Used<'p> {
    budgets: Vec<(&'p Budget, u128)>,
    /// Which wallet each candidate draws on.
    wallets: Vec<Option<usize>>,
    in_wallets: Vec<u128>,
    /// Why nobody knows.
    unknown: Option<Error>,
}

impl Used<'_> {
    fn budget(&self, budget: &Budget) -> Option<u128> {
        let same = |b: &Budget| b.id == budget.id && b.window_ms == budget.window_ms;
        self.budgets.iter().find_map(|(b, taken)| same(b).then_some(*taken))
    }
    fn wallet(&self, candidate: usize) -> u128 {
        let wallet = self.wallets.get(candidate).copied().flatten();
        wallet.and_then(|w| self.in_wallets.get(w).copied()).unwrap_or(0)
    }
}

/// Checks a line; it is only made where it does not fit, for its words.
fn fits(taken: u128, amount: u128, limit: u128, line: impl FnOnce() -> BudgetLine) -> Result<()> {
    if taken.checked_add(amount).is_some_and(|sum| sum <= limit) {
        return Ok(());
    }
    ledger::check_line(&BudgetLine { amount, ..line() }, taken)
}

fn rank_of<'r>(r: &'r Requirement, priced: &Priced, index: usize) -> Rank<'r> {
    Rank {
        first: priced.bill,
        second: priced.settlement,
        latency_ms: priced.costs.latency_ms,
        name: [r.chain.as_str(), r.scheme.as_str(), r.price.0.asset.key(), r.pay_to.address()],
        index,
    }
}
