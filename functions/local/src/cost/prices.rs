//! The price file: list prices as exact decimals, and the assumptions that a bill is reckoned with.
//! A file that lacks a field, or has one more, is refused with the field's name.

use std::path::Path;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Deserializer, de};
use touchline_event::Scaled;

use crate::files;

/// Dollars in units of 10^-12: a GB-second costs thirteen millionths.
pub const DOLLAR_SCALE: u32 = 12;
const MAX_FILE_BYTES: usize = 1 << 20;
const BUNDLED: &str = include_str!("../../../../infra/prices.toml");

/// A price of one unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price(pub Scaled<DOLLAR_SCALE>);

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match Scaled::parse(&text) {
            Ok(price) if price.0 >= 0 => Ok(Self(price)),
            Ok(_) => Err(de::Error::custom(format!("{text} is below zero"))),
            Err(error) => Err(de::Error::custom(format!("{text}: {error}"))),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceFile {
    pub as_of: String,
    pub region: String,
    pub currency: String,
    pub prices: Prices,
    pub assumptions: Assumptions,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    pub kinesis_shard_hour: Price,
    pub kinesis_put_unit_million: Price,
    pub kinesis_fan_out_shard_hour: Price,
    pub kinesis_fan_out_gb: Price,
    pub lambda_arm_gb_second: Price,
    pub lambda_request_million: Price,
    pub dynamodb_write_million: Price,
    pub dynamodb_read_million: Price,
    pub dynamodb_gb_month: Price,
    pub s3_gb_month: Price,
    pub s3_put_thousand: Price,
    pub athena_tb: Price,
    pub logs_gb: Price,
    pub metric_month: Price,
    pub alarm_month: Price,
    pub secret_month: Price,
    pub scheduler_million: Price,
    pub step_transition_thousand: Price,
}

/// See the comments of `infra/prices.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assumptions {
    pub lanes: u64,
    pub frame_bytes_per_event: u64,
    pub raw_bytes_per_event: u64,
    pub lake_bytes_per_event: u64,
    pub pane_bytes: u64,
    pub publishes_per_lane_second: u64,
    pub shard_use_percent: u64,
    pub fan_out_consumers: u64,
    pub aggregate_invocations_per_second: u64,
    pub aggregate_memory_mb: u64,
    pub aggregate_base_ms: u64,
    pub aggregate_us_per_event: u64,
    pub archive_interval_seconds: u64,
    pub archive_memory_mb: u64,
    pub archive_base_ms: u64,
    pub archive_us_per_event: u64,
    pub archive_tables: u64,
    pub commit_interval_seconds: u64,
    pub commit_memory_mb: u64,
    pub commit_ms: u64,
    pub commit_puts: u64,
    pub finalize_interval_seconds: u64,
    pub finalize_memory_mb: u64,
    pub finalize_ms: u64,
    pub lifecycle_writes_per_pane: u64,
    pub open_panes_per_entity: u64,
    pub lane_item_percent: u64,
    pub lane_writes_per_minute: u64,
    pub poll_endpoints: u64,
    pub poll_interval_seconds: u64,
    pub poll_memory_mb: u64,
    pub poll_ms: u64,
    pub models: u64,
    pub model_window_hours: u64,
    pub viewers: u64,
    pub viewer_memory_mb: u64,
    pub log_bytes_per_invocation: u64,
    pub metrics: u64,
    pub alarms: u64,
    pub secrets: u64,
    pub ledger_days: u64,
}

impl PriceFile {
    /// The file of the user, or the one that is part of the binary.
    pub fn read(path: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = path else { return Self::parse(BUNDLED).context("the bundled prices") };
        let bytes = files::read(path, MAX_FILE_BYTES)?;
        let text = String::from_utf8(bytes).with_context(|| format!("{} is not UTF-8", path.display()))?;
        Self::parse(&text).with_context(|| format!("--prices {}", path.display()))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let file: Self = toml::from_str(text)?;
        let Assumptions {
            lanes,
            publishes_per_lane_second,
            shard_use_percent,
            aggregate_invocations_per_second,
            archive_interval_seconds,
            commit_interval_seconds,
            finalize_interval_seconds,
            poll_interval_seconds,
            ..
        } = file.assumptions;
        let divisors = [
            ("lanes", lanes),
            ("publishes_per_lane_second", publishes_per_lane_second),
            ("shard_use_percent", shard_use_percent),
            ("aggregate_invocations_per_second", aggregate_invocations_per_second),
            ("archive_interval_seconds", archive_interval_seconds),
            ("commit_interval_seconds", commit_interval_seconds),
            ("finalize_interval_seconds", finalize_interval_seconds),
            ("poll_interval_seconds", poll_interval_seconds),
        ];
        if let Some((name, _)) = divisors.iter().find(|(_, value)| *value == 0) {
            bail!("assumptions.{name} is 0; give 1 or more");
        }
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_a_wrong_field_is_refused_by_its_name() {
        assert!(PriceFile::parse(BUNDLED).is_ok());
        for (from, to, named) in [
            ("athena_tb", "athena_gb", "athena_gb"),
            ("\"5.00\"", "\"five\"", "five"),
            ("\"5.00\"", "\"-5\"", "below zero"),
            ("poll_interval_seconds = 15", "poll_interval_seconds = 0", "poll_interval_seconds is 0"),
        ] {
            let error = format!("{:#}", PriceFile::parse(&BUNDLED.replacen(from, to, 1)).unwrap_err());
            assert!(error.contains(named), "{error}");
        }
    }
}
