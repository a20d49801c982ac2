-- One row per trade print.
with delivered as (
    select * from {{ source('silver', 'trades') }}
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
        symbol,
        event_time as traded_at,
        vendor_seq as vendor_sequence,
        price_e8,
        volume_e8,
        conditions,
        is_vwap_eligible,
        first_arrival_at as first_arrived_at
    from ranked
    where delivery_number = 1
)

select * from renamed
