"""Real trades of several markets as `{"s","p","v","t","c"}` lines:

    trades_to_ndjson.py OUTPUT [--shuffle SEED] [--repeat-every N] [--lines-max N] TICKS_FOLDER
    trades_to_ndjson.py OUTPUT [...] RECORDING.ndjson.gz...

Reads LEAN equity ticks (zip), raw crypto WebSocket recordings (txt.gz) and trades in Parquet from a folder, or
the recordings of Finnhub messages. Prices and volumes are written as plain decimals with at most eight
fractional digits.
"""

import argparse
import datetime
import decimal
import gzip
import json
import pathlib
import random
import zipfile
import zoneinfo

NEW_YORK = zoneinfo.ZoneInfo("America/New_York")
# LEAN's sale-condition bits to the nearest of Finnhub's codes, so that both kinds of print are in the input.
CONDITION_OF_BIT = {
    0x1: "1", 0x2: "5", 0x4: "17", 0x8: "22", 0x10: "29", 0x20: "8", 0x40: "19", 0x80: "36", 0x100: "34",
    0x200: "32", 0x400: "24", 0x800: "9", 0x1000: "31", 0x2000: "24", 0x4000: "30", 0x8000: "23", 0x10000: "2",
}  # fmt: skip
EIGHT_DIGITS = decimal.Decimal("0.00000001")


def line(symbol, price, volume, time_ms, conditions):
    def plain(number):
        text = format(decimal.Decimal(number).quantize(EIGHT_DIGITS), "f").rstrip("0").rstrip(".")
        return text or "0"

    codes = json.dumps(conditions, separators=(",", ":"))
    return f'{{"s":{json.dumps(symbol)},"p":{plain(price)},"v":{plain(volume)},"t":{time_ms},"c":{codes}}}'


def lean_equities(path):
    symbol, date, _ = path.stem.split("_")
    midnight = datetime.datetime.strptime(date, "%Y%m%d").replace(tzinfo=NEW_YORK)
    midnight_ms = round(midnight.timestamp() * 1000)
    with zipfile.ZipFile(path) as archive:
        for row in archive.read(archive.namelist()[0]).decode().splitlines():
            since_midnight_ms, price_e4, size, _, conditions, _ = row.split(",")
            bits = int(conditions or "0", 16)
            codes = [code for bit, code in CONDITION_OF_BIT.items() if bits & bit]
            price = decimal.Decimal(price_e4) / 10_000
            yield line(symbol.upper(), price, size, midnight_ms + int(since_midnight_ms), codes)


def utc_ms(text):
    return round(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def crypto_trades(message):
    """The trades in one message of any of the recorded exchanges: symbol, price, size, time."""
    content = message.get("data") if isinstance(message, dict) else None
    if isinstance(content, dict) and content.get("e") == "aggTrade":
        yield content["s"], content["p"], content["q"], content["T"]
    elif isinstance(content, dict) and message.get("event") == "trade":
        symbol = message["channel"].rsplit("_", 1)[1].upper()
        yield symbol, content["price_str"], content["amount_str"], int(content["microtimestamp"]) // 1000
    elif isinstance(content, list) and str(message.get("topic", "")).startswith("trade."):
        for trade in content:
            yield trade["symbol"], str(trade["price"]), str(trade["size"]), int(trade["trade_time_ms"])
    elif isinstance(message, dict) and message.get("type") in ("match", "last_match"):
        yield message["product_id"], message["price"], message["size"], utc_ms(message["time"])


def crypto_recording(path):
    with gzip.open(path, "rt") as recording:
        for row in recording:
            _, _, text = row.partition(": ")
            try:
                message = json.loads(text)
            except ValueError:
                continue
            for symbol, price, size, time_ms in crypto_trades(message):
                yield line(symbol, price, size, time_ms, None)


def parquet_trades(path):
    import pyarrow.parquet

    for row in pyarrow.parquet.read_table(path).to_pylist():
        time_ms = round(row["timestamp"].timestamp() * 1000)
        yield line("BINANCE:BTCUSDT", repr(row["price"]), repr(row["quantity"]), time_ms, None)


def recording(path):
    """The trades inside a recording of Finnhub messages."""
    with gzip.open(path, "rt") as rows:
        for row in rows:
            for trade in json.loads(row, parse_float=decimal.Decimal).get("data", []):
                yield line(trade["s"], trade["p"], trade["v"], trade["t"], trade["c"])


def lines_of(path):
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.is_file():
                yield from lines_of(file)
    elif path.suffix == ".zip":
        yield from lean_equities(path)
    elif path.name.endswith(".txt.gz"):
        yield from crypto_recording(path)
    elif path.suffix == ".parquet":
        yield from parquet_trades(path)
    elif path.name.endswith(".ndjson.gz"):
        yield from recording(path)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("inputs", type=pathlib.Path, nargs="+")
    parser.add_argument("--shuffle", type=int)
    parser.add_argument("--repeat-every", type=int)
    parser.add_argument("--lines-max", type=int)
    arguments = parser.parse_args()

    lines = [text for path in arguments.inputs for text in lines_of(path)]
    if arguments.lines_max and len(lines) > arguments.lines_max:
        # Whole stretches of every symbol, not one symbol only.
        stretch = arguments.lines_max // 20
        step = len(lines) // 20
        lines = [text for part in range(20) for text in lines[part * step : part * step + stretch]]
    if arguments.repeat_every:
        repeated = []
        for number, text in enumerate(lines):
            repeated.append(text)
            if number % arguments.repeat_every == 0:
                repeated.append(lines[max(0, number - 3)])
        lines = repeated
    if arguments.shuffle is not None:
        random.Random(arguments.shuffle).shuffle(lines)
    assert lines, f"no trades in {arguments.inputs}"
    arguments.output.write_text("".join(text + "\n" for text in lines))
    print(f"{len(lines)} trades")


main()
