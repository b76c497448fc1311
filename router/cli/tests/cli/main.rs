//! The `tollway` command as people and scripts use it: the real program, real chains, real money of no worth.

mod books;
mod chains;
mod config;
mod demo;
mod doctor;
mod doctor_postgres;
mod keys;
mod kit;
mod logs;
mod metrics;
mod pay;
mod plugins;
mod policies;
mod pool;
mod quote;
mod safety;
mod shared;
mod stop;
mod trouble;
mod world;
