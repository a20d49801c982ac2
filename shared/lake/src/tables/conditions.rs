//! `silver.weather` and `silver.articles`: what surrounds a game, as delivered.

use touchline_event::{Article, Payload, WeatherObservation};

use super::column::{Column, Table, flag, long, maybe, required, some, text, time};
use super::envelope::{ArchivedEvent, with_envelope};

pub(super) static WEATHER: Table<ArchivedEvent> = Table {
    name: "silver.weather",
    grain: "one delivered weather observation or forecast",
    day_column: Some("event_time"),
    columns: weather,
};

pub(super) static ARTICLES: Table<ArchivedEvent> = Table {
    name: "silver.articles",
    grain: "one delivered article, without its text",
    day_column: Some("event_time"),
    columns: articles,
};

fn weather() -> Vec<Column<ArchivedEvent>> {
    with_envelope(vec![
        long("temperature_c_e2", "Degrees Celsius, 10^-2.", |row| observation(row)?.temperature_c_e2),
        long("wind_mps_e2", "Wind in metres per second, 10^-2.", |row| observation(row)?.wind_mps_e2),
        text("condition", "The vendor's word for the sky.", |row| maybe(observation(row)?.condition.as_ref())),
        flag("is_indoor", "Whether the venue has a roof that is closed.", |row| observation(row)?.is_indoor),
        long("gust_mps_e2", "Gusts in metres per second, 10^-2.", |row| observation(row)?.gust_mps_e2),
        long("wind_from_deg", "Where the wind comes from, degrees clockwise from north.", |row| {
            observation(row)?.wind_from_deg
        }),
        long("humidity_pct", "Relative humidity, per cent.", |row| observation(row)?.humidity_pct),
        long("pressure_hpa_e2", "Pressure at sea level, hPa, 10^-2.", |row| observation(row)?.pressure_hpa_e2),
        long("precipitation_mm_e2", "Rain and snow as water, mm, 10^-2, in precipitation_min.", |row| {
            observation(row)?.precipitation_mm_e2
        }),
        long("precipitation_min", "Minutes in which it fell or will fall.", |row| observation(row)?.precipitation_min),
        long("precipitation_probability_e4", "Probability of precipitation, 10^-4.", |row| {
            observation(row)?.precipitation_probability_e4
        }),
        long("cloud_cover_pct", "Sky covered by clouds, per cent.", |row| observation(row)?.cloud_cover_pct),
        flag("is_forecast", "Whether this is a forecast; absent where the vendor does not say.", |row| {
            observation(row)?.is_forecast
        }),
        time("valid_at", "When the weather is so: of a forecast.", |row| observation(row)?.valid_at_ms),
        text("place", "The vendor's name of the place.", |row| maybe(observation(row)?.place.as_ref())),
        long("latitude_e6", "Degrees north, 10^-6.", |row| observation(row)?.latitude_e6),
        long("longitude_e6", "Degrees east, 10^-6.", |row| observation(row)?.longitude_e6),
    ])
}

fn articles() -> Vec<Column<ArchivedEvent>> {
    with_envelope(vec![
        required(text("title", "Headline.", |row| some(&article(row)?.title))),
        required(text("url", "Where it stands.", |row| some(&article(row)?.url))),
        text("publisher", "Who publishes it.", |row| maybe(article(row)?.publisher.as_ref())),
        text("author", "Who wrote it, as the vendor says.", |row| maybe(article(row)?.author.as_ref())),
        text("language", "ISO 639-1, where the vendor says.", |row| maybe(article(row)?.language.as_ref())),
    ])
}

fn observation(row: &ArchivedEvent) -> Option<&WeatherObservation> {
    match &row.event.payload {
        Payload::WeatherObservation(observation) => Some(observation),
        _ => None,
    }
}

fn article(row: &ArchivedEvent) -> Option<&Article> {
    match &row.event.payload {
        Payload::Article(article) => Some(article),
        _ => None,
    }
}
