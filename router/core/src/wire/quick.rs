//! A plain challenge in one pass, see [`Scan`](super::scan::Scan). What it reads, serde reads alike, to the byte.

use super::requirement::{Said, Same, understand};
use super::scan::Scan;
use super::{ACCEPTS_MAX, scan};
use crate::{Challenge, Code, Entry, Extra, Family, Json, Version};

/// Few entries are shorter: room is made for one per so many bytes.
const ENTRY_BYTES: usize = 160;

/// The deepest that a challenge read here can nest: the object, its list, an entry, and what is skipped in it.
pub(super) const DEPTH: usize = scan::DEPTH_MAX.saturating_add(3);

/// An entry as it stands: where, and what its fields say.
struct Found<'t> {
    start: usize,
    end: usize,
    fields: Fields<'t>,
}

#[derive(Default)]
struct Fields<'t> {
    scheme: Option<&'t str>,
    network: Option<&'t str>,
    amount: Option<&'t str>,
    max_amount_required: Option<&'t str>,
    asset: Option<&'t str>,
    pay_to: Option<&'t str>,
    timeout_s: Option<u64>,
    extra: Option<(usize, &'t str)>,
}

#[derive(Default)]
struct Whole<'t> {
    version: Option<u64>,
    accepts: Option<Vec<Found<'t>>>,
    error: Option<Option<&'t str>>,
    resource: Option<(usize, &'t str)>,
    extensions: Option<(usize, &'t str)>,
}

/// `None` for whatever is not as plain as challenges are, most of them.
pub(super) fn read(raw: &Json, families: &[Family]) -> Option<Challenge> {
    let mut scan = Scan::begin(raw.as_str())?;
    let mut whole = Whole::default();
    scan.object(|scan, key| whole.take(scan, key))?;
    scan.end()?;
    let version = Version::try_from(u8::try_from(whole.version?).ok()?).ok()?;
    let found = whole.accepts.unwrap_or_default();
    let (mut accepts, mut same) = (Vec::with_capacity(found.len()), Same::default());
    for Found { start, end, fields } in found {
        let entry = raw.part(start, end)?;
        let said = fields.said(raw, version)?;
        accepts
            .push(Entry { requirement: understand(said, &entry, version, families, &mut same), raw: entry });
    }
    Some(Challenge {
        version,
        accepts,
        resource: part(raw, whole.resource),
        extensions: part(raw, whole.extensions),
        error: whole.error.flatten().map(Code::from_wire),
    })
}

impl<'t> Whole<'t> {
    fn take(&mut self, scan: &mut Scan<'t>, key: &str) -> Option<()> {
        match key {
            "x402Version" => once(&mut self.version, scan.number()?),
            "accepts" => {
                let mut found = Vec::with_capacity((scan.rest() / ENTRY_BYTES).min(ACCEPTS_MAX));
                scan.list(|scan| {
                    let (start, mut fields) = (scan.at(), Fields::default());
                    scan.object(|scan, key| fields.take(scan, key))?;
                    found.push(Found { start, end: scan.at(), fields });
                    (found.len() <= ACCEPTS_MAX).then_some(())
                })?;
                once(&mut self.accepts, found)
            }
            "error" => once(&mut self.error, scan.string_or_null()?),
            "resource" => once(&mut self.resource, (scan.at(), scan.value()?)),
            "extensions" => once(&mut self.extensions, (scan.at(), scan.value()?)),
            _ => scan.value().map(drop),
        }
    }
}

impl<'t> Fields<'t> {
    fn take(&mut self, scan: &mut Scan<'t>, key: &str) -> Option<()> {
        match key {
            "scheme" => once(&mut self.scheme, scan.string()?),
            "network" => once(&mut self.network, scan.string()?),
            "amount" => once(&mut self.amount, scan.string()?),
            "maxAmountRequired" => once(&mut self.max_amount_required, scan.string()?),
            "asset" => once(&mut self.asset, scan.long_string()?),
            "payTo" => once(&mut self.pay_to, scan.long_string()?),
            "maxTimeoutSeconds" => once(&mut self.timeout_s, scan.number()?),
            "extra" => once(&mut self.extra, (scan.at(), scan.value()?)),
            _ => scan.value().map(drop),
        }
    }

    fn said(&self, raw: &Json, version: Version) -> Option<Said<'t>> {
        let amount = match version {
            Version::V1 => self.max_amount_required.or(self.amount),
            Version::V2 => self.amount.or(self.max_amount_required),
        };
        Some(Said {
            scheme: self.scheme?,
            network: self.network?,
            amount,
            asset: self.asset?,
            pay_to: self.pay_to?,
            timeout_s: self.timeout_s?,
            extra: part(raw, self.extra).map_or_else(Extra::default, Extra),
        })
    }
}

/// A key that comes twice is left to serde, which refuses it.
fn once<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.is_none().then_some(())?;
    *place = Some(value);
    Some(())
}

/// `null` is as good as nothing.
fn part(raw: &Json, part: Option<(usize, &str)>) -> Option<Json> {
    let (start, text) = part.filter(|(_, text)| *text != "null")?;
    raw.part(start, start.checked_add(text.len())?)
}
