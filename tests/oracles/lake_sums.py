"""What others see in the lake of a state folder: lake_sums.py STATE

Prints one JSON object, table name -> {"sql", "pyiceberg", "duckdb"}: row count, filled values of every column, and
sums of every numeric column, once from pyiceberg's scan, once from DuckDB over the Parquet files of that scan's plan,
and the SQL that must give the same anywhere.
"""

import json
import math
import pathlib
import sys
import urllib.parse

import duckdb
import pyarrow
import pyarrow.compute
from pyiceberg.catalog.sql import SqlCatalog


def measures(schema):
    """(name, column, function) of every measure of a table."""
    yield "row_count", None, "rows"
    for field in schema:
        yield f"{field.name}__filled", field.name, "filled"
        if pyarrow.types.is_integer(field.type) or pyarrow.types.is_floating(field.type):
            yield f"{field.name}__sum", field.name, "sum"


def sql_of(schema, source):
    expressions = {"rows": "count(*)", "filled": 'count("{}")', "sum": 'sum("{}")'}
    columns = [f"{expressions[function].format(column)} AS {name}" for name, column, function in measures(schema)]
    return f"SELECT {', '.join(columns)} FROM {source}"


def from_arrow(rows, schema):
    result = {}
    for name, column, function in measures(schema):
        if function == "rows":
            result[name] = rows.num_rows
        elif function == "filled":
            result[name] = rows.num_rows - rows.column(column).null_count
        else:
            values = [value for value in rows.column(column).to_pylist() if value is not None]
            is_exact = pyarrow.types.is_integer(schema.field(column).type)
            result[name] = (sum(values) if is_exact else math.fsum(values)) if values else None
    return result


def from_parquet(paths, schema):
    if not paths:
        return from_arrow(schema.empty_table(), schema)
    connection = duckdb.connect()
    cursor = connection.execute(sql_of(schema, "read_parquet($paths, union_by_name = true)"), {"paths": paths})
    names = [column[0] for column in cursor.description]
    row = dict(zip(names, cursor.fetchone()))
    for name, column, function in measures(schema):
        if function == "sum" and not pyarrow.types.is_integer(schema.field(column).type) and row[name] is not None:
            # fsum is exactly rounded; so must its counterpart be.
            values = connection.execute(f'SELECT "{column}" FROM read_parquet($paths)', {"paths": paths}).fetchall()
            row[name] = math.fsum(value for (value,) in values if value is not None)
    return row


def local_path(url):
    return urllib.parse.unquote(urllib.parse.urlparse(url).path) if url.startswith("file:") else url


def main():
    state = pathlib.Path(sys.argv[1]).resolve()
    catalog = SqlCatalog("touchline", uri=f"sqlite:///{state}/lake/catalog.db", warehouse=f"file://{state}/lake")
    result = {}
    for namespace in catalog.list_namespaces():
        for identifier in catalog.list_tables(namespace):
            table = catalog.load_table(identifier)
            name = ".".join(identifier)
            rows = table.scan().to_arrow()
            paths = [local_path(task.file.file_path) for task in table.scan().plan_files()]
            result[name] = {
                "sql": sql_of(rows.schema, name),
                "pyiceberg": from_arrow(rows, rows.schema),
                "duckdb": from_parquet(paths, rows.schema),
            }
    json.dump(result, sys.stdout, default=int)


main()
