-- One row per play of a play-by-play sport.
with delivered as (
    select * from {{ source('silver', 'plays') }}
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
        team_id,
        player_id,
        event_time as played_at,
        vendor_seq as vendor_sequence,
        period,
        game_clock,
        play_type,
        text as play_text,
        is_scoring,
        score_value,
        home_score,
        away_score,
        drive_id,
        home_win_probability_e4
    from ranked
    where delivery_number = 1
)

select * from renamed
