#!/usr/bin/env python3
"""Makes the recordings of this folder from the data folder described in SOURCES.md.

    python3 tests/recordings/make.py <data folder>

Run by hand, once: the recordings are the product, this is how they came about. The same input gives the same bytes.
Nothing is invented: records are cut, folded into a starting image, or re-shaped, as SOURCES.md says of each file.
"""

import csv
import datetime as dt
import gzip
import io
import json
import pathlib
import sys
import zipfile

HERE = pathlib.Path(__file__).parent
NEW_YORK = dt.timezone(dt.timedelta(hours=-4))  # daylight time on 2013-10-08

# What the recordings leave out of ESPN's payloads wherever it stands: links, pictures, prose.
ESPN_NOISE = {
    "links", "link", "logos", "logo", "headshot", "headlines", "geoBroadcasts", "broadcasts", "broadcast", "videos",
    "article", "news", "leaders", "standings", "injuries", "seasonseries", "againstTheSpread", "tickets", "images",
    "href", "$ref", "seasonLeaders", "records", "media", "footer", "deepLink", "mobileLink", "tvLink",
}
ESPN_SUMMARY_KEYS = ("header", "gameInfo", "drives", "plays", "winprobability", "pickcenter", "format", "meta")


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def write(name, lines):
    """One gzip member without a time stamp, so that the bytes depend on the content alone."""
    text = "".join(line + "\n" for line in lines)
    with open(HERE / name, "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(text.encode())
    print(f"{name}: {(HERE / name).stat().st_size:,} B, {len(lines)} lines, {len(text):,} B unpacked")


def without_noise(value):
    if isinstance(value, dict):
        return {key: without_noise(inner) for key, inner in value.items() if key not in ESPN_NOISE}
    if isinstance(value, list):
        return [without_noise(inner) for inner in value]
    return value


def load(path):
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt") as file:
        return json.load(file)


def load_lines(path):
    with gzip.open(path, "rt") as file:
        return [json.loads(line) for line in file]


def utc_ms(*when, zone=dt.timezone.utc):
    return int(dt.datetime(*when, tzinfo=zone).timestamp() * 1000)


def price(ten_thousandths):
    """The exact decimal of a price in 1/10000, as a JSON number."""
    whole, rest = divmod(ten_thousandths, 10_000)
    return f"{whole}.{rest:04}".rstrip("0").rstrip(".")


def trades(data):
    """One hour of AIG, BAC and SPY as Finnhub messages of at most one second each."""
    midnight = utc_ms(2013, 10, 8, zone=NEW_YORK)
    start, end = 13 * 3_600_000, 14 * 3_600_000
    prints = []
    for order, symbol in enumerate(("aig", "bac", "spy")):
        archive = zipfile.ZipFile(data / f"ticks/us_equity_trades_2013/{symbol}_20131008_trade.zip")
        with archive.open(archive.namelist()[0]) as file:
            for index, row in enumerate(csv.reader(io.TextIOWrapper(file))):
                at, scaled, size, suspicious = int(row[0]), int(row[1]), int(row[2]), row[5]
                if start <= at < end and suspicious != "1":
                    prints.append((at, order, index, symbol.upper(), scaled, size))
    prints.sort()
    messages, second = [], None
    for at, _, _, symbol, scaled, size in prints:
        if at // 1000 != second:
            second = at // 1000
            messages.append([])
        messages[-1].append(f'{{"c":null,"p":{price(scaled)},"s":"{symbol}","t":{midnight + at},"v":{size}}}')
    write(
        "trades_2013-10-08_1h.ndjson.gz",
        ['{"data":[' + ",".join(message) + '],"type":"trade"}' for message in messages],
    )


def summaries(data):
    for league, game, day in (("nfl", "401547505", "2023-10-29"), ("nba", "401585135", "2024-01-09")):
        summary = load(data / f"espn/{league}_summary_{game}_{day}_final.json")
        kept = {key: without_noise(summary[key]) for key in ESPN_SUMMARY_KEYS if key in summary}
        write(f"{league}_{game}_summary.json.gz", [compact(kept)])


def scoreboards(data):
    """Every capture of 3 to 5 July 2026, with the games that were played on those days."""
    lines = []
    for path in sorted((data / "espn/worldcup2026_live_series").glob("scoreboard_*.json.gz")):
        stamp = path.name.split("_")[1]
        taken_at = dt.datetime.strptime(stamp, "%Y%m%dT%H%MZ")
        if not dt.datetime(2026, 7, 3) <= taken_at < dt.datetime(2026, 7, 6, 6):
            continue
        body = without_noise(load(path))
        body["events"] = [event for event in body["events"] if "2026-07-03" <= event["date"][:10] <= "2026-07-06"]
        lines.append(compact({"received_at": taken_at.strftime("%Y-%m-%dT%H:%M:00Z"), "body": body}))
    write("worldcup_scoreboards.ndjson.gz", lines)


def fold(messages):
    """Deltas and the image before them as one image: what a client that connected then would have been sent."""
    change = {"id": messages[0]["mc"][0]["id"], "img": True}
    runners = {}
    for message in messages:
        for market in message["mc"]:
            change["marketDefinition"] = market.get("marketDefinition", change.get("marketDefinition"))
            for runner in market.get("rc", []):
                state = runners.setdefault(runner["id"], {"atb": {}, "atl": {}, "trd": {}})
                for ladder in ("atb", "atl", "trd"):
                    for rung, size in runner.get(ladder, []):
                        if size:
                            state[ladder][rung] = size
                        else:
                            state[ladder].pop(rung, None)
                state.update({key: runner[key] for key in ("ltp", "tv") if key in runner})
    change["rc"] = []
    for runner, state in runners.items():
        rungs = {ladder: sorted(map(list, state[ladder].items())) for ladder in ("atb", "atl", "trd")}
        rest = {key: state[key] for key in ("ltp", "tv") if key in state}
        change["rc"].append({**rungs, **rest, "id": runner})
    return {"op": "mcm", "clk": messages[-1]["clk"], "pt": messages[-1]["pt"], "mc": [change]}


def exchange(data):
    cricket = load_lines(data / "betfair/stream_1.200806927.jsonl.gz")
    start = utc_ms(2022, 7, 11, 10, 45)
    before = [message for message in cricket if message["pt"] < start]
    after = [message for message in cricket if message["pt"] >= start]
    write("betfair_1.200806927.jsonl.gz", [compact(message) for message in [fold(before), *after]])

    racing = load_lines(data / "betfair/historic_1-206064380.jsonl.gz")
    images = [index for index, message in enumerate(racing) if message["mc"][0].get("img")]
    write("betfair_1.206064380.jsonl.gz", [compact(message) for message in racing[images[-1]:]])


def odds(data):
    """Five polls of the NFL's point spreads, for four games of week 1 of the 2023 season."""
    games = None
    lines = []
    for path in sorted((data / "theoddsapi").glob("nfl_spreads_snapshot_*.json")):
        # The collector's clock ran on UTC-6: its newest last_update is seconds behind the file's name.
        local = dt.datetime.strptime(path.stem.removeprefix("nfl_spreads_snapshot_"), "%Y-%m-%dT%H%M%S")
        received_at = (local + dt.timedelta(hours=6)).strftime("%Y-%m-%dT%H:%M:%SZ")
        body = load(path)
        games = games or [event["id"] for event in body[:4]]
        lines.append(compact({"received_at": received_at, "body": [event for event in body if event["id"] in games]}))
    write("odds_nfl_week1.ndjson.gz", lines)

    path = data / "theoddsapi/line_movement_soccer_usa_mls.csv.gz"
    with gzip.open(path, "rt") as file:
        rows = file.read().splitlines()
    games = list(dict.fromkeys(row.split(",")[0] for row in rows[1:]))[:4]
    write("odds_mls_books.csv.gz", [rows[0], *(row for row in rows[1:] if row.split(",")[0] in games)])


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    data = pathlib.Path(sys.argv[1])
    for make in (trades, summaries, scoreboards, exchange, odds):
        make(data)


if __name__ == "__main__":
    main()
