//! Payments by Permit2 from accounts of every kind, honest and hostile, on a real local chain.

mod honest;
mod hostile;
mod house;
