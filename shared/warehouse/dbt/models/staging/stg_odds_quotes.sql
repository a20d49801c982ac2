-- One row per price of one outcome at one book.
with delivered as (
    select * from {{ source('silver', 'odds_quotes') }}
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
        source,
        sport,
        league,
        game_id,
        event_time as quoted_at,
        vendor_seq as vendor_sequence,
        book,
        market,
        outcome,
        point_e2,
        side,
        price_e6,
        size_e2,
        first_arrival_at as first_arrived_at
    from ranked
    where delivery_number = 1
)

select * from renamed
