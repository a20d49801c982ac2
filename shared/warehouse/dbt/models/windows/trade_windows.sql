-- One row per window: its highest revision. Ask silver.trade_windows for the others.
with written as (
    select * from {{ source('silver', 'trade_windows') }}
),

ranked as (
    select
        *,
        {{ revision_rank('source, symbol, window_start, window_ms') }} as revision_rank
    from written
),

latest as (
    select
        source,
        symbol,
        window_start,
        window_ms,
        revision,
        {{ window_state() }} as state,
        is_final,
        trade_count,
        excluded_count,
        volume,
        turnover,
        vwap,
        open,
        close,
        high,
        low,
        mean_price,
        price_stddev,
        realised_volatility,
        as_of
    from ranked
    where revision_rank = 1
)

select * from latest
