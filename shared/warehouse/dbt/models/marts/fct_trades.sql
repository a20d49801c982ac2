-- Bars of one minute per symbol. Sums run over whole numbers, so that any order of rows gives the same bytes.
-- The deviation is taken from the bar's open: its squares stay small and their sum exact.
with trades as (
    select * from {{ ref('stg_trades') }}
),

placed as (
    select
        *,
        {{ minute_trunc('traded_at') }} as bar_started_at
    from trades
),

ranked as (
    select
        *,
        row_number() over (
            partition by source, symbol, bar_started_at, is_vwap_eligible
            order by traded_at, vendor_sequence nulls first, event_id
        ) as rank_from_open,
        row_number() over (
            partition by source, symbol, bar_started_at, is_vwap_eligible
            order by traded_at desc, vendor_sequence desc nulls last, event_id desc
        ) as rank_from_close
    from placed
),

anchored as (
    select
        *,
        max(case when is_vwap_eligible and rank_from_open = 1 then price_e8 end) over (
            partition by source, symbol, bar_started_at
        ) as open_e8
    from ranked
),

summed as (
    select
        source,
        symbol,
        bar_started_at,
        sum(case when is_vwap_eligible then 1 else 0 end) as trade_count,
        sum(case when is_vwap_eligible then 0 else 1 end) as excluded_count,
        sum(case when is_vwap_eligible then cast(volume_e8 as decimal(38, 0)) end) as volume_e8,
        sum(case when is_vwap_eligible then {{ exact_product('price_e8', 'volume_e8') }} end) as turnover_e16,
        max(open_e8) as open_e8,
        max(case when is_vwap_eligible then price_e8 end) as high_e8,
        min(case when is_vwap_eligible then price_e8 end) as low_e8,
        max(case when is_vwap_eligible and rank_from_close = 1 then price_e8 end) as close_e8,
        sum(case when is_vwap_eligible then cast(price_e8 - open_e8 as decimal(38, 0)) end) as deviation_e8,
        sum(
            case when is_vwap_eligible
                then {{ exact_product('price_e8 - open_e8', 'price_e8 - open_e8') }} end
        ) as squared_deviation_e16
    from anchored
    group by source, symbol, bar_started_at
),

averaged as (
    select
        *,
        cast(deviation_e8 as double) / nullif(trade_count, 0) as mean_deviation_e8,
        cast(squared_deviation_e16 as double) / nullif(trade_count, 0) as mean_squared_deviation_e16
    from summed
),

-- Rounding may leave a variance a hair below zero.
spread as (
    select
        *,
        case
            when mean_squared_deviation_e16 > mean_deviation_e8 * mean_deviation_e8
                then mean_squared_deviation_e16 - mean_deviation_e8 * mean_deviation_e8
            when trade_count > 0 then 0e0
        end as variance_e16
    from averaged
),

bars as (
    select
        source,
        symbol,
        bar_started_at,
        cast(trade_count as bigint) as trade_count,
        cast(excluded_count as bigint) as excluded_count,
        coalesce({{ unscaled('volume_e8', 8) }}, 0e0) as volume,
        coalesce({{ unscaled('turnover_e16', 16) }}, 0e0) as turnover,
        cast(turnover_e16 as double) / nullif(cast(volume_e8 as double), 0e0) / 1e8 as vwap,
        {{ unscaled('open_e8', 8) }} as open,
        {{ unscaled('high_e8', 8) }} as high,
        {{ unscaled('low_e8', 8) }} as low,
        {{ unscaled('close_e8', 8) }} as close,
        (cast(open_e8 as double) + mean_deviation_e8) / 1e8 as mean_price,
        sqrt(variance_e16) / 1e8 as price_stddev
    from spread
)

select * from bars
