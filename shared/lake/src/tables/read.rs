//! Rows of the event tables back to events: the inverse of the columns, for rebuilds.
//! RDB-1: an event written and read back counts the same in every metric family. Not kept by the columns, and counted by
//! none: that a penalty or own goal was also a shootout kick; commas inside one sale condition.
//! RDB-2: of a kind that is only tallied the envelope is read and not the payload, into which no tally looks.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type, TimestampMicrosecondType};
use serde::de::DeserializeOwned;
use serde_json::Value;
use touchline_event::{
    Event, EventId, Fixture, Goal, Kind, Lane, MarketStatus, OddsQuote, Other, Payload, PeriodChange, Play, Position,
    ScoreUpdate, Sequence, Team, Trade, TradedVolume,
};

use super::ArchivedEvent;

/// The events of a batch of one event table; an error names the column that is not as it was written.
pub(crate) fn events_of(batch: &RecordBatch) -> Result<Vec<ArchivedEvent>, String> {
    (0..batch.num_rows()).map(|row| Row { batch, row }.event()).collect()
}

/// One row.
struct Row<'a> {
    batch: &'a RecordBatch,
    row: usize,
}

impl Row<'_> {
    fn event(&self) -> Result<ArchivedEvent, String> {
        let kind = self.given("kind", self.text("kind").as_deref().and_then(Kind::from_wire))?;
        let id = self.text("event_id").and_then(|digits| u64::from_str_radix(&digits, 16).ok());
        let event = Event {
            event_id: EventId(self.given("event_id", id)?),
            kind,
            source: self.word("source")?,
            sport: self.text("sport"),
            league: self.text("league"),
            game_id: self.text("game_id"),
            team_id: self.text("team_id"),
            player_id: self.text("player_id"),
            symbol: self.text("symbol"),
            timestamp_ms: self.given("event_time", self.time_ms("event_time"))?,
            game_clock: self.text("game_clock"),
            period: self.int("period").and_then(|period| u16::try_from(period).ok()),
            vendor_seq: self.long("vendor_seq"),
            ingested_at_ms: self.given("ingested_at", self.time_ms("ingested_at"))?,
            first_arrival_ms: self.given("first_arrival_at", self.time_ms("first_arrival_at"))?,
            payload: self.payload(kind)?,
        };
        let sequence = self.text("sequence").as_deref().and_then(Sequence::parse);
        let sub = self.given("sub", self.int("sub"))?;
        Ok(ArchivedEvent {
            shard: Arc::from(self.word("shard")?),
            lane: Lane(self.given("lane", self.int("lane"))? as u16),
            position: Position { sequence: self.given("sequence", sequence)?, sub: sub as u32 },
            event,
        })
    }

    fn payload(&self, kind: Kind) -> Result<Payload, String> {
        Ok(match kind {
            Kind::Trade => self.trade()?.into(),
            Kind::OddsQuote => self.quote()?.into(),
            Kind::MarketStatus => self.market_status()?.into(),
            Kind::TradedVolume => TradedVolume {
                market: self.word("market")?,
                outcome: self.word("outcome")?,
                price_e6: self.number("price_e6")?,
                size_e2: self.number("size_e2")?,
            }
            .into(),
            Kind::Fixture => self.fixture()?.into(),
            Kind::ScoreUpdate => ScoreUpdate {
                home_score: self.count("home_score")?,
                away_score: self.count("away_score")?,
                status: self.named("status")?,
                periods: self.json("periods")?.unwrap_or_default(),
            }
            .into(),
            Kind::PeriodChange => {
                PeriodChange { status: self.named("status")?, status_detail: self.word("status_detail")? }.into()
            }
            Kind::Play => self.play()?.into(),
            Kind::Goal => self.goal()?.into(),
            Kind::Card
            | Kind::Substitution
            | Kind::WeatherObservation
            | Kind::Article
            | Kind::RosterChange
            | Kind::TeamProfile
            | Kind::League
            | Kind::Venue
            | Kind::Lineup
            | Kind::Pass
            | Kind::Shot
            | Kind::Tackle
            | Kind::Carry
            | Kind::Pressure
            | Kind::Foul
            | Kind::TrackingFrame
            | Kind::WearableSample
            | Kind::Other => Other { vendor_kind: kind.as_str().to_owned(), content: Value::Null }.into(),
            Kind::Heartbeat => return Err("a heartbeat is in no table".to_owned()),
        })
    }

    fn trade(&self) -> Result<Trade, String> {
        let conditions = self.text("conditions").unwrap_or_default();
        Ok(Trade {
            price_e8: self.number("price_e8")?,
            volume_e8: self.number("volume_e8")?,
            conditions: conditions.split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect(),
            is_vwap_eligible: self.given("is_vwap_eligible", self.flag("is_vwap_eligible"))?,
        })
    }

    fn quote(&self) -> Result<OddsQuote, String> {
        Ok(OddsQuote {
            book: self.word("book")?,
            market: self.word("market")?,
            outcome: self.word("outcome")?,
            point_e2: self.long("point_e2"),
            price_e6: self.number("price_e6")?,
            side: self.named("side")?,
            size_e2: self.long("size_e2"),
        })
    }

    fn market_status(&self) -> Result<MarketStatus, String> {
        Ok(MarketStatus {
            market: self.word("market")?,
            status: self.word("status")?,
            is_in_play: self.given("is_in_play", self.flag("is_in_play"))?,
            market_time_ms: self.time_ms("market_time"),
            outcomes: self.json("outcomes")?.unwrap_or_default(),
        })
    }

    fn fixture(&self) -> Result<Fixture, String> {
        let team = |side: &str| -> Result<Team, String> {
            Ok(Team {
                id: self.text(&format!("{side}_id")).unwrap_or_default(),
                name: self.word(&format!("{side}_name"))?,
                abbreviation: self.text(&format!("{side}_abbreviation")),
            })
        };
        Ok(Fixture {
            home: team("home")?,
            away: team("away")?,
            starts_at_ms: self.time_ms("starts_at"),
            status: self.named("status")?,
            status_detail: self.text("status_detail"),
            venue: self.text("venue"),
            is_neutral_site: self.flag("is_neutral_site"),
        })
    }

    fn play(&self) -> Result<Play, String> {
        Ok(Play {
            play_type: self.word("play_type")?,
            text: self.text("text"),
            is_scoring: self.given("is_scoring", self.flag("is_scoring"))?,
            score_value: self.count("score_value")?,
            home_score: self.count("home_score")?,
            away_score: self.count("away_score")?,
            drive_id: self.text("drive_id"),
            home_win_probability_e4: self.long("home_win_probability_e4"),
        })
    }

    fn goal(&self) -> Result<Goal, String> {
        let detail = self.word("detail")?;
        Ok(Goal {
            scorer: self.text("player"),
            is_own_goal: detail == "own_goal",
            is_penalty: detail == "penalty",
            is_shootout: detail == "shootout",
        })
    }

    fn given<T>(&self, column: &str, value: Option<T>) -> Result<T, String> {
        value.ok_or_else(|| format!("column {column} holds no value of its kind"))
    }

    fn word(&self, column: &str) -> Result<String, String> {
        self.given(column, self.text(column))
    }

    fn number(&self, column: &str) -> Result<i64, String> {
        self.given(column, self.long(column))
    }

    fn count(&self, column: &str) -> Result<i32, String> {
        self.given(column, self.int(column))
    }

    /// A word of one of our own lists.
    fn named<T: DeserializeOwned>(&self, column: &str) -> Result<T, String> {
        serde_json::from_value(Value::String(self.word(column)?)).map_err(|error| format!("column {column}: {error}"))
    }

    fn json<T: DeserializeOwned>(&self, column: &str) -> Result<Option<T>, String> {
        let text = self.text(column);
        text.map(|text| serde_json::from_str(&text).map_err(|error| format!("column {column}: {error}"))).transpose()
    }

    fn cell(&self, column: &str) -> Option<&dyn arrow_array::Array> {
        self.batch.column_by_name(column).filter(|cells| cells.is_valid(self.row)).map(|cells| &**cells)
    }

    fn text(&self, column: &str) -> Option<String> {
        Some(self.cell(column)?.as_string_opt::<i32>()?.value(self.row).to_owned())
    }

    fn long(&self, column: &str) -> Option<i64> {
        Some(self.cell(column)?.as_primitive_opt::<Int64Type>()?.value(self.row))
    }

    fn int(&self, column: &str) -> Option<i32> {
        Some(self.cell(column)?.as_primitive_opt::<Int32Type>()?.value(self.row))
    }

    fn flag(&self, column: &str) -> Option<bool> {
        Some(self.cell(column)?.as_boolean_opt()?.value(self.row))
    }

    fn time_ms(&self, column: &str) -> Option<i64> {
        Some(self.cell(column)?.as_primitive_opt::<TimestampMicrosecondType>()?.value(self.row).div_euclid(1000))
    }
}
