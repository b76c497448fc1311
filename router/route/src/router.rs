//! The router: considers every entry of a 402, from the payer's point of view.

use crate::cost::{self, Costs};
use crate::explain::Explanation;
use crate::policy::{Policy, Subject};
use crate::quotes::{QuoteBook, Wants};
use crate::rank::{PointOfView, Rank};
use futures::future::join_all;
use std::sync::Arc;
use tollway_core::{
    BudgetLine, Challenge, Clock, Code, Demand, Dice, Error, Ledger, Next, Plan, Purpose, Registry,
    Requirement, Result, RouteKey, Scorer, Time, Usd, ledger,
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
        let candidates = self.candidates(challenge, context, now).await;
        self.gather(&candidates).await;
        let used = self.used_budgets(&candidates, context, now).await;
        self.rank(candidates, &used, context, now)
    }

    async fn candidates<'c>(
        &self,
        challenge: &'c Challenge,
        context: Context<'_>,
        now: Time,
    ) -> Vec<Candidate<'c>> {
        join_all(challenge.accepts.iter().map(async |entry| match &entry.requirement {
            Err(why) => Candidate::Out(None, why.clone()),
            Ok(requirement) => match self.plan(challenge, requirement, context, now).await {
                Ok(plan) => Candidate::Planned(requirement, plan),
                Err(why) => Candidate::Out(Some(requirement), why),
            },
        }))
        .await
    }

    async fn plan(
        &self,
        challenge: &Challenge,
        r: &Requirement,
        context: Context<'_>,
        now: Time,
    ) -> Result<Plan> {
        let cell = self.registry.cell(r)?;
        let payer = cell.payer.as_ref().ok_or_else(|| {
            Error::caller(Code::RoleMissing)
                .next(Next::OtherRoute)
                .detail(format!("{} cannot pay here", cell.id))
        })?;
        self.policy.admits(r, context.host, self.is_testnet(r))?;
        payer.plan(&Demand { challenge, requirement: r, now }).await
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

    /// What is used of every line that a candidate will be checked against, asked in one go.
    async fn used_budgets(
        &self,
        candidates: &[Candidate<'_>],
        context: Context<'_>,
        now: Time,
    ) -> Result<Vec<(BudgetLine, u128)>> {
        let mut lines: Vec<BudgetLine> = Vec::new();
        for candidate in candidates {
            if let Candidate::Planned(r, plan) = candidate {
                for line in self.policy.lines(plan, r, Usd::ZERO, context.host, now) {
                    if lines.iter().all(|l| l.budget != line.budget || l.since != line.since) {
                        lines.push(line);
                    }
                }
            }
        }
        if lines.is_empty() {
            return Ok(Vec::new());
        }
        let used = self.ledger.used(&lines).await?;
        Ok(lines.into_iter().zip(used).collect())
    }

    fn rank<'c>(
        &self,
        candidates: Vec<Candidate<'c>>,
        used: &Result<Vec<(BudgetLine, u128)>>,
        context: Context<'_>,
        now: Time,
    ) -> Considered<'c> {
        let mut out = Considered { routes: Vec::with_capacity(candidates.len()), rejected: Vec::new() };
        for (index, candidate) in candidates.into_iter().enumerate() {
            match candidate {
                Candidate::Out(requirement, reason) => {
                    out.rejected.push(Rejected { index, requirement, reason })
                }
                Candidate::Planned(requirement, plan) => match self.price(requirement, &plan) {
                    Ok(Priced { costs, bill, at_stake, settlement }) => {
                        let route = Route { index, requirement, plan, costs, bill, at_stake, settlement };
                        match self.within_limits(&route, used, context, now) {
                            Ok(()) => out.routes.push(route),
                            Err(reason) => {
                                out.rejected.push(Rejected { index, requirement: Some(requirement), reason });
                            }
                        }
                    }
                    Err(reason) => {
                        out.rejected.push(Rejected { index, requirement: Some(requirement), reason })
                    }
                },
            }
        }
        out.routes.sort_unstable_by(|a, b| rank_of(a).cmp(&rank_of(b)));
        out
    }

    fn price(&self, r: &Requirement, plan: &Plan) -> Result<Priced> {
        let quotes = self.quotes.as_ref();
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
        route: &Route<'_>,
        used: &Result<Vec<(BudgetLine, u128)>>,
        context: Context<'_>,
        now: Time,
    ) -> Result<()> {
        self.policy.within_cap(route.at_stake)?;
        self.policy.within_asset_cap(&route.plan.exposure.0)?;
        let lines = self.policy.lines(&route.plan, route.requirement, route.at_stake, context.host, now);
        if lines.is_empty() {
            return Ok(());
        }
        let used = used.as_ref().map_err(Clone::clone)?;
        for line in &lines {
            let taken = used
                .iter()
                .find(|(l, _)| l.budget == line.budget && l.since == line.since)
                .map_or(0, |u| u.1);
            ledger::check_line(line, taken)?;
        }
        Ok(())
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

fn rank_of<'r>(route: &'r Route<'_>) -> Rank<'r> {
    let r = route.requirement;
    Rank {
        first: route.bill,
        second: route.settlement,
        latency_ms: route.costs.latency_ms,
        name: [r.chain.as_str(), r.scheme.as_str(), r.price.0.asset.key(), r.pay_to.address()],
        index: route.index,
    }
}
