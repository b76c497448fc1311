//! `tollway books`: what was paid, sold and settled, as the ledger has it.

mod read;
mod row;
mod sinks;

use crate::args::Books;
use crate::config::Config;
use crate::exit::Outcome;
use crate::setup;
use row::Row;
use sinks::{Csv, Json, Sink, Table};
use tollway::core::{ChainId, Time};

/// Which payments are asked for.
pub(crate) struct Wanted {
    since: Option<Time>,
    network: Option<ChainId>,
}

impl Wanted {
    /// A payment without a time is under way, and so of now.
    fn has(&self, row: &Row) -> bool {
        let young = self.since.is_none_or(|since| row.at.is_none_or(|at| at >= since));
        young && self.network.is_none_or(|network| network == row.network)
    }
}

pub(crate) async fn run(args: &Books) -> Outcome {
    let config = Config::read(&args.config, false)?;
    let network = args.network.as_deref().map(setup::chain).transpose()?;
    let wanted = Wanted { since: args.since, network };
    let ledger = setup::existing_ledger(&config).await?;
    let mut sink: Box<dyn Sink> = match (args.csv, args.json) {
        (true, _) => Box::new(Csv::new()?),
        (_, true) => Box::new(Json::default()),
        _ => Box::new(Table::new(args.last)),
    };
    let unread = read::all(&*ledger, &wanted, &mut *sink).await?;
    sink.end()?;
    if unread > 0 {
        eprintln!("{unread} records cannot be read by this version, and are left out");
    }
    Ok(())
}
