-- One row per score (score_update) or change of period or state (period_change) of a game.
with delivered as (
    select * from {{ source('silver', 'scores') }}
),

ranked as (
    select
        *,
        row_number() over (partition by event_id order by {{ delivery_order() }}) as delivery_number
    from delivered
),

renamed as (
    select
        event_id,
        kind,
        source,
        sport,
        league,
        game_id,
        event_time as scored_at,
        vendor_seq as vendor_sequence,
        period,
        game_clock,
        home_score,
        away_score,
        status,
        status_detail,
        periods
    from ranked
    where delivery_number = 1
)

select * from renamed
