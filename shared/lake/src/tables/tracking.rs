//! `silver.tracking_frames` and `silver.wearable_samples`: where everybody was, and what worn devices measured, as delivered.

use std::borrow::Cow;

use touchline_event::{Payload, TrackingFrame, WearableSample};

use super::column::{Column, Table, flag, int, long, maybe, required, some, text};
use super::envelope::{ArchivedEvent, with_envelope};

pub(super) static TRACKING_FRAMES: Table<ArchivedEvent> = Table {
    name: "silver.tracking_frames",
    grain: "one delivered moment of a tracked game, all players in it",
    day_column: Some("event_time"),
    columns: tracking_frames,
};

pub(super) static WEARABLE_SAMPLES: Table<ArchivedEvent> = Table {
    name: "silver.wearable_samples",
    grain: "one delivered reading of a worn device",
    day_column: Some("event_time"),
    columns: wearable_samples,
};

fn tracking_frames() -> Vec<Column<ArchivedEvent>> {
    with_envelope(vec![
        long("frame", "The vendor's number of the frame.", |row| frame(row)?.frame),
        long("clock_ms", "Time inside the period or recording by the vendor's clock.", |row| frame(row)?.clock_ms),
        text("vendor_event", "The vendor's event that the frame belongs to.", |row| maybe(frame(row)?.event.as_ref())),
        required(flag("is_oriented", "Whether the home (or acting) team attacks left to right.", |row| {
            Some(frame(row)?.is_oriented)
        })),
        flag("is_alive", "Whether the ball is in play.", |row| frame(row)?.is_alive),
        text("possession", "home, away, ...: who has the ball.", |row| some(frame(row)?.possession?.as_str())),
        int("ball_x_cm", "The ball, cm from the left goal line.", |row| Some(frame(row)?.ball?.x_cm)),
        int("ball_y_cm", "The ball, cm from the lower touchline.", |row| Some(frame(row)?.ball?.y_cm)),
        int("ball_z_cm", "The ball, cm above the ground.", |row| frame(row)?.ball?.z_cm),
        required(int("player_count", "Players in the frame.", |row| i32::try_from(frame(row)?.players.len()).ok())),
        required(text("players", "JSON [{squad, id, number, x_cm, y_cm, speed_cmps, is_detected}, ...].", |row| {
            serde_json::to_string(&frame(row)?.players).ok().map(Cow::Owned)
        })),
    ])
}

fn wearable_samples() -> Vec<Column<ArchivedEvent>> {
    with_envelope(vec![
        long("elapsed_ms", "Time since the recording began, by the device.", |row| sample(row)?.elapsed_ms),
        long("heart_rate_bpm", "Beats per minute.", |row| sample(row)?.heart_rate_bpm),
        long("speed_mmps", "Millimetres per second.", |row| sample(row)?.speed_mmps),
        long("distance_cm", "Since the recording began, cm.", |row| sample(row)?.distance_cm),
        long("cadence_rpm", "Steps or turns per minute, as the device counts.", |row| sample(row)?.cadence_rpm),
        long("power_w", "Watts.", |row| sample(row)?.power_w),
        long("altitude_cm", "Above the sea, cm.", |row| sample(row)?.altitude_cm),
        long("temperature_c_e2", "Degrees Celsius, 10^-2.", |row| sample(row)?.temperature_c_e2),
    ])
}

fn frame(row: &ArchivedEvent) -> Option<&TrackingFrame> {
    match &row.event.payload {
        Payload::TrackingFrame(frame) => Some(frame),
        _ => None,
    }
}

fn sample(row: &ArchivedEvent) -> Option<&WearableSample> {
    match &row.event.payload {
        Payload::WearableSample(sample) => Some(sample),
        _ => None,
    }
}
