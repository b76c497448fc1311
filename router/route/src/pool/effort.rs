//! What settling costs with each member.

use super::Pool;
use super::verify::within;
use crate::cost::{self, Costs};
use crate::quotes::Wants;
use futures::future::join_all;
use tollway_core::{Effort, Error, Order, Purpose, Result, Usd};

impl Pool {
    /// The effort of the member that would get this order; on the way, what it costs with each is remembered, so that
    /// payments find the order of prices without asking.
    pub(super) async fn cheapest(&self, order: &Order) -> Result<Effort> {
        let line = self.line(order).await?;
        let asked = line.iter().map(|at| self.effort_of(*at, order));
        let asked: Vec<(usize, Result<Effort>)> = line.iter().copied().zip(join_all(asked).await).collect();
        let r = &order.requirement;
        let mut wants = Wants::default();
        for (_, effort) in &asked {
            effort.iter().for_each(|effort| cost::wants(&mut wants, r.chain, effort, Purpose::Interactive));
        }
        self.quotes.gather(&wants).await;
        for (at, effort) in &asked {
            // Without a quote it has no price, and its turn comes after those that have one.
            if let Ok(price) = effort.as_ref().map_err(Error::clone).and_then(|e| self.price(order, e)) {
                self.prices.put(*at, r.scheme, r.chain, price);
            }
        }
        let (mut best, mut failed) = (None, None);
        for (at, effort) in asked {
            let turn = self.turn(at, &r.scheme, &r.chain);
            match effort {
                Ok(effort) if best.as_ref().is_none_or(|(first, _)| turn < *first) => {
                    best = Some((turn, effort))
                }
                Ok(_) => {}
                Err(e) => failed = failed.or(Some(e)),
            }
        }
        best.map(|(_, effort)| effort).ok_or_else(|| failed.unwrap_or_else(super::nobody_answers))
    }

    async fn effort_of(&self, at: usize, order: &Order) -> Result<Effort> {
        within(&*self.clock, self.settings.answer_ms, self.member(at)?.settler.effort(order)).await
    }

    fn price(&self, order: &Order, effort: &Effort) -> Result<Usd> {
        let mut costs = Costs::default();
        costs.add(&*self.quotes, order.requirement.chain, effort, Purpose::Interactive)?;
        costs.settlement()
    }
}
