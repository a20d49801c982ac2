//! The bill: one line per thing that costs, each with its arithmetic. Money is exact until it is printed.
//! COST-1: a line names the inputs it depends on; a test changes each input and sees exactly those lines move.

use super::load::Load;
use super::prices::{Assumptions, DOLLAR_SCALE, Price, PriceFile};
use super::traffic::Traffic;

const GIB: u128 = 1 << 30;
const MONTH_DAYS: u128 = 30;
const MILLION: u128 = 1_000_000;

/// What a line may depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    Rate,
    Hours,
    Days,
    Layout,
}

/// Dollars in units of 10^-12.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Dollars(pub u128);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub component: &'static str,
    pub arithmetic: String,
    /// What the arithmetic is multiplied with: `0.015 an hour`.
    pub price: String,
    pub amount: Dollars,
    pub inputs: &'static [Input],
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bill {
    pub events: u64,
    pub traffic: Traffic,
    pub lines: Vec<Line>,
}

/// `numerator / denominator` units at a price, rounded to the nearest 10^-12.
fn at(price: Price, numerator: u128, denominator: u128) -> Dollars {
    Dollars((price.0.0.unsigned_abs() as u128 * numerator + denominator / 2) / denominator)
}

fn each(price: Price, unit: &str) -> String {
    format!("{} {unit}", price.0)
}

impl Dollars {
    /// With cents, and more digits where cents would show nothing.
    pub fn text(self) -> String {
        let one = 10_u128.pow(DOLLAR_SCALE);
        let decimals = if self.0 * 100 < one && self.0 > 0 { 4 } else { 2 };
        let unit = 10_u128.pow(DOLLAR_SCALE - decimals);
        let rounded = (self.0 + unit / 2) / unit;
        let base = 10_u128.pow(decimals);
        format!("{}.{:0width$}", rounded / base, rounded % base, width = decimals as usize)
    }
}

impl Bill {
    pub fn of(load: Load, file: &PriceFile) -> Self {
        let traffic = Traffic::of(load, &file.assumptions);
        let mut lines = stream(load, &traffic, file);
        lines.extend(functions(load, &traffic, file));
        lines.extend(panes(load, &traffic, file));
        lines.extend(stored(load, &traffic, file));
        lines.extend(standing(load, file));
        Self { events: traffic.events, traffic, lines }
    }

    pub fn total(&self) -> Dollars {
        Dollars(self.lines.iter().map(|line| line.amount.0).sum())
    }

    pub fn per_million_events(&self) -> Dollars {
        Dollars(self.total().0 * MILLION / u128::from(self.events.max(1)))
    }
}

/// Writes that count events and units of all writes to panes, for a thousand events, with one decimal.
pub fn writes_per_thousand(traffic: &Traffic) -> (String, String) {
    let tenths = |count: u64| {
        let tenths = (u128::from(count) * 10_000).div_ceil(u128::from(traffic.events.max(1)));
        format!("{}.{}", tenths / 10, tenths % 10)
    };
    let units = traffic.pane_writes * traffic.units_per_pane_write + traffic.lifecycle_units;
    (tenths(traffic.pane_writes), tenths(units))
}

fn stream(load: Load, traffic: &Traffic, file: &PriceFile) -> Vec<Line> {
    let PriceFile { prices, assumptions: assumed, .. } = file;
    let Traffic { shards, frames, put_units, .. } = *traffic;
    let shard_hours = u128::from(shards * load.hours);
    let consumers = assumed.fan_out_consumers;
    let read_bytes = u128::from(traffic.events * assumed.frame_bytes_per_event * consumers);
    vec![
        Line {
            component: "stream: shards",
            arithmetic: format!("{shards} shards x {} h", load.hours),
            price: each(prices.kinesis_shard_hour, "an hour"),
            amount: at(prices.kinesis_shard_hour, shard_hours, 1),
            inputs: &[Input::Rate, Input::Hours],
        },
        Line {
            component: "stream: records in",
            arithmetic: format!("{frames} frames = {put_units} units of 25 KiB"),
            price: each(prices.kinesis_put_unit_million, "a million"),
            amount: at(prices.kinesis_put_unit_million, put_units.into(), MILLION),
            inputs: &[Input::Rate, Input::Hours],
        },
        Line {
            component: "stream: fan-out",
            arithmetic: format!("{consumers} consumers x {shards} shards x {} h", load.hours),
            price: each(prices.kinesis_fan_out_shard_hour, "an hour"),
            amount: at(prices.kinesis_fan_out_shard_hour, shard_hours * u128::from(consumers), 1),
            inputs: &[Input::Rate, Input::Hours],
        },
        Line {
            component: "stream: bytes out",
            arithmetic: format!("{} for {consumers} consumers", gigabytes(read_bytes)),
            price: each(prices.kinesis_fan_out_gb, "a GiB"),
            amount: at(prices.kinesis_fan_out_gb, read_bytes, GIB),
            inputs: &[Input::Rate, Input::Hours],
        },
    ]
}

/// One deployed function's share.
struct Running {
    component: &'static str,
    invocations: u64,
    memory_mb: u64,
    /// Over all invocations.
    total_us: u128,
    inputs: &'static [Input],
}

impl Running {
    fn line(&self, file: &PriceFile) -> Line {
        let prices = &file.prices;
        let requests = at(prices.lambda_request_million, self.invocations.into(), MILLION);
        // Megabytes and microseconds to gigabytes and seconds.
        let compute = at(prices.lambda_arm_gb_second, self.total_us * u128::from(self.memory_mb), 1024 * MILLION);
        let mean_ms = self.total_us / u128::from(self.invocations.max(1)) / 1000;
        Line {
            component: self.component,
            arithmetic: format!("{} invocations x {mean_ms} ms x {} MB", self.invocations, self.memory_mb),
            price: format!(
                "{} a GB-second, {} a million",
                prices.lambda_arm_gb_second.0, prices.lambda_request_million.0
            ),
            amount: Dollars(requests.0 + compute.0),
            inputs: self.inputs,
        }
    }
}

fn functions(load: Load, traffic: &Traffic, file: &PriceFile) -> Vec<Line> {
    let running = running(load, traffic, &file.assumptions);
    let invocations: u64 = running.iter().map(|function| function.invocations).sum();
    let log_bytes = u128::from(invocations) * u128::from(file.assumptions.log_bytes_per_invocation);
    let mut lines: Vec<Line> = running.iter().map(|function| function.line(file)).collect();
    let polls = running.first().map_or(0, |poll| poll.invocations);
    lines.push(Line {
        component: "schedules",
        arithmetic: format!("{polls} polls"),
        price: each(file.prices.scheduler_million, "a million"),
        amount: at(file.prices.scheduler_million, polls.into(), MILLION),
        inputs: &[Input::Hours],
    });
    lines.push(Line {
        component: "logs",
        arithmetic: format!("{invocations} invocations = {}", gigabytes(log_bytes)),
        price: each(file.prices.logs_gb, "a GiB"),
        amount: at(file.prices.logs_gb, log_bytes, GIB),
        inputs: &[Input::Rate, Input::Hours],
    });
    lines
}

fn running(load: Load, traffic: &Traffic, assumed: &Assumptions) -> Vec<Running> {
    let times = |count: u64, each_ms: u64| u128::from(count) * u128::from(each_ms) * 1000;
    let per_event = |each_us: u64| u128::from(traffic.events) * u128::from(each_us);
    let polls = traffic.seconds / assumed.poll_interval_seconds * assumed.poll_endpoints;
    let archives = traffic.seconds / assumed.archive_interval_seconds * traffic.shards;
    let commits = traffic.seconds / assumed.commit_interval_seconds;
    let looks = traffic.seconds / assumed.finalize_interval_seconds;
    let viewer_hours = assumed.viewers * load.hours;
    vec![
        Running {
            component: "function: poll",
            invocations: polls,
            memory_mb: assumed.poll_memory_mb,
            total_us: times(polls, assumed.poll_ms),
            inputs: &[Input::Hours],
        },
        Running {
            component: "function: aggregate",
            invocations: traffic.aggregations,
            memory_mb: assumed.aggregate_memory_mb,
            total_us: times(traffic.aggregations, assumed.aggregate_base_ms)
                + per_event(assumed.aggregate_us_per_event),
            inputs: &[Input::Rate, Input::Hours],
        },
        Running {
            component: "function: archive",
            invocations: archives,
            memory_mb: assumed.archive_memory_mb,
            total_us: times(archives, assumed.archive_base_ms) + per_event(assumed.archive_us_per_event),
            inputs: &[Input::Rate, Input::Hours],
        },
        Running {
            component: "function: commit",
            invocations: commits,
            memory_mb: assumed.commit_memory_mb,
            total_us: times(commits, assumed.commit_ms),
            inputs: &[Input::Hours],
        },
        Running {
            component: "function: finalize",
            invocations: looks,
            memory_mb: assumed.finalize_memory_mb,
            total_us: times(looks, assumed.finalize_ms),
            inputs: &[Input::Hours],
        },
        Running {
            component: "function: api, live feed",
            // A streamed answer runs for as long as somebody watches; it is renewed every quarter of an hour.
            invocations: viewer_hours * 4,
            memory_mb: assumed.viewer_memory_mb,
            total_us: times(viewer_hours, 3_600_000),
            inputs: &[Input::Hours],
        },
    ]
}

fn panes(load: Load, traffic: &Traffic, file: &PriceFile) -> Vec<Line> {
    let PriceFile { prices, assumptions: assumed, .. } = file;
    let Traffic { pane_writes, units_per_pane_write, lifecycle_units, .. } = *traffic;
    let writes = pane_writes * units_per_pane_write + lifecycle_units;
    let table_bytes = u128::from(traffic.panes * assumed.pane_bytes);
    // Panes live until they are sealed and a while after.
    let table_days = u128::from(load.days.min(assumed.ledger_days));
    vec![
        Line {
            component: "panes: writes",
            arithmetic: format!(
                "{pane_writes} updates x {units_per_pane_write} + {lifecycle_units} of lifecycle = {writes} units"
            ),
            price: each(prices.dynamodb_write_million, "a million"),
            amount: at(prices.dynamodb_write_million, writes.into(), MILLION),
            inputs: &[Input::Rate, Input::Hours, Input::Layout],
        },
        Line {
            component: "live proof: writes",
            arithmetic: format!("{} lanes met by aggregations", traffic.proof_writes),
            price: each(prices.dynamodb_write_million, "a million"),
            amount: at(prices.dynamodb_write_million, traffic.proof_writes.into(), MILLION),
            inputs: &[Input::Rate, Input::Hours],
        },
        Line {
            component: "panes: reads",
            arithmetic: format!("{} of {} panes", traffic.pane_reads, traffic.panes),
            price: each(prices.dynamodb_read_million, "a million"),
            amount: at(prices.dynamodb_read_million, traffic.pane_reads.into(), MILLION),
            inputs: &[Input::Rate, Input::Hours, Input::Layout],
        },
        Line {
            component: "panes: kept",
            arithmetic: format!("{} for {table_days} days", gigabytes(table_bytes)),
            price: each(prices.dynamodb_gb_month, "a GiB and month"),
            amount: at(prices.dynamodb_gb_month, table_bytes * table_days, GIB * MONTH_DAYS),
            inputs: &[Input::Rate, Input::Hours, Input::Days],
        },
    ]
}

fn stored(load: Load, traffic: &Traffic, file: &PriceFile) -> Vec<Line> {
    let PriceFile { prices, assumptions: assumed, .. } = file;
    let lake_bytes =
        u128::from(traffic.events) * u128::from(assumed.raw_bytes_per_event + assumed.lake_bytes_per_event);
    let polls = traffic.seconds / assumed.poll_interval_seconds * assumed.poll_endpoints;
    let archived = traffic.seconds / assumed.archive_interval_seconds * traffic.shards * assumed.archive_tables;
    let puts = polls + archived + traffic.seconds / assumed.commit_interval_seconds * assumed.commit_puts;
    let hour_bytes = u128::from(load.events_per_second * 3600 * assumed.lake_bytes_per_event);
    let scanned = hour_bytes * u128::from(assumed.model_window_hours * assumed.models * load.hours);
    let transitions = load.hours * assumed.models;
    vec![
        Line {
            component: "lake: requests",
            arithmetic: format!("{polls} payloads, {archived} files, commits = {puts} puts"),
            price: each(prices.s3_put_thousand, "a thousand"),
            amount: at(prices.s3_put_thousand, puts.into(), 1000),
            inputs: &[Input::Rate, Input::Hours],
        },
        Line {
            component: "lake: kept",
            arithmetic: format!("{} for {} days", gigabytes(lake_bytes), load.days),
            price: each(prices.s3_gb_month, "a GiB and month"),
            amount: at(prices.s3_gb_month, lake_bytes * u128::from(load.days), GIB * MONTH_DAYS),
            inputs: &[Input::Rate, Input::Hours, Input::Days],
        },
        Line {
            component: "warehouse: scans",
            arithmetic: format!("{} by {} models every hour", gigabytes(scanned), assumed.models),
            price: each(prices.athena_tb, "a TiB"),
            amount: at(prices.athena_tb, scanned, GIB * 1024),
            inputs: &[Input::Rate, Input::Hours],
        },
        Line {
            component: "warehouse: steps",
            arithmetic: format!("{transitions} transitions"),
            price: each(prices.step_transition_thousand, "a thousand"),
            amount: at(prices.step_transition_thousand, transitions.into(), 1000),
            inputs: &[Input::Hours],
        },
    ]
}

fn standing(load: Load, file: &PriceFile) -> Vec<Line> {
    let PriceFile { prices, assumptions: assumed, .. } = file;
    let line = |component, count: u64, noun: &str, price| Line {
        component,
        arithmetic: format!("{count} {noun} x {} days of {MONTH_DAYS}", load.days),
        price: each(price, "a month"),
        amount: at(price, u128::from(count * load.days), MONTH_DAYS),
        inputs: &[Input::Days],
    };
    vec![
        line("standing: metrics", assumed.metrics, "metrics", prices.metric_month),
        line("standing: alarms", assumed.alarms, "alarms", prices.alarm_month),
        line("standing: secrets", assumed.secrets, "secrets", prices.secret_month),
    ]
}

fn gigabytes(bytes: u128) -> String {
    let hundredths = (bytes * 100 + GIB / 2) / GIB;
    format!("{}.{:02} GiB", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::load::NamedLoad;
    use touchline_store::PaneLayout;

    fn amounts(load: Load) -> Vec<(Line, u128)> {
        let file = PriceFile::read(None).unwrap();
        Bill::of(load, &file).lines.into_iter().map(|line| (line.clone(), line.amount.0)).collect()
    }

    #[test]
    fn every_line_moves_with_its_inputs_and_with_no_other() {
        // So many entities that more events still meet more of them.
        let load = Load { days: 10, entities: 1_000_000, ..NamedLoad::Sustained.load() };
        let changes = [
            (Input::Rate, Load { events_per_second: load.events_per_second * 3, ..load }),
            (Input::Hours, Load { hours: load.hours * 3, ..load }),
            (Input::Days, Load { days: load.days * 3, ..load }),
            (Input::Layout, Load { layout: PaneLayout::Lane, ..load }),
        ];
        for (input, changed) in changes {
            for ((line, before), (_, after)) in amounts(load).into_iter().zip(amounts(changed)) {
                let depends = line.inputs.contains(&input);
                // More of anything costs more; another layout may cost less.
                let has_moved = if input == Input::Layout { before != after } else { before < after };
                assert_eq!(has_moved, depends, "{} and {input:?}: {before} -> {after}", line.component);
                assert_eq!(before == after, !depends, "{} and {input:?}", line.component);
            }
        }
    }

    #[test]
    fn a_bill_is_its_arithmetic() {
        let file = PriceFile::read(None).unwrap();
        let load = Load { events_per_second: 10_000, hours: 1, days: 1, entities: 1_000, layout: PaneLayout::Pane };
        let bill = Bill::of(load, &file);
        let amount =
            |component: &str| bill.lines.iter().find(|line| line.component == component).unwrap().amount.text();
        // 10,000 x 60 B = 600 kB a second on shards of half a MiB; 64 frames a second of one unit; 36 million events.
        assert_eq!(amount("stream: shards"), "0.03");
        assert_eq!(amount("stream: fan-out"), "0.06");
        assert_eq!(amount("stream: records in"), "0.0032");
        // 10 invocations a second x 15 ms + 6 us an event, 512 MB: 378 GB-seconds and 36,000 requests.
        assert_eq!(amount("function: aggregate"), "0.01");
        assert_eq!(bill.total().0, bill.lines.iter().map(|line| line.amount.0).sum::<u128>());
        assert_eq!(bill.events, 36_000_000);
        assert_eq!(Dollars(1_234_567_890_123).text(), "1.23");
        assert_eq!(Dollars(5_123_456_789).text(), "0.0051");
        assert_eq!(Dollars(0).text(), "0.00");
    }
}
