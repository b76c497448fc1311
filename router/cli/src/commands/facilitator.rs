//! `tollway facilitator`: verifies and settles for others.

use super::stopped;
use crate::args::Facilitator as Args;
use crate::config::Config;
use crate::exit::{Failure, Outcome};
use crate::{metrics, out, remotes, safety, setup};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tollway::core::Role;
use tollway::core::ledger::Leases;
use tollway::route::pool::Pool;

pub(crate) async fn run(args: &Args) -> Outcome {
    let config = Config::read(&args.config, args.mainnet)?;
    if config.settlers.0.is_empty() && config.remotes.is_empty() {
        return Err(Failure::usage(
            "neither a [[settler]] key nor a [[remote]] is configured: a facilitator needs a key to send from, or \
             others to settle through",
        ));
    }
    let serving = &config.facilitator;
    let keys = safety::keys(serving)?;
    let recording = metrics::start(&config).await?;
    let house = setup::house(&config, &[Role::Settler]).await?;
    let guard = safety::guard(&config, &house)?;
    let mut builder = house.facilitator().settings(safety::settings(serving)).guard(guard);
    let pool = remotes::pool(&config, &house)?;
    if let Some(pool) = &pool {
        builder = builder.settled_by(Arc::<Pool>::clone(pool));
    }
    match keys {
        Some(keys) => builder = builder.keys(keys),
        None => eprintln!("serves everybody who reaches {}, as one caller", serving.listen),
    }
    let facilitator = builder.build()?;
    facilitator.recover().await?;
    let at = serving.listen;
    let listener = tokio::net::TcpListener::bind(at)
        .await
        .map_err(|e| Failure::usage(format!("cannot listen on {at}: {e}")))?;
    let at = listener.local_addr().map_err(Failure::failed)?;
    // One line on stdout when it is ready, for scripts that wait for it.
    out::line(format_args!("listening on http://{at}"))?;
    for cell in house.registry().cells() {
        eprintln!("settles {} on {}", cell.id, cell.chain);
    }
    for remote in &config.remotes {
        eprintln!("settles through {}", remotes::shown(&remote.url));
    }
    let (senders, house) = (setup::senders(&config)?, Arc::new(house));
    let (over, taken) = (house.leases().cloned(), Arc::new(AtomicBool::new(false)));
    let stopped = stopped_or_over(over, Arc::clone(&taken));
    let served = metrics::serve(recording, &facilitator, &house, senders, listener, stopped);
    served.await.map_err(Failure::failed)?;
    match taken.load(Ordering::SeqCst) {
        true => Err(Failure::failed("another facilitator has taken over from this one: start it again")),
        false => Ok(()),
    }
}

/// Resolves when it is told to end, or when another has taken over: then it can write nothing down any more, and so settle
/// nothing. Whoever watches over it starts it again, as another life.
async fn stopped_or_over(leases: Option<Arc<dyn Leases>>, taken: Arc<AtomicBool>) {
    let Some(leases) = leases else { return stopped().await };
    let over = async {
        while !leases.is_over() {
            let seen = leases.revision();
            if !leases.is_over() {
                leases.changed(seen).await;
            }
        }
    };
    tokio::select! {
        () = stopped() => {}
        () = over => taken.store(true, Ordering::SeqCst),
    }
}
