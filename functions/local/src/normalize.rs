//! `touchline normalize`: vendor files to canonical events on standard output, rejects beside them.
//! NORM-1: exit 0 when every record was accounted for, 2 when a file cannot be read or is not of that vendor at all.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use serde::Serialize;
use touchline_feed::{Document, MAX_DOCUMENT_BYTES, Parsed, Reject, RejectReason, Session, Source, parse};

use crate::cli::NormalizeArgs;
use crate::files;

#[derive(Default)]
struct Totals {
    events: u64,
    rejects: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct RejectLine<'a> {
    file: &'a str,
    #[serde(flatten)]
    reject: &'a Reject,
}

/// The source of a name, or an error that lists them.
pub fn source_of(name: &str) -> anyhow::Result<Source> {
    Source::from_name(name)
        .ok_or_else(|| anyhow!("--source {name} is unknown; supported: {}", Source::supported_names()))
}

/// Normalises every file; a bad one does not stop the others.
pub fn run(args: &NormalizeArgs) -> anyhow::Result<ExitCode> {
    let source = source_of(&args.source)?;
    let mut out = BufWriter::with_capacity(1 << 20, std::io::stdout().lock());
    let mut rejects: Box<dyn Write> = match &args.rejects {
        Some(path) => Box::new(BufWriter::new(
            File::create(path).with_context(|| format!("--rejects {} cannot be created", path.display()))?,
        )),
        None => Box::new(std::io::stderr().lock()),
    };
    let mut totals = Totals::default();
    // Files given together share what is known of their games: the one that describes a game comes first.
    let mut session = Session::default();
    let mut is_refused = false;
    for path in &args.files {
        session.renew();
        match normalize(source, path, &mut session, &mut out, &mut rejects, &mut totals) {
            Ok(is_of_vendor) => is_refused |= !is_of_vendor,
            // A closed pipe is the reader's decision, not a failure of the file.
            Err(error) if is_broken_pipe(&error) => return Ok(ExitCode::SUCCESS),
            Err(error) => {
                eprintln!("touchline: {error:#}");
                is_refused = true;
            }
        }
    }
    out.flush().or_else(|error| if error.kind() == std::io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })?;
    rejects.flush()?;
    drop(rejects);
    eprintln!("{} events, {} rejects, {} bytes", totals.events, totals.rejects, totals.bytes);
    Ok(if is_refused { ExitCode::from(2) } else { ExitCode::SUCCESS })
}

fn normalize(
    source: Source,
    path: &Path,
    session: &mut Session,
    out: &mut impl Write,
    rejects: &mut dyn Write,
    totals: &mut Totals,
) -> anyhow::Result<bool> {
    let bytes = files::read(path, MAX_DOCUMENT_BYTES)?;
    let name = path.display().to_string();
    let document = Document { bytes: &bytes, received_at_ms: None, origin: &name };
    let parsed = parse(source, document, session);
    totals.bytes += bytes.len() as u64;
    totals.events += parsed.events.len() as u64;
    totals.rejects += parsed.rejects.len() as u64;
    for event in &parsed.events {
        serde_json::to_writer(&mut *out, event)?;
        out.write_all(b"\n")?;
    }
    for reject in &parsed.rejects {
        serde_json::to_writer(&mut *rejects, &RejectLine { file: &name, reject })?;
        rejects.write_all(b"\n")?;
    }
    Ok(is_of_vendor(&parsed))
}

/// A file that gave nothing and was refused whole is of another vendor, or no data at all.
fn is_of_vendor(parsed: &Parsed) -> bool {
    let is_foreign = |reject: &Reject| {
        matches!(reject.reason, RejectReason::WrongVendor | RejectReason::NotJson | RejectReason::BadUtf8)
    };
    !parsed.events.is_empty() || !parsed.rejects.iter().any(is_foreign)
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<std::io::Error>();
        let json = cause.downcast_ref::<serde_json::Error>();
        io.is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
            || json.is_some_and(|json| json.io_error_kind() == Some(std::io::ErrorKind::BrokenPipe))
    })
}
