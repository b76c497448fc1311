use super::scheme::receipt;
use super::{World, journal, nonce_of, step};
use std::collections::VecDeque;
use std::sync::Arc;
use tollway_core::*;
use tollway_route::pay::{AttemptStage, Exchange, Reply};

/// What the server does with a payment.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Settles it and says so.
    Settles,
    /// Settles it, and the answer is lost.
    SettlesAndVanishes,
    /// Settles it and sends no receipt.
    SettlesSilently,
    /// Settles it and asks for other terms all the same.
    SettlesAndAsks(Challenge),
    /// Settles it and says it was more.
    SettlesAndLies,
    /// Settles nothing and sends a receipt for something else.
    Lies,
    /// Serves, takes nothing and says so.
    TakesNothing,
    /// Serves for nothing.
    Gives,
    /// Serves, and settles when that is over.
    Streams,
    Asks(Challenge),
    Refuses(Error),
    NotSent,
    Vanishes,
}

/// A server that acts by a list. The last act is repeated.
pub(crate) struct Till {
    pub(crate) world: Arc<World>,
    pub(crate) acts: VecDeque<Act>,
}

impl Till {
    pub(crate) fn new(world: &Arc<World>, acts: impl IntoIterator<Item = Act>) -> Self {
        Self { world: world.clone(), acts: acts.into_iter().collect() }
    }
    pub(crate) fn settle(&self, payment: &Payment) -> Receipt {
        let done = ok_receipt(payment);
        self.world.chain.lock().unwrap().insert(nonce_of(payment), done.clone());
        done
    }
}

pub(crate) fn ok_receipt(payment: &Payment) -> Receipt {
    receipt(payment.accepted.price.0, payment.accepted.chain, &nonce_of(payment))
}

#[async_trait]
impl Exchange for Till {
    async fn send(&mut self, payment: &Payment) -> Reply {
        let nonce = nonce_of(payment);
        let written = journal(&self.world).into_iter().find(|r| r.id.0 == nonce);
        let written = written.expect("sent before it was journaled");
        assert_eq!(written.stage, AttemptStage::Signed, "sent before the signature was journaled");
        assert_eq!(written.authorization.map(|a| a.payment).as_ref(), Some(payment));
        step().await;
        let act = if self.acts.len() > 1 { self.acts.pop_front() } else { self.acts.front().cloned() };
        let act = act.expect("nothing was to be sent");
        if !matches!(act, Act::NotSent) {
            self.world.sent.lock().unwrap().push(nonce);
        }
        let lost = || Error::network(Code::TimedOut);
        let reply = match act {
            Act::Settles => Reply::Receipt(self.settle(payment)),
            Act::SettlesAndVanishes => {
                self.settle(payment);
                Reply::Lost(lost())
            }
            Act::SettlesSilently => {
                self.settle(payment);
                Reply::NoReceipt
            }
            Act::SettlesAndAsks(terms) => {
                self.settle(payment);
                Reply::Challenged(terms)
            }
            Act::SettlesAndLies | Act::Lies => {
                let mut told = ok_receipt(payment);
                if matches!(act, Act::SettlesAndLies) {
                    self.settle(payment);
                }
                told.charged.atomic += 1;
                Reply::Receipt(told)
            }
            Act::TakesNothing => {
                let mut told = ok_receipt(payment);
                (told.charged.atomic, told.landed) = (0, Landed::Nothing);
                Reply::Receipt(told)
            }
            Act::Gives => Reply::NoReceipt,
            Act::Streams => Reply::Streams,
            Act::Asks(terms) => Reply::Challenged(terms),
            Act::Refuses(e) => Reply::Refused(e),
            Act::NotSent => Reply::NotSent(lost()),
            Act::Vanishes => Reply::Lost(lost()),
        };
        step().await;
        reply
    }
}
