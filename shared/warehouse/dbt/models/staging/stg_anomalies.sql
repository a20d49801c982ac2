-- One row per anomaly: its highest revision. A revision written twice by a retry counts once.
with written as (
    select * from {{ source('silver', 'anomalies') }}
),

ranked as (
    select
        *,
        row_number() over (partition by anomaly_id order by revision desc, detected_at) as revision_rank
    from written
),

renamed as (
    select
        anomaly_id,
        family,
        kind,
        source,
        entity,
        window_start as window_started_at,
        window_ms,
        detected_at,
        value,
        expectation,
        severity,
        robust_z,
        revision
    from ranked
    where revision_rank = 1
)

select * from renamed
