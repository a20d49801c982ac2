-- One row per game of a vendor, from its last listing, its last score and its last state.
-- A game that was only listed, or only scored, is a row too.
with fixtures as (
    select * from {{ ref('stg_fixtures') }}
),

scores as (
    select * from {{ ref('stg_scores') }}
),

games as (
    select source, game_id from fixtures where game_id is not null
    union
    select source, game_id from scores where game_id is not null
),

listings_ranked as (
    select
        *,
        row_number() over (
            partition by source, game_id
            order by listed_at desc, vendor_sequence desc nulls last, event_id desc
        ) as listing_rank
    from fixtures
),

listings as (
    select * from listings_ranked where listing_rank = 1
),

scores_ranked as (
    select
        *,
        row_number() over (
            partition by source, game_id
            order by scored_at desc, vendor_sequence desc nulls last, event_id desc
        ) as score_rank
    from scores
    where home_score is not null and away_score is not null
),

last_scores as (
    select * from scores_ranked where score_rank = 1
),

states as (
    select source, game_id, listed_at as stated_at, vendor_sequence, event_id, status, status_detail, sport, league,
        cast(null as integer) as period
    from fixtures
    union all
    select source, game_id, scored_at as stated_at, vendor_sequence, event_id, status, status_detail, sport, league,
        period
    from scores
),

-- What the game's last state leaves open (a period, a league) is taken from the last row that names it.
states_ranked as (
    select
        *,
        row_number() over (
            partition by source, game_id
            order by stated_at desc, case when status = 'final' then 0 else 1 end,
                vendor_sequence desc nulls last, event_id desc
        ) as state_rank
    from states
),

last_states as (
    select
        source,
        game_id,
        max(case when state_rank = 1 then status end) as status,
        max(case when state_rank = 1 then status_detail end) as status_detail,
        max(period) as period,
        max(sport) as sport,
        max(league) as league,
        max(stated_at) as last_updated_at
    from states_ranked
    group by source, game_id
),

joined as (
    select
        games.source,
        games.game_id,
        last_states.sport,
        last_states.league,
        listings.home_team_id,
        listings.home_team,
        listings.home_abbreviation,
        listings.away_team_id,
        listings.away_team,
        listings.away_abbreviation,
        listings.venue,
        listings.is_neutral_site,
        listings.starts_at,
        last_states.status,
        last_states.status_detail,
        last_states.status = 'final' as is_final,
        last_states.period as last_period,
        last_scores.home_score,
        last_scores.away_score,
        case
            when last_states.status <> 'final' then cast(null as varchar)
            when last_scores.home_score > last_scores.away_score then 'home'
            when last_scores.home_score < last_scores.away_score then 'away'
            when last_scores.home_score = last_scores.away_score then 'draw'
        end as winner,
        last_scores.periods as period_scores,
        last_scores.scored_at as last_scored_at,
        last_states.last_updated_at
    from games
    inner join last_states on games.source = last_states.source and games.game_id = last_states.game_id
    left join listings on games.source = listings.source and games.game_id = listings.game_id
    left join last_scores on games.source = last_scores.source and games.game_id = last_scores.game_id
)

select * from joined
