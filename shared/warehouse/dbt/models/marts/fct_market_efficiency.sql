-- The book's margin whenever it quotes: the sum of implied probabilities over all outcomes of a line, less one.
-- Each outcome counts with its last price at that moment. A moment at which an outcome has no price yet is no row.
with quotes as (
    select * from {{ ref('stg_odds_quotes') }}
),

-- Two sides of a spread have opposite points and belong to one line. Probabilities become whole 10^-12 parts,
-- so that their sum does not depend on the order of outcomes.
lines as (
    select
        source,
        sport,
        league,
        game_id,
        market,
        book,
        coalesce(abs(point_e2), -1) as line_e2,
        outcome,
        quoted_at,
        vendor_sequence,
        event_id,
        cast(1e18 / cast(price_e6 as double) as bigint) as probability_e12
    from quotes
    where game_id is not null and side = 'back' and price_e6 > 0 and market in ('h2h', 'spreads', 'totals')
),

prices as (
    select
        *,
        lead(quoted_at) over (
            partition by source, game_id, market, book, line_e2, outcome
            order by quoted_at, vendor_sequence nulls first, event_id
        ) as replaced_at
    from lines
),

sizes as (
    select
        source,
        game_id,
        market,
        book,
        line_e2,
        count(distinct outcome) as outcome_count
    from lines
    group by source, game_id, market, book, line_e2
),

moments as (
    select distinct source, game_id, market, book, line_e2, quoted_at as snapshot_at from lines
),

standing as (
    select
        moments.source,
        moments.game_id,
        moments.market,
        moments.book,
        moments.line_e2,
        moments.snapshot_at,
        max(prices.sport) as sport,
        max(prices.league) as league,
        count(*) as outcome_count,
        sum(prices.probability_e12) as probability_e12
    from moments
    inner join prices
        on moments.source = prices.source
        and moments.game_id = prices.game_id
        and moments.market = prices.market
        and moments.book = prices.book
        and moments.line_e2 = prices.line_e2
        and moments.snapshot_at >= prices.quoted_at
        and (prices.replaced_at is null or moments.snapshot_at < prices.replaced_at)
    group by
        moments.source, moments.game_id, moments.market, moments.book, moments.line_e2, moments.snapshot_at
),

efficiency as (
    select
        standing.source,
        standing.sport,
        standing.league,
        standing.game_id,
        standing.market,
        standing.book,
        case when standing.line_e2 >= 0 then {{ unscaled('standing.line_e2', 2) }} end as line,
        standing.snapshot_at,
        cast(standing.outcome_count as bigint) as outcome_count,
        cast(standing.probability_e12 - 1000000000000 as double) / 1e12 as overround
    from standing
    inner join sizes
        on standing.source = sizes.source
        and standing.game_id = sizes.game_id
        and standing.market = sizes.market
        and standing.book = sizes.book
        and standing.line_e2 = sizes.line_e2
        and standing.outcome_count = sizes.outcome_count
    where sizes.outcome_count >= 2
)

select * from efficiency
