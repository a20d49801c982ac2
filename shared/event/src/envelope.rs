//! The canonical event: one fact of one vendor about one entity at one time.
//! EVT-3: `timestamp_ms` is vendor event time; where the vendor gives none it is the receive time and the parser's docs say so.
//! EVT-4: `first_arrival_ms` travels with the event, so that lateness is decided from bytes alone (P7).

use std::fmt;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::payload::PayloadOf;
use crate::{EventId, Kind, Lane, Payload};

/// One fact. See METRICS in the docs for every field's meaning.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    pub event_id: EventId,
    pub kind: Kind,
    /// The vendor's name on the command line: `espn`, `the-odds-api`.
    pub source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sport: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub league: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub game_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub player_id: Option<String>,
    /// Instrument of a market; of a fact without a game its place (weather) or site (articles).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    /// Event time, UTC ms.
    pub timestamp_ms: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub game_clock: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor_seq: Option<i64>,
    /// When our side read the bytes, UTC ms.
    pub ingested_at_ms: i64,
    /// When this fact first reached us, UTC ms: survives redrives, so that lateness is judged once.
    pub first_arrival_ms: i64,
    pub payload: Payload,
}

/// What a parser knows before it names the fact: everything but the id. [`EventDraft::with_id`] makes the event.
#[derive(Debug, Clone, PartialEq)]
pub struct EventDraft {
    pub source: String,
    pub sport: Option<String>,
    pub league: Option<String>,
    pub game_id: Option<String>,
    pub team_id: Option<String>,
    pub player_id: Option<String>,
    pub symbol: Option<String>,
    pub timestamp_ms: i64,
    pub game_clock: Option<String>,
    pub period: Option<u16>,
    pub vendor_seq: Option<i64>,
    pub received_at_ms: i64,
    pub payload: Payload,
}

impl EventDraft {
    /// A draft with nothing optional set.
    pub fn new(source: &str, timestamp_ms: i64, received_at_ms: i64, payload: impl Into<Payload>) -> Self {
        Self {
            source: source.to_owned(),
            sport: None,
            league: None,
            game_id: None,
            team_id: None,
            player_id: None,
            symbol: None,
            timestamp_ms,
            game_clock: None,
            period: None,
            vendor_seq: None,
            received_at_ms,
            payload: payload.into(),
        }
    }

    /// See [`Event::entity`].
    pub fn entity(&self) -> String {
        entity(&self.source, self.symbol.as_deref(), self.game_id.as_deref(), self.league.as_deref())
    }

    /// The event of a vendor that names its facts.
    pub fn with_vendor_id(self, vendor_id: &str, revision: &str) -> Event {
        let id = EventId::of_vendor_id(&self.source, &self.entity(), vendor_id, revision);
        self.with_id(id)
    }

    /// The event under an id made elsewhere.
    pub fn with_id(self, event_id: EventId) -> Event {
        Event {
            event_id,
            kind: self.payload.kind(),
            source: self.source,
            sport: self.sport,
            league: self.league,
            game_id: self.game_id,
            team_id: self.team_id,
            player_id: self.player_id,
            symbol: self.symbol,
            timestamp_ms: self.timestamp_ms,
            game_clock: self.game_clock,
            period: self.period,
            vendor_seq: self.vendor_seq,
            ingested_at_ms: self.received_at_ms,
            first_arrival_ms: self.received_at_ms,
            payload: self.payload,
        }
    }
}

impl Event {
    /// Who or what the event is about, vendor in front: `finnhub:AAPL`, `espn:401547505`. Decides the lane.
    pub fn entity(&self) -> String {
        entity(&self.source, self.symbol.as_deref(), self.game_id.as_deref(), self.league.as_deref())
    }

    /// The lane this event must travel on. A heartbeat names its own.
    pub fn lane(&self, lanes: u16) -> Lane {
        match &self.payload {
            Payload::Heartbeat(heartbeat) => Lane(heartbeat.lane),
            _ => Lane::of(&self.entity(), lanes),
        }
    }

    /// How long the fact was on its way before it first reached us, ms; negative for future times.
    pub fn lateness_ms(&self) -> i64 {
        self.first_arrival_ms.saturating_sub(self.timestamp_ms)
    }
}

fn entity(source: &str, symbol: Option<&str>, game_id: Option<&str>, league: Option<&str>) -> String {
    let subject = symbol.or(game_id).or(league).unwrap_or("-");
    let mut text = String::with_capacity(source.len() + 1 + subject.len());
    text.push_str(source);
    text.push(':');
    text.push_str(subject);
    text
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EventVisitor)
    }
}

struct EventVisitor;

/// Everything of the envelope that may be absent.
#[derive(Default)]
struct Fields {
    event_id: Option<EventId>,
    kind: Option<Kind>,
    source: Option<String>,
    sport: Option<String>,
    league: Option<String>,
    game_id: Option<String>,
    team_id: Option<String>,
    player_id: Option<String>,
    symbol: Option<String>,
    timestamp_ms: Option<i64>,
    game_clock: Option<String>,
    period: Option<u16>,
    vendor_seq: Option<i64>,
    ingested_at_ms: Option<i64>,
    first_arrival_ms: Option<i64>,
    payload: Option<Payload>,
    /// A payload that came before its kind; our own writer never does that.
    unread: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Field {
    EventId,
    Kind,
    Source,
    Sport,
    League,
    GameId,
    TeamId,
    PlayerId,
    Symbol,
    TimestampMs,
    GameClock,
    Period,
    VendorSeq,
    IngestedAtMs,
    FirstArrivalMs,
    Payload,
    #[serde(other)]
    Unknown,
}

impl<'de> Visitor<'de> for EventVisitor {
    type Value = Event;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a canonical event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Event, A::Error> {
        let mut fields = Fields::default();
        while let Some(field) = map.next_key::<Field>()? {
            match field {
                Field::EventId => fields.event_id = Some(map.next_value()?),
                Field::Kind => fields.kind = Some(map.next_value()?),
                Field::Source => fields.source = Some(map.next_value()?),
                Field::Sport => fields.sport = map.next_value()?,
                Field::League => fields.league = map.next_value()?,
                Field::GameId => fields.game_id = map.next_value()?,
                Field::TeamId => fields.team_id = map.next_value()?,
                Field::PlayerId => fields.player_id = map.next_value()?,
                Field::Symbol => fields.symbol = map.next_value()?,
                Field::TimestampMs => fields.timestamp_ms = Some(map.next_value()?),
                Field::GameClock => fields.game_clock = map.next_value()?,
                Field::Period => fields.period = map.next_value()?,
                Field::VendorSeq => fields.vendor_seq = map.next_value()?,
                Field::IngestedAtMs => fields.ingested_at_ms = Some(map.next_value()?),
                Field::FirstArrivalMs => fields.first_arrival_ms = Some(map.next_value()?),
                Field::Payload => match fields.kind {
                    Some(kind) => fields.payload = Some(map.next_value_seed(PayloadOf(kind))?),
                    None => fields.unread = Some(map.next_value()?),
                },
                Field::Unknown => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        fields.finish()
    }
}

impl Fields {
    fn finish<E: serde::de::Error>(self) -> Result<Event, E> {
        let kind = self.kind.ok_or_else(|| E::missing_field("kind"))?;
        let payload = match (self.payload, self.unread) {
            (Some(payload), _) => payload,
            (None, Some(value)) => PayloadOf(kind).deserialize(value).map_err(E::custom)?,
            (None, None) => return Err(E::missing_field("payload")),
        };
        let ingested_at_ms = self.ingested_at_ms.ok_or_else(|| E::missing_field("ingested_at_ms"))?;
        Ok(Event {
            event_id: self.event_id.ok_or_else(|| E::missing_field("event_id"))?,
            kind,
            source: self.source.ok_or_else(|| E::missing_field("source"))?,
            sport: self.sport,
            league: self.league,
            game_id: self.game_id,
            team_id: self.team_id,
            player_id: self.player_id,
            symbol: self.symbol,
            timestamp_ms: self.timestamp_ms.ok_or_else(|| E::missing_field("timestamp_ms"))?,
            game_clock: self.game_clock,
            period: self.period,
            vendor_seq: self.vendor_seq,
            ingested_at_ms,
            first_arrival_ms: self.first_arrival_ms.unwrap_or(ingested_at_ms),
            payload,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Other, Trade};

    fn trade() -> Event {
        let payload = Trade {
            price_e8: 16_406_010_000,
            volume_e8: 500_000_000,
            conditions: vec!["1".into(), "12".into()],
            is_vwap_eligible: true,
        };
        let mut draft = EventDraft::new("finnhub", 1_680_286_537_580, 1_680_286_537_700, payload);
        draft.symbol = Some("AAPL".into());
        draft.with_vendor_id("1", "")
    }

    #[test]
    fn an_event_is_read_back_as_written() {
        let text = serde_json::to_string(&trade()).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), trade());
    }

    #[test]
    fn a_payload_before_its_kind_and_unknown_fields_are_read_too() {
        let mut value = serde_json::to_value(trade()).unwrap();
        value["a_field_of_a_later_release"] = 1.into();
        // serde_json's map sorts: "event_id" < "kind" < "payload"; a renamed copy of kind at the end forces the other order.
        let text = value.to_string().replace("\"kind\":\"trade\",", "");
        let text = format!("{},\"kind\":\"trade\"}}", text.strip_suffix('}').unwrap());
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), trade());
    }

    #[test]
    fn an_unknown_vendor_type_keeps_its_word_and_content() {
        let other = Other { vendor_kind: "pass_attempt".into(), content: serde_json::json!({"x": 1}) };
        let event = EventDraft::new("sportmonks", 0, 0, other).with_vendor_id("9", "");
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
    }

    #[test]
    fn missing_fields_are_named() {
        let error = serde_json::from_str::<Event>(r#"{"kind":"trade"}"#).unwrap_err().to_string();
        assert!(error.contains("payload"), "{error}");
    }
}
