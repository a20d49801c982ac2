-- One row per refused record; is_redriven once it was taken after all.
with refused as (
    select * from {{ source('bronze', 'quarantine') }}
),

redriven as (
    select
        entry_id,
        min(redriven_at) as redriven_at
    from {{ source('bronze', 'redrives') }}
    where ledger = 'quarantine'
    group by entry_id
),

joined as (
    select
        refused.quarantine_id,
        refused.source,
        refused.reason,
        refused.message,
        refused.pointer,
        refused.raw,
        refused.object_key,
        refused.shard,
        refused.sequence,
        refused.sub,
        refused.quarantined_at,
        redriven.redriven_at is not null as is_redriven,
        redriven.redriven_at
    from refused
    left join redriven on refused.quarantine_id = redriven.entry_id
)

select * from joined
