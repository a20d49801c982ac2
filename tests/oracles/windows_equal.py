"""Judges the output of `touchline windows`: windows_equal.py TRADES.ndjson WINDOWS.ndjson --window-ms N [...]

DuckDB computes the same windows from the same lines, sums in exact integers (prices and volumes in units of 1e-8).
Ends with 1 and the first differences when a row is missing, superfluous or differs:

- counts, open, high, low, close: equal
- volume, turnover, vwap, mean_price: the exact rational, within 4 units in the last place
- price_stddev, realised_volatility: within 1e-9, relative, or absolute below 1
"""

import argparse
import fractions
import json
import math
import sys

import duckdb

# Finnhub's codes of prints that the consolidated tape keeps out of the last price for their price or time.
EXCLUDING = ["3", "5", "9", "10", "11", "16", "17", "20", "21", "22", "25", "26", "27", "30", "32", "37", "39"]
UNITS = 10**8
SHOWN_MAX = 20

TRADES = """
    CREATE TABLE trades AS
    WITH lines AS (
        SELECT row_number() OVER () AS line, column0 AS text
        FROM read_csv($path, header = false, columns = {'column0': 'VARCHAR'}, delim = '\x01', quote = '', escape = '')
    ),
    kept AS (
        SELECT * FROM lines WHERE NOT $drop_duplicates
        UNION ALL
        SELECT min(line), text FROM lines WHERE $drop_duplicates GROUP BY text
    )
    SELECT
        line,
        json_extract_string(text, '$.s') AS symbol,
        (regexp_extract(text, '"p": *([0-9.eE+-]+)', 1)::DECIMAL(20, 8) * 100000000)::HUGEINT AS p,
        (regexp_extract(text, '"v": *([0-9.eE+-]+)', 1)::DECIMAL(20, 8) * 100000000)::HUGEINT AS v,
        json_extract(text, '$.t')::BIGINT AS t,
        NOT list_has_any(coalesce(json_extract(text, '$.c')::VARCHAR[], []), $excluding) AS counts
    FROM kept
"""

IN_WINDOWS = """
    CREATE TABLE in_windows AS
    SELECT *, unnest(range(t // $slide * $slide - $window + $slide, t // $slide * $slide + 1, $slide)) AS start_ms
    FROM trades
"""

WINDOWS = """
    WITH sums AS (
        SELECT
            symbol,
            start_ms,
            count(*) FILTER (counts) AS trade_count,
            count(*) FILTER (NOT counts) AS excluded_count,
            sum(v) FILTER (counts) AS v,
            sum(p * v) FILTER (counts) AS pv,
            sum(p) FILTER (counts) AS p,
            sum(p * p) FILTER (counts) AS pp,
            first(p ORDER BY t, line) FILTER (counts) AS open,
            max(p) FILTER (counts) AS high,
            min(p) FILTER (counts) AS low,
            last(p ORDER BY t, line) FILTER (counts) AS close
        FROM in_windows
        GROUP BY symbol, start_ms
    ),
    seconds AS (
        SELECT symbol, start_ms, t // 1000 AS second, last(p ORDER BY t, line) AS p
        FROM in_windows
        WHERE counts
        GROUP BY symbol, start_ms, second
    ),
    returns AS (
        SELECT symbol, start_ms, ln(p::DOUBLE / lag(p) OVER (PARTITION BY symbol, start_ms ORDER BY second)) AS r
        FROM seconds
    ),
    volatility AS (
        SELECT symbol, start_ms, sqrt(coalesce(sum(r * r), 0)) AS realised_volatility
        FROM returns
        GROUP BY symbol, start_ms
    )
    SELECT * FROM sums LEFT JOIN volatility USING (symbol, start_ms) ORDER BY start_ms, symbol
"""


def expected_rows(arguments):
    connection = duckdb.connect()
    connection.execute("SET threads = 1")  # the numbers of the lines are their places in the file
    parameters = {
        "path": arguments.trades,
        "drop_duplicates": arguments.drop_duplicates,
        "excluding": EXCLUDING,
    }
    connection.execute(TRADES, parameters)
    connection.execute(IN_WINDOWS, {"window": arguments.window_ms, "slide": arguments.slide_ms})
    cursor = connection.execute(WINDOWS)
    names = [column[0] for column in cursor.description]
    for values in cursor.fetchall():
        row = dict(zip(names, values))
        yield (row["symbol"], row["start_ms"]), figures(row)


def figures(row):
    """Exact rationals where there is one, floats for roots and logarithms."""
    n = row["trade_count"]
    result = {"trade_count": n, "excluded_count": row["excluded_count"]}
    if n == 0:
        names = ["vwap", "open", "high", "low", "close", "mean_price", "price_stddev", "realised_volatility"]
        return result | {"volume": fractions.Fraction(0), "turnover": fractions.Fraction(0)} | dict.fromkeys(names)
    result["volume"] = fractions.Fraction(row["v"], UNITS)
    result["turnover"] = fractions.Fraction(row["pv"], UNITS**2)
    result["mean_price"] = fractions.Fraction(row["p"], n * UNITS)
    result["vwap"] = fractions.Fraction(row["pv"], row["v"] * UNITS) if row["v"] else result["mean_price"]
    for name in ("open", "high", "low", "close"):
        result[name] = fractions.Fraction(row[name], UNITS)
    variance = fractions.Fraction(n * row["pp"] - row["p"] ** 2, (n * UNITS) ** 2)
    result["price_stddev"] = math.sqrt(variance)
    result["realised_volatility"] = row["realised_volatility"]
    return result


EQUAL = {"trade_count", "excluded_count", "open", "high", "low", "close"}
LAST_PLACES = {"volume", "turnover", "vwap", "mean_price"}


def is_same(name, expected, actual):
    if expected is None or actual is None:
        return expected is None and actual is None
    if name in EQUAL:
        return float(expected) == actual
    if name in LAST_PLACES:
        return abs(float(expected) - actual) <= 4 * math.ulp(float(expected))
    return abs(expected - actual) <= 1e-9 * max(1.0, abs(expected))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("trades")
    parser.add_argument("windows")
    parser.add_argument("--window-ms", type=int, required=True)
    parser.add_argument("--slide-ms", type=int)
    parser.add_argument("--drop-duplicates", action="store_true")
    arguments = parser.parse_args()
    arguments.slide_ms = arguments.slide_ms or arguments.window_ms

    actual, differences = {}, []
    with open(arguments.windows) as rows:
        for text in rows:
            row = json.loads(text)
            key = (row["symbol"], row["window_start_ms"])
            if key in actual:
                differences.append(f"{key}: twice")
            if row["window_end_ms"] - row["window_start_ms"] != arguments.window_ms:
                differences.append(f"{key}: ends at {row['window_end_ms']}")
            actual[key] = row
    expected = dict(expected_rows(arguments))
    differences += [f"{key}: missing" for key in expected.keys() - actual.keys()]
    differences += [f"{key}: superfluous" for key in actual.keys() - expected.keys()]
    for key in expected.keys() & actual.keys():
        for name, value in expected[key].items():
            if name not in actual[key]:
                differences.append(f"{key}: {name} is not in the row")
            elif not is_same(name, value, actual[key][name]):
                shown = None if value is None else float(value)
                differences.append(f"{key}: {name} is {actual[key][name]!r}, DuckDB says {shown!r}")
    trade_count = sum(row["trade_count"] + row["excluded_count"] for row in expected.values())
    print(f"{len(expected)} windows over {trade_count} trades, {len(differences)} differences")
    for difference in sorted(differences)[:SHOWN_MAX]:
        print(f"  {difference}")
    if differences or not expected:
        sys.exit(1)


main()
