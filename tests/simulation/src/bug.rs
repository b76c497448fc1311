//! Mistakes on purpose, to show that the checks bite.

/// One mistake, made by one party. The rest of the simulation is as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bug {
    /// The facilitator starts with an empty ledger after every crash.
    FacilitatorForgets,
    /// The shop's ledger remembers no claim and compares no version: whoever comes with a payment is the first.
    GateLetsEverybodyIn,
    /// The payer buys once more, with a new signature, when it does not know what became of the first.
    ClientSignsAgain,
    /// The facilitator sends once more, under another key, what is not final after a moment.
    SettlerSendsUnderNewKeys,
    /// The payers' ledgers acknowledge some writes and lose them.
    LedgerLosesWrites,
    /// The token moves the money twice for one authorization.
    ChainPaysTwice,
    /// The facilitator says that it has settled, and has not, now and then.
    FacilitatorLies,
    /// The shop serves when nobody can verify a payment.
    ShopServesInDoubt,
    /// The payers never ask what became of a signature whose answer was lost.
    PayerNeverSettlesUp,
    /// The shop never goes on with what it had begun before a crash.
    ShopNeverRecovers,
    /// The payers' holds are never closed.
    HoldsStayOpen,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::FacilitatorForgets,
        Self::GateLetsEverybodyIn,
        Self::ClientSignsAgain,
        Self::SettlerSendsUnderNewKeys,
        Self::LedgerLosesWrites,
        Self::ChainPaysTwice,
        Self::FacilitatorLies,
        Self::ShopServesInDoubt,
        Self::PayerNeverSettlesUp,
        Self::ShopNeverRecovers,
        Self::HoldsStayOpen,
    ];

    /// Who makes it.
    pub(crate) fn of(self) -> Party {
        match self {
            Self::ClientSignsAgain
            | Self::LedgerLosesWrites
            | Self::PayerNeverSettlesUp
            | Self::HoldsStayOpen => Party::Payer,
            Self::GateLetsEverybodyIn | Self::ShopServesInDoubt | Self::ShopNeverRecovers => Party::Shop,
            Self::FacilitatorForgets | Self::SettlerSendsUnderNewKeys | Self::FacilitatorLies => {
                Party::Facilitator
            }
            Self::ChainPaysTwice => Party::Chain,
        }
    }
}

/// A party of the simulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Party {
    Payer,
    Shop,
    Facilitator,
    Chain,
}
