-- One row per window: its highest revision. Ask silver.odds_windows for the others.
with written as (
    select * from {{ source('silver', 'odds_windows') }}
),

ranked as (
    select
        *,
        {{ revision_rank('source, game_id, market, book, outcome, point, side, window_start, window_ms') }} as revision_rank
    from written
),

latest as (
    select
        source,
        game_id,
        market,
        book,
        outcome,
        point,
        side,
        window_start,
        window_ms,
        revision,
        {{ window_state() }} as state,
        is_final,
        quote_count,
        open,
        close,
        high,
        low,
        move_count,
        implied_probability,
        volatility,
        as_of
    from ranked
    where revision_rank = 1
)

select * from latest
