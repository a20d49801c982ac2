-- One row per listing of a game; a game is listed again whenever its listing changes.
with delivered as (
    select * from {{ source('silver', 'fixtures') }}
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
        event_time as listed_at,
        vendor_seq as vendor_sequence,
        home_id as home_team_id,
        home_name as home_team,
        home_abbreviation,
        away_id as away_team_id,
        away_name as away_team,
        away_abbreviation,
        starts_at,
        status,
        status_detail,
        venue,
        is_neutral_site
    from ranked
    where delivery_number = 1
)

select * from renamed
