//! Whom a reason speaks of. The wire carries a word, and neither blame nor advice: so whoever reads one has to know which of
//! them are a verdict on the payment, and whoever writes one must not use such a word for trouble of its own.

use super::reason::Code;
use crate::{Blame, Error, Next};

impl Code {
    /// True for a verdict: it speaks of what was signed, of the account that pays, or of the offer that it answers, and the
    /// same payment would hear it again. Every other word, and every one that nobody here knows, is the trouble of whoever
    /// says it: a key that is away, a node, a budget, a rule of its own. That may pass, and proves nothing against a payer.
    pub fn is_verdict(&self) -> bool {
        self.is_of_transfer() || self.is_of_permit() || self.is_of_transaction() || self.is_of_order()
    }

    /// True for what the payer has done, for good or not: a verdict, or an approval of the payer's that nobody can put on chain
    /// as things are. Neither says anything against whoever says it.
    pub fn is_of_payer(&self) -> bool {
        self.is_verdict() || *self == Self::ApprovalNotSent
    }

    /// Signature, amount, parties, window, funds and token.
    fn is_of_transfer(&self) -> bool {
        matches!(
            self,
            Self::InvalidSignature
                | Self::SignatureGas
                | Self::SignatureMissing
                | Self::RecipientMismatch
                | Self::InsufficientFunds
                | Self::ValueMismatch
                | Self::NotYetValid
                | Self::Expired
                | Self::NonceUsed
                | Self::SimulationFailed
                | Self::TransactionFailed
                | Self::TransferEventMismatch
                | Self::TokenKeepsPart
                | Self::TokenAccountMissing
                | Self::TokenAccountUnusable
                | Self::TokenExtension
                | Self::TokenTransferFee
                | Self::MissingDomain
                | Self::DomainNameMismatch
                | Self::DomainVersionMismatch
                | Self::AssetNotDeployed
                | Self::FactoryNotAllowed
                | Self::DeploymentFailed
                | Self::Screened
        )
    }

    /// Permit2, and what is sponsored beside it.
    fn is_of_permit(&self) -> bool {
        matches!(
            self,
            Self::AllowanceRequired
                | Self::InvalidSpender
                | Self::ProxyNotDeployed
                | Self::InvalidOwner
                | Self::InvalidDestination
                | Self::FacilitatorMismatch
                | Self::Eip2612Format
                | Self::Eip2612FromMismatch
                | Self::Eip2612AssetMismatch
                | Self::Eip2612Spender
                | Self::Eip2612Expired
                | Self::Eip2612AmountMismatch
                | Self::ApprovalFormat
                | Self::ApprovalFromMismatch
                | Self::ApprovalAssetMismatch
                | Self::ApprovalSpender
                | Self::ApprovalTxTarget
                | Self::ApprovalTxSelector
                | Self::ApprovalTxSpender
                | Self::ApprovalTxCalldata
                | Self::ApprovalTxSigner
                | Self::ApprovalTxSignature
                | Self::ApprovalTxUndecodable
                | Self::ApprovalTxFailed
        )
    }

    /// The shape of a transaction that the payer has made.
    fn is_of_transaction(&self) -> bool {
        matches!(
            self,
            Self::UndecodableTransaction
                | Self::TransactionTrailingBytes
                | Self::TransactionNonCanonical
                | Self::TransactionVersion
                | Self::TransactionAccounts
                | Self::AddressLookupTable
                | Self::InstructionCount
                | Self::InstructionOrder
                | Self::UnknownInstruction
                | Self::SystemInstruction
                | Self::AccountCreation
                | Self::DurableNonce
                | Self::ComputeLimitInstruction
                | Self::ComputeLimitTooHigh
                | Self::ComputePriceInstruction
                | Self::ComputePriceTooHigh
                | Self::PriorityFeeTooHigh
                | Self::ComputeBudgetInstruction
                | Self::NoTransferInstruction
                | Self::ExtraTransfer
                | Self::TokenApproval
                | Self::TokenAuthority
                | Self::TokenAccountClosed
                | Self::TokenInstruction
                | Self::DecimalsMismatch
                | Self::SourceMismatch
                | Self::MissingFeePayer
                | Self::FeePayerMismatch
                | Self::FeePayerTransferring
                | Self::FeePayerExposed
                | Self::ExcessiveSigners
                | Self::MemoCount
                | Self::MemoMismatch
                | Self::MemoTooLong
                | Self::BlockhashNotFound
                | Self::SmartWalletProgram
                | Self::SmartWalletTransfer
        )
    }

    /// The payload, the offer, and whether they belong together.
    fn is_of_order(&self) -> bool {
        matches!(
            self,
            Self::InvalidScheme
                | Self::InvalidPayload
                | Self::InvalidPaymentRequirements
                | Self::ExtensionEchoMismatch
                | Self::InvalidAddress
                | Self::InvalidAmount
                | Self::AssetMismatch
                | Self::SettledOtherwise
                | Self::NoMatchingOffer
                | Self::ReplayedPayment
                | Self::TooLarge
                | Self::InvalidHeader
        )
    }
}

/// The word for an error on the wire. What has only passed us by must not be read as the payer's doing, so where the word for
/// it is ("insufficient funds", and they are the settler's own), another one goes out.
pub fn wire_reason(error: &Error) -> Code {
    let passing = matches!(error.next, Next::Later | Next::OtherRoute);
    let ours = !matches!(error.blame, Blame::Payer | Blame::Payee);
    if passing && ours && error.code.is_of_payer() { Code::SettlerUnavailable } else { error.code.clone() }
}
