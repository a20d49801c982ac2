//! What happens on a football pitch, as event vendors see it: line-ups, passes, shots, tackles, carries, pressures, fouls.
//! FOOT-1: places are on a pitch of 105 x 68 m, in cm, the acting team attacking from left to right; `x_cm` runs from
//! its own goal line, `y_cm` from its right touchline. Vendors' places outside the lines stay outside.
//! Words that no variant names are `other`: what the vendor said is in its own document, not here.

use serde::{Deserialize, Serialize};

use super::Team;

/// Enums whose wire names are the field's own words.
macro_rules! words {
    ($($(#[$meta:meta])* $name:ident { $($(#[$note:meta])* $variant:ident = $word:literal),+ $(,)? })+) => { $(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$note])* #[serde(rename = $word)] $variant),+ }

        impl $name {
            /// The wire name.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }
        }
    )+ };
}
pub(super) use words;

words! {
    /// How a pass ended.
    PassOutcome {
        Complete = "complete",
        Incomplete = "incomplete",
        Out = "out",
        Offside = "offside",
        /// Played out for an injury, or broken off by the referee.
        Stopped = "stopped",
        Unknown = "unknown",
    }
    PassHeight { Ground = "ground", Low = "low", High = "high" }
    BodyPart {
        RightFoot = "right_foot",
        LeftFoot = "left_foot",
        Head = "head",
        Hands = "hands",
        DropKick = "drop_kick",
        NoTouch = "no_touch",
        Other = "other",
    }
    /// What a pass or a shot started from.
    Situation {
        OpenPlay = "open_play",
        Corner = "corner",
        FreeKick = "free_kick",
        ThrowIn = "throw_in",
        GoalKick = "goal_kick",
        KickOff = "kick_off",
        Penalty = "penalty",
        Recovery = "recovery",
        Interception = "interception",
    }
    /// How a shot ended.
    ShotOutcome {
        Goal = "goal",
        Saved = "saved",
        /// Tipped or turned around the post or over the bar.
        SavedOffTarget = "saved_off_target",
        SavedToPost = "saved_to_post",
        Post = "post",
        Blocked = "blocked",
        OffTarget = "off_target",
        /// Far from the goal, or never on its way to it.
        Wayward = "wayward",
        Unknown = "unknown",
    }
}

/// A place on the pitch, FOOT-1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Location {
    pub x_cm: i32,
    pub y_cm: i32,
}

impl Location {
    /// Length of the pitch that every vendor's is scaled to, cm.
    pub const LENGTH_CM: i32 = 10_500;
    /// Width of the pitch that every vendor's is scaled to, cm.
    pub const WIDTH_CM: i32 = 6_800;
    /// Half the distance between the posts, cm.
    pub const GOAL_HALF_WIDTH_CM: i32 = 366;

    /// The same place seen by the other team.
    pub fn turned(self) -> Self {
        Self { x_cm: Self::LENGTH_CM - self.x_cm, y_cm: Self::WIDTH_CM - self.y_cm }
    }

    /// Whether `other` stands in the triangle between this place and the two posts of the goal that is attacked.
    pub fn has_in_cone(self, other: Location) -> bool {
        let goal_y = Self::WIDTH_CM / 2;
        let side = |a: (i64, i64), b: (i64, i64)| {
            let (x, y) = (i64::from(other.x_cm), i64::from(other.y_cm));
            (b.0 - a.0) * (y - a.1) - (b.1 - a.1) * (x - a.0)
        };
        let here = (i64::from(self.x_cm), i64::from(self.y_cm));
        let near = (i64::from(Self::LENGTH_CM), i64::from(goal_y - Self::GOAL_HALF_WIDTH_CM));
        let far = (i64::from(Self::LENGTH_CM), i64::from(goal_y + Self::GOAL_HALF_WIDTH_CM));
        let sides = [side(here, near), side(near, far), side(far, here)];
        sides.iter().all(|side| *side >= 0) || sides.iter().all(|side| *side <= 0)
    }
}

/// Who a team names for a game.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lineup {
    pub team: Team,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_home: Option<bool>,
    /// Lines from the back, `4-4-2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub formation: Option<String>,
    pub players: Vec<LineupPlayer>,
}

/// One named player.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineupPlayer {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u16>,
    /// The vendor's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
    /// Absent where the vendor does not say who began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_starter: Option<bool>,
}

/// A ball played to a team-mate, or meant for one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub player: Option<String>,
    /// Whom it reached or was meant for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient_id: Option<String>,
    pub outcome: PassOutcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Location>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Location>,
    /// The vendor's own length, cm of its own pitch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length_cm: Option<i64>,
    /// Direction in 10^-4 radians: 0 straight ahead, positive to the left of the passer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub angle_e4: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<PassHeight>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_part: Option<BodyPart>,
    pub situation: Situation,
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_under_pressure: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_cross: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_switch: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_through_ball: bool,
    /// The next action was a shot that was no goal.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_shot_assist: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_goal_assist: bool,
}

/// An attempt at goal. A scored one is a `goal` event beside this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shot {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub player: Option<String>,
    pub outcome: ShotOutcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Location>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Location>,
    /// Height of the ball where it ended, cm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_z_cm: Option<i32>,
    /// The vendor's expected goals, 10^-6.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xg_e6: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_part: Option<BodyPart>,
    /// The vendor's word: Volley, Lob.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub technique: Option<String>,
    pub situation: Situation,
    /// The vendor's id of the pass before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assist_id: Option<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_under_pressure: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_first_time: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_one_on_one: bool,
    /// Where the opposing goalkeeper stood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goalkeeper: Option<Location>,
    /// Opponents between the ball and the posts, the goalkeeper among them; absent without a frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opponents_in_cone: Option<u16>,
    /// Everybody the vendor saw at the moment of the shot, the shooter apart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub frame: Vec<FramePlayer>,
}

/// A player in the frame of a shot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FramePlayer {
    pub x_cm: i32,
    pub y_cm: i32,
    pub is_teammate: bool,
    pub is_keeper: bool,
}

/// A challenge on the ground for the ball.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tackle {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub player: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_won: Option<bool>,
    /// The vendor's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Location>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_under_pressure: bool,
}

/// A player moving with the ball.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carry {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub player: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Location>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Location>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_under_pressure: bool,
}

/// A player closing down an opponent who has the ball.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pressure {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub player: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Location>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<i64>,
    /// Within seconds of losing the ball.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_counterpress: bool,
}

/// An offence, by the one who committed it. Its card is a `card` event beside this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Foul {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub player: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Location>,
    /// The vendor's word where it is not a plain foul: Handball, Dangerous Play.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foul_type: Option<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_penalty: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_advantage: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if passes a reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cone_of_a_shot_ends_at_the_posts() {
        let spot = Location { x_cm: 9_400, y_cm: 3_400 };
        for (x_cm, y_cm, is_inside) in [
            (10_450, 3_400, true),
            (10_500, 3_766, true),
            (10_500, 3_767, false),
            (9_399, 3_400, false),
            (9_950, 3_600, false),
        ] {
            assert_eq!(spot.has_in_cone(Location { x_cm, y_cm }), is_inside, "{x_cm},{y_cm}");
        }
    }

    #[test]
    fn a_place_turned_twice_is_itself() {
        let place = Location { x_cm: 1_234, y_cm: -56 };
        assert_eq!(place.turned().turned(), place);
        assert_eq!(place.turned(), Location { x_cm: 9_266, y_cm: 6_856 });
    }
}
