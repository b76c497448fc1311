use tollway_core::{Account, Amount, ChainId, Version};

/// What a handler may know of the payment behind a request, as a request extension. There is no payload in it. What is
/// charged in the end is counted by the [`Meter`](crate::meter::Meter) beside it.
///
/// ```
/// # use tollway_http::server::PaymentInfo;
/// fn greet(request: &http::Request<String>) -> String {
///     match request.extensions().get::<PaymentInfo>().and_then(|paid| paid.payer) {
///         Some(payer) => format!("hello {payer}"),
///         None => "hello".to_owned(),
///     }
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PaymentInfo {
    /// Who pays, where the payload says so.
    pub payer: Option<Account>,
    /// The most that may be charged; for all but metered schemes, what will be.
    pub amount: Amount,
    /// Where.
    pub network: ChainId,
    /// Which of the offers that are made now was chosen; `None` for one that was shown before and still stands.
    pub requirement: Option<usize>,
    /// The protocol version that the buyer speaks.
    pub version: Version,
}
