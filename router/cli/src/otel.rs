//! Spans of payments to an OpenTelemetry collector, over HTTP. On where `OTEL_EXPORTER_OTLP_ENDPOINT` is set; the other
//! variables of that name are read as its specification says.

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

/// The variable that switches it on.
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// Where spans go. Dropped, it sends what is left.
pub(crate) struct Collector(SdkTracerProvider);

impl Drop for Collector {
    fn drop(&mut self) {
        if let Err(e) = self.0.shutdown() {
            eprintln!("some spans did not reach the collector: {e}");
        }
    }
}

/// The layer that hands spans on, and what keeps it going; neither where no collector is named.
pub(crate) fn start<S>() -> (Option<impl Layer<S>>, Option<Collector>)
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    if std::env::var_os(ENDPOINT).is_none_or(|value| value.is_empty()) {
        return (None, None);
    }
    let exporter = match SpanExporter::builder().with_http().build() {
        Ok(exporter) => exporter,
        Err(e) => {
            eprintln!("going on without a collector: {e}");
            return (None, None);
        }
    };
    let named = Resource::builder().with_service_name("tollway").build();
    let provider = SdkTracerProvider::builder().with_resource(named).with_batch_exporter(exporter).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("tollway"));
    (Some(layer.with_filter(filter_fn(ours))), Some(Collector(provider)))
}

/// Our own spans and what happens in them. Others log what they send.
fn ours(line: &Metadata<'_>) -> bool {
    *line.level() <= Level::INFO && line.target().starts_with("tollway")
}
