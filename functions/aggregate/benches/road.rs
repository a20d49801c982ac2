//! One payload's road, step by step: a thousand trades parsed, framed, read back and counted in panes.
//! `cargo bench -p touchline-aggregate`; figures are in docs/performance.md.

#![allow(clippy::unwrap_used, reason = "a benchmark stops at the first surprise")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use touchline_aggregate::{AggregateContext, WarmCache, handle};
use touchline_event::{Event, Sequence, ShardId, decode_frame, encode_frame};
use touchline_feed::{Document, Session, Source, parse};
use touchline_store::{MAX_ITEM_BYTES, MemoryStore};
use touchline_stream::{Batch, FrameLimits, Record, frames_of};
use touchline_window::WindowPolicy;

const TRADES: u64 = 1_000;
const SYMBOLS: u64 = 20;
const LANES: u16 = 64;
const FIRST_MS: u64 = 1_793_491_200_000;

/// Finnhub messages of ten trades each, six milliseconds apart, over `SYMBOLS` symbols.
fn messages() -> String {
    let mut text = String::new();
    for message in 0..TRADES / 10 {
        let trades: Vec<String> = (message * 10..message * 10 + 10)
            .map(|number| {
                let symbol = number * 7 % SYMBOLS;
                let cents = 11_800 + number * 13 % 90;
                let (time, volume) = (FIRST_MS + number * 6, 1 + number % 300);
                format!(
                    r#"{{"p":{}.{:02},"s":"SYM{symbol}","t":{time},"v":{volume},"c":["1","12"]}}"#,
                    cents / 100,
                    cents % 100
                )
            })
            .collect();
        let _ = writeln!(text, r#"{{"data":[{}],"type":"trade"}}"#, trades.join(","));
    }
    text
}

fn parsed(text: &str) -> Vec<Event> {
    let document = Document { bytes: text.as_bytes(), received_at_ms: None, origin: "bench" };
    let parsed = parse(Source::Finnhub, document, &mut Session::default());
    assert_eq!((parsed.events.len() as u64, parsed.rejects.len()), (TRADES, 0));
    parsed.events
}

fn batch(events: &[Event]) -> Batch {
    let records = frames_of("finnhub", events.to_vec(), LANES, FrameLimits::DEFAULT).unwrap();
    let records = records.into_iter().zip(1..).map(|(record, number)| Record {
        sequence: Sequence::from_u64(number),
        partition_key: record.lane.partition_key(),
        bytes: record.bytes,
    });
    Batch { shard: ShardId("shard-000".to_owned()), records: records.collect() }
}

fn context() -> AggregateContext {
    AggregateContext {
        store: Arc::new(MemoryStore::default()),
        policy: WindowPolicy::DEFAULT,
        lanes: LANES,
        puts_in_flight: 1024,
        max_item_bytes: MAX_ITEM_BYTES,
        cache: WarmCache::new(1_000),
    }
}

fn road(criterion: &mut Criterion) {
    let text = messages();
    let events = parsed(&text);
    let frame = encode_frame(&events).unwrap();
    let batch = batch(&events);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();

    let mut group = criterion.benchmark_group("road");
    group.throughput(Throughput::Elements(TRADES));
    group.bench_function("parse", |bencher| bencher.iter(|| parsed(black_box(&text))));
    group.bench_function("frame", |bencher| bencher.iter(|| encode_frame(black_box(&events)).unwrap()));
    group.bench_function("read frame", |bencher| bencher.iter(|| decode_frame(black_box(&frame)).unwrap()));
    group.bench_function("aggregate new", |bencher| {
        bencher.iter_batched(
            context,
            |context| {
                let outcome = runtime.block_on(handle(&context, black_box(&batch), || true));
                assert_eq!((outcome.applied, outcome.failed_from), (TRADES, None));
                context
            },
            BatchSize::SmallInput,
        );
    });
    group.bench_function("aggregate redelivered", |bencher| {
        let context = context();
        runtime.block_on(handle(&context, &batch, || true));
        bencher.iter(|| {
            let outcome = runtime.block_on(handle(&context, black_box(&batch), || true));
            assert_eq!((outcome.applied, outcome.redelivered), (0, TRADES));
        });
    });
    group.finish();
}

criterion_group!(benches, road);
criterion_main!(benches);
