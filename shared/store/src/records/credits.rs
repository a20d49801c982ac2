//! What a vendor still lets us ask: `credits` / source -> the account of the running period.
//! CRD-1: what a poll costs is claimed before it goes out; what the vendor then says is believed.
//! CRD-2: the reserve is touched by closing captures alone; a claim that does not fit is refused with its reason, and counted.
//! CRD-3: of our own budget and the vendor's remainder the smaller one counts.

use serde::{Deserialize, Serialize};
use touchline_event::{format_utc_ms, parse_utc_ms};

use super::{decode, encode, walk};
use crate::{ItemKey, ItemStore, ItemWrite, PutOutcome, StoreError};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// A forecast from less than this share of the period says nothing.
const FORECAST_SHARE: i64 = 1000;

/// How long an allowance lasts; all begin on UTC boundaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CreditPeriod {
    Hour,
    Day,
    #[default]
    Month,
}

impl CreditPeriod {
    /// The period that holds an instant: its start, and the next one's.
    fn bounds(self, now_ms: i64) -> (i64, i64) {
        match self {
            Self::Hour => (now_ms - now_ms.rem_euclid(HOUR_MS), now_ms - now_ms.rem_euclid(HOUR_MS) + HOUR_MS),
            Self::Day => (now_ms - now_ms.rem_euclid(DAY_MS), now_ms - now_ms.rem_euclid(DAY_MS) + DAY_MS),
            Self::Month => {
                let first = |ms: i64| parse_utc_ms(&format!("{}-01T00:00:00Z", &format_utc_ms(ms)[..7])).unwrap_or(ms);
                let start_ms = first(now_ms);
                // No month has more than 31 days, and none less than 28.
                (start_ms, first(start_ms + 31 * DAY_MS + HOUR_MS))
            }
        }
    }

    /// The word in sentences.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
        }
    }
}

/// What we may spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CreditPlan {
    pub credits: u64,
    pub period: CreditPeriod,
    /// Kept for closing captures.
    pub reserve: u64,
}

/// What a vendor's answer says about the account; absent what it does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VendorCredits {
    pub used: Option<u64>,
    pub remaining: Option<u64>,
    /// What this answer cost.
    pub last: Option<u64>,
}

/// Why a poll is not paid for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditRefusal {
    pub reason: String,
    /// When it is worth asking again.
    pub not_before_ms: i64,
}

/// The account of a period.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CreditLedger {
    pub plan: CreditPlan,
    pub period_start_ms: i64,
    pub period_end_ms: i64,
    /// Spent in this period, by the vendor's word or, until it says one, by ours.
    pub used: u64,
    /// What the vendor says is left, less what was claimed since.
    pub vendor_remaining: Option<u64>,
    /// Where the account stood when this period was first seen.
    pub first_at_ms: i64,
    pub first_used: u64,
    pub refused_count: u64,
    pub last_refusal: Option<String>,
    /// The vendor asked for a pause.
    pub paused_until_ms: i64,
    /// The least that was ever left in this period.
    pub lowest_left: Option<u64>,
}

impl CreditLedger {
    /// What may still be spent, the reserve included.
    pub fn left(&self) -> u64 {
        let own = self.plan.credits.saturating_sub(self.used);
        self.vendor_remaining.map_or(own, |remaining| remaining.min(own))
    }

    /// Credits that will have been used at the end of the period if it goes on like this; `None` while nobody can tell.
    pub fn forecast(&self, now_ms: i64) -> Option<u64> {
        let (seen_ms, whole_ms) = (now_ms - self.first_at_ms, self.period_end_ms - self.period_start_ms);
        if seen_ms <= 0 || seen_ms < whole_ms / FORECAST_SHARE || now_ms >= self.period_end_ms {
            return None;
        }
        let spent = i128::from(self.used.saturating_sub(self.first_used));
        let coming = spent * i128::from(self.period_end_ms - now_ms) / i128::from(seen_ms);
        u64::try_from(i128::from(self.used) + coming).ok()
    }

    /// What somebody should know of, in a sentence.
    pub fn alarm(&self, now_ms: i64) -> Option<String> {
        let CreditPlan { credits, reserve, period } = self.plan;
        if self.plan.credits == 0 || now_ms >= self.period_end_ms {
            return None;
        }
        let ends = format_utc_ms(self.period_end_ms);
        if self.left() <= reserve {
            return Some(format!(
                "only the reserve of {reserve} credits is left of this {period} until {ends}",
                period = period.as_str()
            ));
        }
        let forecast = self.forecast(now_ms).filter(|forecast| *forecast > credits.saturating_sub(reserve))?;
        Some(format!("at this rate {forecast} of {credits} credits will be used by {ends}; lengthen the cadence"))
    }

    /// Takes the plan as it is configured now, and begins a new period where the old one is over.
    pub fn roll(&mut self, plan: CreditPlan, now_ms: i64) {
        let (start_ms, end_ms) = plan.period.bounds(now_ms);
        if self.period_start_ms != start_ms || self.plan.period != plan.period {
            let paused_until_ms = self.paused_until_ms;
            *self = Self {
                period_start_ms: start_ms,
                period_end_ms: end_ms,
                first_at_ms: now_ms,
                paused_until_ms,
                ..Self::default()
            };
        }
        self.plan = plan;
    }

    /// Pays for a poll before it goes out. `is_closing`: it may take from the reserve.
    pub fn claim(&mut self, cost: u64, is_closing: bool, now_ms: i64) -> Result<(), CreditRefusal> {
        if now_ms < self.paused_until_ms {
            let until = format_utc_ms(self.paused_until_ms);
            return Err(self.refuse(format!("the vendor asked for a pause until {until}"), self.paused_until_ms));
        }
        let reserve = if is_closing { 0 } else { self.plan.reserve };
        let left = self.left();
        if cost > 0 && left < cost.saturating_add(reserve) {
            let period = self.plan.period.as_str();
            let reason = format!(
                "it costs {cost}, {left} credits are left of this {period}, {reserve} are kept for closing captures; \
                 raise `credits`, lengthen the cadence, or wait until {}",
                format_utc_ms(self.period_end_ms)
            );
            return Err(self.refuse(reason, self.period_end_ms));
        }
        self.used = self.used.saturating_add(cost);
        self.vendor_remaining = self.vendor_remaining.map(|remaining| remaining.saturating_sub(cost));
        self.lowest_left = Some(self.lowest_left.map_or(self.left(), |lowest| lowest.min(self.left())));
        Ok(())
    }

    fn refuse(&mut self, reason: String, not_before_ms: i64) -> CreditRefusal {
        self.refused_count += 1;
        self.last_refusal = Some(reason.clone());
        CreditRefusal { reason, not_before_ms }
    }

    /// Puts the vendor's word in place of ours, for a poll that claimed `claimed`.
    pub fn settle(&mut self, claimed: u64, vendor: VendorCredits, now_ms: i64) {
        if let Some(last) = vendor.last {
            self.used = self.used.saturating_sub(claimed).saturating_add(last);
        }
        if let Some(used) = vendor.used {
            // Less than we began with: the vendor's period began anew inside ours.
            if used < self.first_used {
                (self.first_used, self.first_at_ms) = (used, now_ms);
            }
            self.used = used;
        }
        self.vendor_remaining = vendor.remaining.or(self.vendor_remaining);
        self.lowest_left = Some(self.lowest_left.map_or(self.left(), |lowest| lowest.min(self.left())));
        if self.first_at_ms == 0 || self.used < self.first_used {
            (self.first_used, self.first_at_ms) = (self.used, now_ms);
        }
    }
}

const PARTITION: &str = "credits";

fn key(source: &str) -> ItemKey {
    ItemKey::new(PARTITION, source)
}

/// Every ledger, by source.
pub async fn list(store: &dyn ItemStore) -> Result<Vec<(String, CreditLedger)>, StoreError> {
    let found = walk(store, PARTITION, "", None).await?;
    found.into_iter().map(|(source, item)| decode(&source, &item.value).map(|ledger| (source, ledger))).collect()
}

/// Changes a ledger by compare-and-swap; `change` answers what its caller wants to know.
pub async fn update<T>(
    store: &dyn ItemStore,
    source: &str,
    change: impl Fn(&mut CreditLedger) -> T,
) -> Result<T, StoreError> {
    let key = key(source);
    let mut current = store.get(&key).await?;
    loop {
        let before: CreditLedger =
            current.as_ref().map(|item| decode(source, &item.value)).transpose()?.unwrap_or_default();
        let mut ledger = before.clone();
        let answer = change(&mut ledger);
        if ledger == before {
            return Ok(answer);
        }
        let write = ItemWrite {
            key: key.clone(),
            expected: current.map(|item| item.version),
            value: Some(encode(source, &ledger)?),
            expires_at_ms: None,
        };
        match store.put(vec![write]).await.remove(0)? {
            PutOutcome::Written(_) => return Ok(answer),
            PutOutcome::Conflict(item) => current = item,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOON_MS: i64 = 1_793_491_200_000;

    fn ledger(credits: u64, reserve: u64) -> CreditLedger {
        let mut ledger = CreditLedger::default();
        ledger.roll(CreditPlan { credits, period: CreditPeriod::Month, reserve }, NOON_MS);
        ledger
    }

    #[test]
    fn periods_begin_on_utc_boundaries() {
        let shown = |period: CreditPeriod, text: &str| {
            let (start_ms, end_ms) = period.bounds(parse_utc_ms(text).unwrap());
            (format_utc_ms(start_ms), format_utc_ms(end_ms))
        };
        let whole = |start: &str, end: &str| (format!("{start}:00:00.000Z"), format!("{end}:00:00.000Z"));
        assert_eq!(shown(CreditPeriod::Month, "2028-02-29T23:59:59Z"), whole("2028-02-01T00", "2028-03-01T00"));
        assert_eq!(shown(CreditPeriod::Month, "2026-12-31T23:59:59Z"), whole("2026-12-01T00", "2027-01-01T00"));
        assert_eq!(shown(CreditPeriod::Day, "2026-12-31T23:59:59Z"), whole("2026-12-31T00", "2027-01-01T00"));
        assert_eq!(shown(CreditPeriod::Hour, "2026-12-31T22:59:59Z"), whole("2026-12-31T22", "2026-12-31T23"));
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_figures_and_closing_captures_take_the_reserve() {
        let mut ledger = ledger(10, 3);
        ledger.claim(6, false, NOON_MS).unwrap();
        let refusal = ledger.claim(2, false, NOON_MS).unwrap_err();
        assert!(
            refusal.reason.contains("it costs 2, 4 credits are left of this month, 3 are kept"),
            "{}",
            refusal.reason
        );
        assert_eq!(refusal.not_before_ms, ledger.period_end_ms);
        ledger.claim(0, false, NOON_MS).unwrap();
        ledger.claim(4, true, NOON_MS).unwrap();
        assert_eq!((ledger.left(), ledger.refused_count, ledger.claim(1, true, NOON_MS).is_err()), (0, 1, true));
    }

    #[test]
    fn the_vendors_word_stands_and_the_smaller_allowance_counts() {
        let mut ledger = ledger(500, 50);
        ledger.claim(3, false, NOON_MS).unwrap();
        ledger.settle(3, VendorCredits { used: Some(440), remaining: Some(60), last: Some(1) }, NOON_MS);
        assert_eq!((ledger.used, ledger.left()), (440, 60));
        ledger.claim(10, false, NOON_MS).unwrap();
        assert!(ledger.claim(1, false, NOON_MS).is_err());
        ledger.settle(10, VendorCredits { used: Some(0), remaining: Some(20_000), last: None }, NOON_MS + 1);
        assert_eq!(
            (ledger.left(), ledger.first_used),
            (500, 0),
            "the vendor's month began anew; our own budget is smaller"
        );
    }

    #[test]
    fn a_pause_the_vendor_asked_for_is_kept_over_the_turn_of_the_period() {
        let mut ledger = ledger(500, 50);
        ledger.paused_until_ms = ledger.period_end_ms + 1000;
        let next_ms = ledger.period_end_ms + 10;
        ledger.roll(ledger.plan, next_ms);
        assert!(ledger.claim(1, true, next_ms).unwrap_err().reason.contains("asked for a pause"));
        assert!(ledger.claim(1, true, next_ms + 1000).is_ok());
    }

    #[test]
    fn the_forecast_goes_on_as_it_went_and_warns_in_time() {
        let mut ledger = ledger(500, 50);
        assert_eq!(ledger.forecast(NOON_MS), None);
        let day_later_ms = NOON_MS + DAY_MS;
        for _ in 0..20 {
            ledger.claim(1, false, day_later_ms).unwrap();
        }
        let days_left = (ledger.period_end_ms - day_later_ms) / DAY_MS;
        let forecast = ledger.forecast(day_later_ms).unwrap();
        assert!(forecast.abs_diff(20 + 20 * days_left as u64) <= 20, "{forecast}, {days_left} days left");
        assert_eq!(ledger.alarm(day_later_ms).is_some(), forecast > 450);
        ledger.used = 460;
        assert!(ledger.alarm(day_later_ms).unwrap().contains("only the reserve"));
    }

    proptest! {
        /// CRD-2 under any mixture of costs: no ordinary poll ever takes from the reserve.
        #[test]
        fn ordinary_polls_never_touch_the_reserve(costs in prop::collection::vec((0_u64..20, any::<bool>()), 0..60), reserve in 0_u64..30) {
            let mut ledger = ledger(100, reserve);
            for (cost, is_told) in costs {
                let before = ledger.left();
                match ledger.claim(cost, false, NOON_MS) {
                    Ok(()) => prop_assert!(cost == 0 || ledger.left() >= reserve && ledger.left() == before - cost),
                    Err(_) => prop_assert_eq!(ledger.left(), before),
                }
                if is_told {
                    let (used, remaining) = (Some(ledger.used), Some(100 - ledger.used));
                    ledger.settle(cost, VendorCredits { used, remaining, last: Some(cost) }, NOON_MS);
                }
            }
            prop_assert!(ledger.lowest_left.is_none_or(|left| left >= reserve));
        }
    }
}
