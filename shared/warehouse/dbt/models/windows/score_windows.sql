-- One row per window: its highest revision. Ask silver.score_windows for the others.
with written as (
    select * from {{ source('silver', 'score_windows') }}
),

ranked as (
    select
        *,
        {{ revision_rank('source, game_id, window_start, window_ms') }} as revision_rank
    from written
),

latest as (
    select
        source,
        game_id,
        window_start,
        window_ms,
        revision,
        {{ window_state() }} as state,
        is_final,
        update_count,
        home_score,
        away_score,
        lead,
        lead_change_count,
        as_of
    from ranked
    where revision_rank = 1
)

select * from latest
