-- One row per event that no window counted because it came too late; is_settled once a rebuild or redrive counted it after all.
with noted as (
    select * from {{ source('bronze', 'late_events') }}
),

settled as (
    select
        event_id,
        min(redriven_at) as settled_at
    from {{ source('bronze', 'redrives') }}
    where ledger = 'late'
    group by event_id
),

joined as (
    select
        noted.event_id,
        noted.source,
        noted.entity,
        noted.kind,
        noted.ledger,
        noted.reason,
        noted.event_time,
        noted.first_arrival_at,
        settled.settled_at is not null as is_settled,
        settled.settled_at,
        noted.event
    from noted
    left join settled on noted.event_id = settled.event_id
)

select * from joined
