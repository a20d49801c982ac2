-- A game that is over and was scored at all must have both scores.
select *
from {{ ref('fct_games') }}
where is_final and (home_score is null) <> (away_score is null)
