-- Each change of a price: a quote that repeats the price before it is no move.
-- Seconds to start count to the last start time known for the game, so a postponement moves them.
with quotes as (
    select * from {{ ref('stg_odds_quotes') }}
),

fixtures as (
    select * from {{ ref('stg_fixtures') }}
),

compared as (
    select
        *,
        lag(price_e6) over (
            partition by source, game_id, market, book, outcome, point_e2, side
            order by quoted_at, vendor_sequence nulls first, event_id
        ) as price_before_e6
    from quotes
    where game_id is not null and price_e6 > 0
),

moves as (
    select
        *,
        lag(quoted_at) over (
            partition by source, game_id, market, book, outcome, point_e2, side
            order by quoted_at, vendor_sequence nulls first, event_id
        ) as previous_moved_at
    from compared
    where price_before_e6 is null or price_e6 <> price_before_e6
),

starts_ranked as (
    select
        source,
        game_id,
        starts_at,
        row_number() over (
            partition by source, game_id
            order by listed_at desc, vendor_sequence desc nulls last, event_id desc
        ) as listing_rank
    from fixtures
    where starts_at is not null
),

starts as (
    select source, game_id, starts_at from starts_ranked where listing_rank = 1
),

measured as (
    select
        moves.event_id,
        moves.source,
        moves.sport,
        moves.league,
        moves.game_id,
        moves.market,
        moves.book,
        moves.outcome,
        {{ unscaled('moves.point_e2', 2) }} as point,
        moves.side,
        moves.quoted_at as moved_at,
        {{ unscaled('moves.price_e6', 6) }} as price,
        {{ unscaled('moves.price_before_e6', 6) }} as previous_price,
        1e6 / cast(moves.price_e6 as double) as implied_probability,
        1e8 / cast(moves.price_e6 as double) - 1e8 / cast(moves.price_before_e6 as double)
            as implied_probability_change_points,
        cast({{ epoch_ms('moves.quoted_at') }} - {{ epoch_ms('moves.previous_moved_at') }} as double) / 6e4
            as minutes_since_previous,
        moves.price_before_e6 is null as is_opening,
        cast({{ epoch_ms('starts.starts_at') }} - {{ epoch_ms('moves.quoted_at') }} as double) / 1e3
            as seconds_to_start
    from moves
    left join starts on moves.source = starts.source and moves.game_id = starts.game_id
)

select * from measured
