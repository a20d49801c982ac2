//! A payload of every kind with its optional fields set, and the end of the row that each becomes.

use touchline_event::{
    Article, BodyPart, Card, Carry, Fixture, Foul, FramePlayer, GameStatus, Goal, League, Lineup, LineupPlayer,
    Location, MarketStatus, OddsQuote, Other, Pass, PassHeight, PassOutcome, Payload, PeriodChange, Play, Pressure,
    RosterChange, ScoreUpdate, Shot, ShotOutcome, Side, Situation, Squad, Substitution, Tackle, Team, TeamProfile,
    TrackedBall, TrackedPlayer, TrackingFrame, TradedVolume, Venue, WearableSample, WeatherObservation,
};

use crate::testing::{heartbeat, trade};

/// Where something begins and ends.
const PLACES: (Location, Location) = (Location { x_cm: 9_000, y_cm: 3_000 }, Location { x_cm: 10_500, y_cm: 3_500 });

fn text(value: &str) -> String {
    value.to_owned()
}

/// Kind, table, and how its row ends.
pub(super) const EXPECTED: &[(&str, &str, &str)] = &[
    ("score_update", "silver.scores", "home_score=21 away_score=17 status=halftime periods=[[7,10],[14,7]]"),
    ("period_change", "silver.scores", "sub=2 status=halftime status_detail=STATUS_HALFTIME"),
    ("goal", "silver.match_events", "detail=penalty player=Kane"),
    ("card", "silver.match_events", "detail=yellow player=Rice"),
    ("substitution", "silver.match_events", "detail= player=In other_player=Out"),
    (
        "market_status",
        "silver.markets",
        "is_in_play=true market_time=2023-11-14T22:13:20Z outcomes=[[\"55\",\"ACTIVE\"]]",
    ),
    ("traded_volume", "silver.markets", "sub=2 market=1.170 outcome=55 price_e6=2000000 size_e2=500"),
    ("odds_quote", "silver.odds_quotes", "outcome=Home point_e2=-350 price_e6=1909091 side=lay size_e2=12345"),
    ("play", "silver.plays", "score_value=0 home_score=7 away_score=3 drive_id=4 home_win_probability_e4=6120"),
    ("fixture", "silver.fixtures", "status=scheduled status_detail=STATUS_SCHEDULED venue=Arena is_neutral_site=false"),
    (
        "weather_observation",
        "silver.weather",
        "temperature_c_e2=-150 wind_mps_e2=420 condition=snow is_indoor=false humidity_pct=80 \
         precipitation_mm_e2=120 precipitation_min=60 is_forecast=true valid_at=2023-11-14T22:13:20Z place=London",
    ),
    ("article", "silver.articles", "title=t url=u language=en"),
    (
        "roster_change",
        "silver.rosters",
        "player=Rice team_name=Home status=active number=41 member_from=2023-11-14T22:13:20Z",
    ),
    ("team", "silver.teams", "team_name=Home team_abbreviation=T country=England"),
    ("league", "silver.leagues", "league_id=8 league_name=Premier League season=2025/2026"),
    ("venue", "silver.venues", "venue_id=5 venue_name=Arena latitude_e6=-51000000"),
    ("other", "silver.other", "vendor_kind=var content={\"x\":1}"),
    (
        "lineup",
        "silver.lineups",
        "is_home=true formation=4-4-2 player_count=1 players=[{\"id\":\"9\",\"name\":\"Kerr\",\"number\":20,\
         \"position\":\"Striker\",\"is_starter\":true}]",
    ),
    (
        "pass",
        "silver.passes",
        "recipient=Foord recipient_id=11 outcome=complete from_x_cm=9000 from_y_cm=3000 to_x_cm=10500 to_y_cm=3500 \
         length_cm=1581 angle_e4=3217 duration_ms=900 height=low body_part=left_foot situation=corner \
         is_under_pressure=true is_cross=true is_switch=false is_through_ball=false is_shot_assist=false \
         is_goal_assist=true",
    ),
    (
        "shot",
        "silver.shots",
        "to_z_cm=120 xg_e6=123456 body_part=head technique=Normal situation=open_play assist_id=p1 \
         is_under_pressure=false is_first_time=true is_one_on_one=false goalkeeper_x_cm=10500 goalkeeper_y_cm=3500 \
         opponents_in_cone=1 frame=[{\"x_cm\":10500,\"y_cm\":3500,\"is_teammate\":false,\"is_keeper\":true}]",
    ),
    ("tackle", "silver.actions", "from_x_cm=9000 from_y_cm=3000 detail=Won is_won=true is_under_pressure=false"),
    ("carry", "silver.actions", "to_x_cm=10500 to_y_cm=3500 duration_ms=80 is_under_pressure=true"),
    ("pressure", "silver.actions", "from_y_cm=3000 duration_ms=700 is_counterpress=true"),
    ("foul", "silver.actions", "from_y_cm=3000 detail=Handball is_penalty=true"),
    (
        "tracking_frame",
        "silver.tracking_frames",
        "frame=450 clock_ms=18000 vendor_event=e is_oriented=true is_alive=true possession=away ball_x_cm=1 \
         ball_y_cm=2 ball_z_cm=3 player_count=1 \
         players=[{\"squad\":\"home\",\"number\":1,\"x_cm\":4,\"y_cm\":5,\"speed_cmps\":6}]",
    ),
    (
        "wearable_sample",
        "silver.wearable_samples",
        "elapsed_ms=1000 heart_rate_bpm=161 speed_mmps=5888 distance_cm=601 cadence_rpm=71 power_w=172 \
         altitude_cm=7520 temperature_c_e2=2100",
    ),
];

/// One payload of every kind, optional fields set.
pub(super) fn payloads() -> Vec<Payload> {
    let groups = [
        game_payloads(),
        market_payloads(),
        surrounding_payloads(),
        pitch_payloads(),
        action_payloads(),
        measured_payloads(),
        listed_payloads(),
    ];
    groups.into_iter().flatten().collect()
}

fn game_payloads() -> Vec<Payload> {
    let team = |name: &str| Team { id: text("7"), name: text(name), abbreviation: Some(text("T")) };
    vec![
        Fixture {
            home: team("Home"),
            away: team("Away"),
            starts_at_ms: Some(1_700_000_000_000),
            status: GameStatus::Scheduled,
            status_detail: Some(text("STATUS_SCHEDULED")),
            venue: Some(text("Arena")),
            is_neutral_site: Some(false),
        }
        .into(),
        ScoreUpdate { home_score: 21, away_score: 17, status: GameStatus::Halftime, periods: vec![[7, 10], [14, 7]] }
            .into(),
        PeriodChange { status: GameStatus::Halftime, status_detail: text("STATUS_HALFTIME") }.into(),
        Goal { scorer: Some(text("Kane")), is_own_goal: false, is_penalty: true, is_shootout: false }.into(),
        Card { color: text("yellow"), player: Some(text("Rice")) }.into(),
        Substitution { player_in: Some(text("In")), player_out: Some(text("Out")) }.into(),
        Play {
            play_type: text("Pass Reception"),
            text: Some(text("for 12 yards")),
            is_scoring: false,
            score_value: 0,
            home_score: 7,
            away_score: 3,
            drive_id: Some(text("4")),
            home_win_probability_e4: Some(6_120),
        }
        .into(),
    ]
}

fn market_payloads() -> Vec<Payload> {
    vec![
        OddsQuote {
            book: text("draftkings"),
            market: text("spreads"),
            outcome: text("Home"),
            point_e2: Some(-350),
            price_e6: 1_909_091,
            side: Side::Lay,
            size_e2: Some(12_345),
        }
        .into(),
        MarketStatus {
            market: text("1.170"),
            status: text("open"),
            is_in_play: true,
            market_time_ms: Some(1_700_000_000_000),
            outcomes: vec![(text("55"), text("ACTIVE"))],
        }
        .into(),
        TradedVolume { market: text("1.170"), outcome: text("55"), price_e6: 2_000_000, size_e2: 500 }.into(),
        trade(16_406_010_000),
    ]
}

fn surrounding_payloads() -> Vec<Payload> {
    vec![
        WeatherObservation {
            temperature_c_e2: Some(-150),
            wind_mps_e2: Some(420),
            condition: Some(text("snow")),
            is_indoor: Some(false),
            humidity_pct: Some(80),
            precipitation_mm_e2: Some(120),
            precipitation_min: Some(60),
            is_forecast: Some(true),
            valid_at_ms: Some(1_700_000_000_000),
            place: Some(text("London")),
            ..WeatherObservation::default()
        }
        .into(),
        Article { title: text("t"), url: text("u"), language: Some(text("en")), ..Article::default() }.into(),
        heartbeat(0),
        Other { vendor_kind: text("var"), content: serde_json::json!({"x": 1}) }.into(),
    ]
}

fn listed_payloads() -> Vec<Payload> {
    let team = || Team { id: text("7"), name: text("Home"), abbreviation: Some(text("T")) };
    vec![
        RosterChange {
            team: team(),
            player: text("Rice"),
            status: text("active"),
            number: Some(41),
            from_ms: Some(1_700_000_000_000),
            ..RosterChange::default()
        }
        .into(),
        TeamProfile { team: team(), country: Some(text("England")), ..TeamProfile::default() }.into(),
        League { id: text("8"), name: text("Premier League"), season: Some(text("2025/2026")), ..League::default() }
            .into(),
        Venue { id: text("5"), name: text("Arena"), latitude_e6: Some(-51_000_000), ..Venue::default() }.into(),
    ]
}

fn pitch_payloads() -> Vec<Payload> {
    let (from, to) = PLACES;
    let player = Some(text("Kerr"));
    vec![
        Lineup {
            team: Team { id: text("7"), name: text("Home"), abbreviation: None },
            is_home: Some(true),
            formation: Some(text("4-4-2")),
            players: vec![LineupPlayer {
                id: text("9"),
                name: text("Kerr"),
                number: Some(20),
                position: Some(text("Striker")),
                is_starter: Some(true),
            }],
        }
        .into(),
        Pass {
            player: player.clone(),
            recipient: Some(text("Foord")),
            recipient_id: Some(text("11")),
            outcome: PassOutcome::Complete,
            from: Some(from),
            to: Some(to),
            length_cm: Some(1_581),
            angle_e4: Some(3_217),
            duration_ms: Some(900),
            height: Some(PassHeight::Low),
            body_part: Some(BodyPart::LeftFoot),
            situation: Situation::Corner,
            is_under_pressure: true,
            is_cross: true,
            is_switch: false,
            is_through_ball: false,
            is_shot_assist: false,
            is_goal_assist: true,
        }
        .into(),
        Shot {
            player,
            outcome: ShotOutcome::SavedToPost,
            from: Some(from),
            to: Some(to),
            to_z_cm: Some(120),
            xg_e6: Some(123_456),
            body_part: Some(BodyPart::Head),
            technique: Some(text("Normal")),
            situation: Situation::OpenPlay,
            assist_id: Some(text("p1")),
            is_under_pressure: false,
            is_first_time: true,
            is_one_on_one: false,
            goalkeeper: Some(to),
            opponents_in_cone: Some(1),
            frame: vec![FramePlayer { x_cm: 10_500, y_cm: 3_500, is_teammate: false, is_keeper: true }],
        }
        .into(),
    ]
}

fn action_payloads() -> Vec<Payload> {
    let (from, to) = PLACES;
    let player = Some(text("Kerr"));
    vec![
        Tackle {
            player: player.clone(),
            is_won: Some(true),
            outcome: Some(text("Won")),
            at: Some(from),
            is_under_pressure: false,
        }
        .into(),
        Carry {
            player: player.clone(),
            from: Some(from),
            to: Some(to),
            duration_ms: Some(80),
            is_under_pressure: true,
        }
        .into(),
        Pressure { player: player.clone(), at: Some(from), duration_ms: Some(700), is_counterpress: true }.into(),
        Foul { player, at: Some(from), foul_type: Some(text("Handball")), is_penalty: true, is_advantage: false }
            .into(),
    ]
}

fn measured_payloads() -> Vec<Payload> {
    vec![
        TrackingFrame {
            frame: Some(450),
            clock_ms: Some(18_000),
            event: Some(text("e")),
            is_oriented: true,
            is_alive: Some(true),
            possession: Some(Squad::Away),
            ball: Some(TrackedBall { x_cm: 1, y_cm: 2, z_cm: Some(3), speed_cmps: None }),
            players: vec![TrackedPlayer {
                squad: Squad::Home,
                id: None,
                number: Some(1),
                x_cm: 4,
                y_cm: 5,
                speed_cmps: Some(6),
                is_detected: None,
            }],
        }
        .into(),
        WearableSample {
            elapsed_ms: Some(1_000),
            heart_rate_bpm: Some(161),
            speed_mmps: Some(5_888),
            distance_cm: Some(601),
            cadence_rpm: Some(71),
            power_w: Some(172),
            altitude_cm: Some(7_520),
            temperature_c_e2: Some(2_100),
        }
        .into(),
    ]
}
