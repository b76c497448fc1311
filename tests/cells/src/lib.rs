//! What the tests of the cells on EVM chains share: the stands on which a scheme is put through the testkit's suite, and a
//! clock, dice and a key that count.
//!
//! | file | what is there |
//! |---|---|
//! | `cell` | [`Cell`]: all that a scheme says of itself to a stand |
//! | `sim`, `anvil` | [`OnSim`], [`OnAnvil`]: simulated chains, and a real node for each place |
//! | `data` | [`l1_data_is_as_told`]: what a settlement's bytes cost, told and real |
//! | `house`, `hostile` | [`House`]: accounts of every kind on a real chain; [`hostile`]: what those with code try |
//! | `key`, `time`, `dice` | [`CountingKey`]; [`Wall`], [`TestClock`]; [`Random`], [`TestDice`] |
//! | `noted` | a process that dies just before it sends, and the next one |

mod anvil;
mod cell;
mod data;
mod dice;
pub mod hostile;
pub mod house;
mod key;
mod noted;
mod sim;
mod time;

pub use anvil::OnAnvil;
pub use cell::{Cell, Pairs, compacted, permit2_nonce};
pub use data::{l1_data_is_as_told, noise};
pub use dice::{Random, TestDice};
pub use house::House;
pub use key::CountingKey;
pub use noted::{noted_and_never_sent, recovered};
pub use sim::OnSim;
pub use time::{TestClock, Wall};
