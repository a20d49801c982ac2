-- One row per window of trades: its highest revision. A revision written twice by a retry counts once.
with written as (
    select * from {{ source('silver', 'trade_windows') }}
),

ranked as (
    select
        *,
        row_number() over (
            partition by source, symbol, window_start, window_ms
            order by revision desc, as_of desc
        ) as revision_rank
    from written
),

renamed as (
    select
        source,
        symbol,
        window_start as window_started_at,
        window_ms,
        revision,
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

select * from renamed
