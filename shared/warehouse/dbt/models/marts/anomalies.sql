-- Windows that stand out, with a name a person knows: the two teams of a game, or the symbol.
with found as (
    select * from {{ ref('stg_anomalies') }}
),

games as (
    select * from {{ ref('fct_games') }}
),

-- The entity carries its vendor in front, such as finnhub:AAPL.
placed as (
    select
        *,
        substr(entity, length(source) + 2) as subject
    from found
),

named as (
    select
        placed.anomaly_id,
        placed.family,
        placed.kind,
        placed.source,
        placed.entity,
        case when games.game_id is null then placed.subject end as symbol,
        games.game_id,
        coalesce(games.away_team || ' at ' || games.home_team, placed.subject) as entity_name,
        games.league,
        placed.window_started_at,
        {{ add_ms('placed.window_started_at', 'placed.window_ms') }} as window_ended_at,
        cast(placed.window_ms as double) / 6e4 as window_minutes,
        placed.detected_at,
        placed.value,
        placed.expectation,
        placed.severity,
        placed.robust_z,
        placed.revision
    from placed
    left join games on placed.source = games.source and placed.subject = games.game_id
)

select * from named
