//! Payments from accounts of every kind, honest and hostile, on a real local chain.

mod deployed;
mod forms;
mod hostile;
mod house;
