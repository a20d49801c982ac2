//! What TRACAB sends: the XML of a match in its two shapes, and what is remembered of it for the frames.
//! TRB-1: places are cm from the centre spot; the pitch is as large as the XML says, 105 x 68 m where there is none.

use std::collections::HashMap;

use touchline_event::parse_utc_ms;

use crate::pitch::{ONE_E5, Pitch};
use crate::raw::{Precision, decimal};
use crate::xml::Element;

/// Matches by the name that both files of one share.
pub(crate) type Notes = HashMap<String, Note>;

/// Frames a second where the XML does not say.
const FRAMES_PER_SECOND: i64 = 25;

/// What the XML of a match said.
#[derive(Debug, Clone, Default)]
pub(crate) struct Note {
    pub(super) id: Option<String>,
    pub(super) starts_at_ms: Option<i64>,
    /// Length and width, 10^-5 cm.
    size_e5: Option<(i64, i64)>,
    frames_per_second: Option<i64>,
    /// Period, first and last frame.
    periods: Vec<(u16, i64, i64)>,
}

impl Note {
    /// `<TracabMetaData><match iId dtDate ...><period .../>` or, flat, `<GameID>`, `<Phase1StartFrame>`.
    pub(super) fn read(root: &Element) -> Self {
        let game = root.find("match");
        let value = |attribute: &str, flat: &str| -> Option<String> {
            let attribute = game.and_then(|game| game.attribute(attribute));
            attribute.or_else(|| root.text_of(flat)).map(str::to_owned)
        };
        let metres = |text: Option<String>| decimal::<5>(&text?, Precision::Rounded).ok().map(|metres| metres.0 * 100);
        let whole = |text: Option<String>| decimal::<0>(&text?, Precision::Rounded).ok().map(|number| number.0);
        let length = metres(value("fPitchXSizeMeters", "PitchLongSide").map(centimetres_as_metres));
        let width = metres(value("fPitchYSizeMeters", "PitchShortSide").map(centimetres_as_metres));
        Self {
            id: value("iId", "GameID"),
            starts_at_ms: value("dtDate", "Kickoff").and_then(|text| parse_utc_ms(&text)),
            size_e5: length.zip(width).filter(|(length, width)| *length > 0 && *width > 0),
            frames_per_second: whole(value("iFrameRateFps", "FrameRate")).filter(|rate| *rate > 0),
            periods: periods(root),
        }
    }

    pub(super) fn pitch(&self) -> Pitch {
        let (length, width) = self.size_e5.unwrap_or((10_500 * ONE_E5, 6_800 * ONE_E5));
        Pitch { x_e5: (-length / 2, length / 2), y_e5: (-width / 2, width / 2) }
    }

    /// The period of a frame and the time inside it; without periods the time since frame 0.
    pub(super) fn clock(&self, frame: i64) -> (Option<u16>, i64) {
        let period = self.periods.iter().find(|(_, first, last)| (*first..=*last).contains(&frame));
        let (number, first) = period.map_or((None, 0), |(number, first, _)| (Some(*number), *first));
        let rate = self.frames_per_second.unwrap_or(FRAMES_PER_SECOND);
        (number, frame.saturating_sub(first).saturating_mul(1000) / rate)
    }

    /// The time since the first frame of the first period.
    pub(super) fn elapsed_ms(&self, frame: i64) -> i64 {
        let first = self.periods.first().map_or(0, |(_, first, _)| *first);
        let rate = self.frames_per_second.unwrap_or(FRAMES_PER_SECOND);
        frame.saturating_sub(first).saturating_mul(1000) / rate
    }
}

/// The flat shape has centimetres where the other has metres: nobody plays on a pitch of 200 m.
fn centimetres_as_metres(text: String) -> String {
    match decimal::<2>(&text, Precision::Rounded) {
        Ok(size) if size.0 > 200 * 100 => touchline_event::decimal_string(i128::from(size.0), 4),
        _ => text,
    }
}

/// A period that was not played has frames of nought.
fn periods(root: &Element) -> Vec<(u16, i64, i64)> {
    let whole = |text: Option<&str>| text.and_then(|text| text.trim().parse::<i64>().ok());
    let listed = root.all("period").into_iter().filter_map(|period| {
        let number = u16::try_from(whole(period.attribute("iId"))?).ok()?;
        Some((number, whole(period.attribute("iStartFrame"))?, whole(period.attribute("iEndFrame"))?))
    });
    let flat = (1..=5_u16).filter_map(|number| {
        let read = |end: &str| whole(root.text_of(&format!("Phase{number}{end}Frame")));
        Some((number, read("Start")?, read("End")?))
    });
    listed.chain(flat).filter(|(_, _, last)| *last > 0).collect()
}
