"""The one-minute trade windows as one DuckDB query: duckdb_windows.py INPUT.ndjson OUTPUT.ndjson

The batch counterpart of `touchline windows` in `cargo xtask bench windows`. Malformed lines are dropped, as
they are there; duplicates and lateness have no counterpart here.
"""

import os
import sys

import duckdb

source, target = sys.argv[1:3]
connection = duckdb.connect()
connection.execute(f"SET threads = {os.cpu_count()}")
connection.execute(
    f"""
    COPY (
        SELECT
            s AS symbol,
            t // 60000 * 60000 AS window_start_ms,
            count(*) AS trade_count,
            sum(v) AS volume,
            sum(p * v) AS turnover,
            sum(p * v) / sum(v) AS vwap,
            arg_min(p, t) AS open,
            max(p) AS high,
            min(p) AS low,
            arg_max(p, t) AS close,
            avg(p) AS mean_price,
            stddev_pop(p) AS price_stddev
        FROM read_json(
            '{source}',
            format = 'newline_delimited',
            columns = {{s: 'VARCHAR', p: 'DOUBLE', v: 'DOUBLE', t: 'BIGINT'}},
            ignore_errors = true
        )
        WHERE s IS NOT NULL AND p IS NOT NULL AND v IS NOT NULL AND t IS NOT NULL
        GROUP BY 1, 2
        ORDER BY 2, 1
    ) TO '{target}' (FORMAT json)
    """
)
