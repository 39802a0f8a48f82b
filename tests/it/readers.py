"""Reads Delta tables with one package and prints their rows as JSON: readers.py PACKAGE COLUMN FOLDER...

Rows are ordered by COLUMN. What JSON has not is written as text: dates and timestamps (in UTC) in ISO 8601, decimals as they
are, bytes in hexadecimal.
"""

import datetime
import decimal
import json
import os
import pathlib
import sys


def deltalake(folder):
    from deltalake import DeltaTable

    return DeltaTable(folder).to_pyarrow_table().to_pylist()


def polars(folder):
    import polars

    return polars.read_delta(folder).to_dicts()


def duckdb(folder):
    import duckdb
    import duckdb_extension_delta

    package = pathlib.Path(duckdb_extension_delta.__file__).parent
    (extension,) = package.rglob("delta.duckdb_extension")
    connection = duckdb.connect()
    connection.execute(f"load '{extension}'")
    connection.execute("set timezone = 'UTC'")
    return connection.execute("select * from delta_scan(?)", [folder]).to_arrow_table().to_pylist()


def plain(value):
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if isinstance(value, datetime.datetime):
        assert value.tzinfo is not None, "a timestamp without a zone"
        return value.astimezone(datetime.timezone.utc).isoformat()
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    return value


def main(package, column, *folders):
    read = {"deltalake": deltalake, "polars": polars, "duckdb": duckdb}[package]
    tables = []
    for folder in folders:
        rows = [plain(row) for row in read(folder)]
        tables.append(sorted(rows, key=lambda row: row[column]))
    json.dump(tables, sys.stdout)
    sys.stdout.flush()
    # Threads of some packages end badly when the interpreter takes its time to leave.
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
