//! `silver.teams`, `silver.leagues`, `silver.venues` and `silver.rosters`: who and where, as listed.
//! REF-2: every listing is a row; the dimensions with their history (SCD type 2) are made of these rows.

use touchline_event::{League, Payload, RosterChange, TeamProfile, Venue};

use super::column::{Column, Table, flag, int, long, maybe, required, some, text, time};
use super::envelope::{ArchivedEvent, with_envelope};

pub(super) static TEAMS: Table<ArchivedEvent> = Table {
    name: "silver.teams",
    grain: "one delivered listing of a team",
    day_column: Some("event_time"),
    columns: teams,
};

pub(super) static LEAGUES: Table<ArchivedEvent> = Table {
    name: "silver.leagues",
    grain: "one delivered listing of a league",
    day_column: Some("event_time"),
    columns: leagues,
};

pub(super) static VENUES: Table<ArchivedEvent> = Table {
    name: "silver.venues",
    grain: "one delivered listing of a venue",
    day_column: Some("event_time"),
    columns: venues,
};

pub(super) static ROSTERS: Table<ArchivedEvent> = Table {
    name: "silver.rosters",
    grain: "one delivered listing of a player in a team",
    day_column: Some("event_time"),
    columns: rosters,
};

fn teams() -> Vec<Column<ArchivedEvent>> {
    with_envelope(vec![
        required(text("team_name", "Team's name.", |row| some(&team(row)?.team.name))),
        text("team_abbreviation", "Team's short name.", |row| maybe(team(row)?.team.abbreviation.as_ref())),
        text("market", "City or region in front of the name.", |row| maybe(team(row)?.market.as_ref())),
        text("country", "Country, the vendor's word.", |row| maybe(team(row)?.country.as_ref())),
        text("venue_id", "The vendor's home venue.", |row| maybe(team(row)?.venue_id.as_ref())),
    ])
}

fn leagues() -> Vec<Column<ArchivedEvent>> {
    with_envelope(vec![
        required(text("league_id", "The vendor's league.", |row| some(&league(row)?.id))),
        required(text("league_name", "League's name.", |row| some(&league(row)?.name))),
        text("league_abbreviation", "League's short name.", |row| maybe(league(row)?.abbreviation.as_ref())),
        text("country", "Country, the vendor's word.", |row| maybe(league(row)?.country.as_ref())),
        text("season", "The season the vendor calls current.", |row| maybe(league(row)?.season.as_ref())),
    ])
}

fn venues() -> Vec<Column<ArchivedEvent>> {
    with_envelope(vec![
        required(text("venue_id", "The vendor's venue; empty where it only names it.", |row| some(&venue(row)?.id))),
        required(text("venue_name", "Stadium or arena.", |row| some(&venue(row)?.name))),
        text("city", "City.", |row| maybe(venue(row)?.city.as_ref())),
        text("country", "Country, the vendor's word.", |row| maybe(venue(row)?.country.as_ref())),
        long("capacity", "Seats.", |row| venue(row)?.capacity),
        long("latitude_e6", "Degrees north, 10^-6.", |row| venue(row)?.latitude_e6),
        long("longitude_e6", "Degrees east, 10^-6.", |row| venue(row)?.longitude_e6),
        flag("is_indoor", "Whether the venue has a roof that is closed.", |row| venue(row)?.is_indoor),
        text("surface", "Surface, the vendor's word.", |row| maybe(venue(row)?.surface.as_ref())),
    ])
}

fn rosters() -> Vec<Column<ArchivedEvent>> {
    with_envelope(vec![
        required(text("player", "Player's name, or the vendor's id where it sends none.", |row| {
            some(&roster(row)?.player)
        })),
        required(text("team_name", "Team's name, or the vendor's id where it sends none.", |row| {
            some(&roster(row)?.team.name)
        })),
        required(text("status", "active, out, injured: the vendor's word; listed where it only lists.", |row| {
            some(&roster(row)?.status)
        })),
        int("number", "Shirt number.", |row| roster(row)?.number.map(i32::from)),
        text("position", "The vendor's word.", |row| maybe(roster(row)?.position.as_ref())),
        time("member_from", "Since when the player belongs to the team.", |row| roster(row)?.from_ms),
        time("member_until", "Until when.", |row| roster(row)?.until_ms),
    ])
}

fn team(row: &ArchivedEvent) -> Option<&TeamProfile> {
    match &row.event.payload {
        Payload::TeamProfile(team) => Some(team),
        _ => None,
    }
}

fn league(row: &ArchivedEvent) -> Option<&League> {
    match &row.event.payload {
        Payload::League(league) => Some(league),
        _ => None,
    }
}

fn venue(row: &ArchivedEvent) -> Option<&Venue> {
    match &row.event.payload {
        Payload::Venue(venue) => Some(venue),
        _ => None,
    }
}

fn roster(row: &ArchivedEvent) -> Option<&RosterChange> {
    match &row.event.payload {
        Payload::RosterChange(roster) => Some(roster),
        _ => None,
    }
}
