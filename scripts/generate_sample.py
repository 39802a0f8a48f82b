"""Writes the sample that the project ships: what its sources would have answered, all of it invented.

    generate_sample.py [OUT_DIR]                              (sample in this repository)

OUT_DIR/responses.ndjson has one line for each request, in the order they were made: the source, the window or poll it was
made for, and the answer. Its body is in the line, or in a file beside the index. The same version writes the same bytes.
"""

import argparse
import datetime
import gzip
import hashlib
import json
import pathlib
import shutil

import generate_events
import generate_jobs

SHORT = 8_000  # a longer body is a file of its own


def hours(archive):
    """The files of the archive, each the answer for its hour."""
    starts = (start for _, start, _, _ in generate_events.sample_hours())
    for start in starts:
        name = f"{start:%Y-%m-%d}-{start.hour}.json.gz"
        headers = {"content-type": "application/gzip", "content-length": str((archive / name).stat().st_size)}
        yield {"source": "github.archive", "item": f"{start:%Y-%m-%dT%H:%M:%SZ}", "url": f"https://data.gharchive.org/{name}",
               "status": 200, "headers": headers, "file": f"gharchive/{name}"}


def polls(archive):
    """Three polls of the Events API, a minute apart, right after the newest hour of the archive.

    Each tells the newest events first, those of the archive's last seconds among them; the second tells most of what the
    first told, and what comes in while one turns the page is told on both pages; the third has nothing new.
    """
    with gzip.open(archive / "2025-10-14-9.json.gz", "rt", encoding="utf-8") as lines:
        told = [line.strip() for line in lines if line.startswith('{"id":"') and line.endswith("}\n")][-12:]
    start = datetime.datetime(2025, 10, 14, 10)
    ids = generate_events.Ids()
    ids.last = {key: last + 1_000_000 for key, last in ids.last.items()}
    hour = generate_events.Hour(generate_events.DRIFT, start, 110, ids, 0.4, 1.0)
    kinds, weights = zip(*generate_events.MIX[generate_events.DRIFT].items())
    seconds = sorted(hour.number(0, 115) for _ in range(hour.count))
    events = [(second, hour.event(second, kind)) for second, kind in zip(seconds, hour.rng.choices(kinds, weights, k=hour.count))]
    etag = None
    for minute in (1, 2, 3):
        now = start + datetime.timedelta(minutes=minute)
        newest = ([event for second, event in events if second < 60 * minute][::-1] + told[::-1])[:72]
        pages = [newest[:40], newest[36:]]
        before, etag = etag, f'W/"{hashlib.md5(newest[0].encode()).hexdigest()}"'
        request = {"source": "github.events_api", "item": f"{now:%Y-%m-%dT%H:%M:%SZ}"}
        limit = {"x-poll-interval": "60", "x-ratelimit-limit": "5000", "x-ratelimit-reset": "1760439600"}
        if etag == before:
            yield request | {"url": f"{generate_events.API}/events?per_page=100", "status": 304,
                             "headers": {"etag": etag, "x-ratelimit-remaining": str(4990 - 2 * minute)} | limit}
            continue
        for number, page in enumerate(pages, 1):
            url = f"{generate_events.API}/events?per_page=100" + (f"&page={number}" if number > 1 else "")
            turn = '; rel="next", ' if number == 1 else '; rel="prev", '
            link = f'<{generate_events.API}/events?per_page=100&page={3 - number}>{turn}<{generate_events.API}/events?per_page=100&page=2>; rel="last"'
            headers = {"content-type": "application/json; charset=utf-8", "etag": etag, "link": link,
                       "x-ratelimit-remaining": str(4992 - 2 * minute - number)} | limit
            yield request | {"url": url, "status": 200, "headers": headers, "file": f"api.github.com/{now:%Y-%m-%dT%H-%M}-{number}.json",
                             "body": f"[{','.join(page)}]"}


def write(out):
    for folder in ("gharchive", "api.github.com", "boards-api.greenhouse.io", "remoteok.com"):
        shutil.rmtree(out / folder, ignore_errors=True)
    generate_events.write(out / "gharchive", generate_events.sample_hours(), rate=0.4, duplicates=0.008, malformed=0.001)
    with open(out / "responses.ndjson", "w", encoding="utf-8") as index:
        for answer in [*hours(out / "gharchive"), *generate_jobs.answers(), *polls(out / "gharchive")]:
            line = {key: answer.pop(key) for key in ("source", "item")} | {"method": "GET"} | answer
            if "body" in line and "file" in line:
                path, body = out / line["file"], line["body"]
                del line["file" if len(body) <= SHORT else "body"]
                if len(body) > SHORT:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(body, encoding="utf-8")
            index.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=pathlib.Path, nargs="?", default=pathlib.Path(__file__).parent.parent / "sample")
    write(parser.parse_args().out)


if __name__ == "__main__":
    main()
