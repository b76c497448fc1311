use crate::codec::Limits;

/// What to do with a request body that cannot be sent twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Streaming {
    /// Send it once; if the server then asks for a payment, that is [`tollway_core::Code::BodyNotReplayable`] and
    /// nothing is paid. The default: what is free works as with any other client.
    #[default]
    Once,
    /// Refuse it before anything is sent.
    Refuse,
    /// Read up to so many bytes into memory first; what is longer is refused before anything is sent.
    Buffer(usize),
}

/// How patient and how strict a paying client is. All times are in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientSettings {
    /// How long the request without a payment may take until its answer's head, redirects included. Default 30 s:
    /// what most clients and proxies wait.
    pub first_timeout_ms: u64,
    /// How long each sending of a paid request may take until its answer's head. Default 30 s: a seller settles
    /// before it answers, which takes a block, and the slow mainnets make one in 12 s.
    pub paid_timeout_ms: u64,
    /// How long one signature is sent again at most, counted from its first sending; the entry's own
    /// `maxTimeoutSeconds` bounds it too. Default 75 s: two full attempts and the waits between.
    pub paid_total_ms: u64,
    /// How long the body of a 402, or of an answer that has to be looked into, may take. Default 5 s: these bodies
    /// are small, and the payer waits.
    pub body_timeout_ms: u64,
    /// How often the very same paid bytes are sent again when no answer came. Default 2.
    pub resends: u8,
    /// The wait before sending again; doubles each time. Default 250 ms.
    pub backoff_ms: u64,
    /// How often a server that still works on the payment (`payment_in_flight`) is asked again. Default 5.
    pub in_flight_waits: u8,
    /// The longest `Retry-After` that is waited for. Default 5 s.
    pub retry_after_max_ms: u64,
    /// How many redirects are followed on the way to an answer, without a payment. Default 5. The tower layer
    /// follows none.
    pub redirects: u8,
    /// True when a request that was paid for and brought nothing (no answer, an error, an open outcome) is paid with
    /// the very same payment when it is asked again, and not with a new signature. Default true; requests are told apart
    /// by method, address, headers and body. Set it to false where two such requests are always meant as two purchases.
    pub resume: bool,
    /// What to do with a body that cannot be sent twice. The tower layer takes none.
    pub streaming: Streaming,
    /// True when payments may go over plain HTTP to other machines, where anybody on the way can read and use them.
    /// Default false; loopback is always allowed.
    pub plain_http: bool,
    /// How much is read of headers and bodies.
    pub limits: Limits,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            first_timeout_ms: 30_000,
            paid_timeout_ms: 30_000,
            paid_total_ms: 75_000,
            body_timeout_ms: 5_000,
            resends: 2,
            backoff_ms: 250,
            in_flight_waits: 5,
            retry_after_max_ms: 5_000,
            redirects: 5,
            resume: true,
            streaming: Streaming::Once,
            plain_http: false,
            limits: Limits::DEFAULT,
        }
    }
}
