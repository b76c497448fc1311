//! The `tollway` command as people and scripts use it: the real program, real chains, real money of no worth.

mod chains;
mod config;
mod demo;
mod kit;
mod pay;
mod plugins;
mod quote;
mod safety;
mod trouble;
mod world;
