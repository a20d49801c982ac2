-- Each change of the score. A vendor that takes a goal back makes a change like any other.
-- A lead change is a new leader: level in between does not count, going ahead first does not either.
with scores as (
    select * from {{ ref('stg_scores') }}
),

compared as (
    select
        *,
        lag(home_score) over (
            partition by source, game_id order by scored_at, vendor_sequence nulls first, event_id
        ) as home_score_before,
        lag(away_score) over (
            partition by source, game_id order by scored_at, vendor_sequence nulls first, event_id
        ) as away_score_before
    from scores
    where game_id is not null and home_score is not null and away_score is not null
),

changes as (
    select
        *,
        home_score - away_score as home_lead,
        row_number() over (
            partition by source, game_id order by scored_at, vendor_sequence nulls first, event_id
        ) as change_number
    from compared
    where home_score_before is null or home_score <> home_score_before or away_score <> away_score_before
),

-- The number of the last change that left somebody ahead, doubled, plus one where that was the home team.
led as (
    select
        *,
        max(
            case when home_lead <> 0 then change_number * 2 + case when home_lead > 0 then 1 else 0 end end
        ) over (
            partition by source, game_id order by change_number
            rows between unbounded preceding and 1 preceding
        ) as last_led
    from changes
),

progression as (
    select
        event_id,
        source,
        sport,
        league,
        game_id,
        cast(change_number as bigint) as change_number,
        scored_at,
        period,
        game_clock,
        home_score,
        away_score,
        home_score - coalesce(home_score_before, 0) as home_points,
        away_score - coalesce(away_score_before, 0) as away_points,
        home_lead,
        case when home_lead > 0 then 'home' when home_lead < 0 then 'away' else 'level' end as leader,
        coalesce(home_lead <> 0 and last_led % 2 <> case when home_lead > 0 then 1 else 0 end, false)
            as is_lead_change
    from led
)

select * from progression
