"""Writes the sample that the project ships: what its sources would have answered, all of it invented.

    generate_sample.py [OUT_DIR]                              (sample in this repository)

OUT_DIR/responses.ndjson has one line for each request, in the order they were made: the source, the window or poll it was
made for, and the answer. Its body is in the line, or in a file beside the index. The same version writes the same bytes.
"""

import argparse
import json
import pathlib
import shutil

import generate_events
import generate_jobs

SHORT = 8_000  # a longer body is a file of its own


def write(out):
    for folder in ("gharchive", "boards-api.greenhouse.io", "remoteok.com"):
        shutil.rmtree(out / folder, ignore_errors=True)
    generate_events.write(out / "gharchive", generate_events.sample_hours(), rate=0.4, duplicates=0.008, malformed=0.001)
    with open(out / "responses.ndjson", "w", encoding="utf-8") as index:
        for answer in generate_jobs.answers():
            line = {key: answer.pop(key) for key in ("source", "item")} | {"method": "GET"} | answer
            file = line.pop("file", None)
            if file and len(line["body"]) > SHORT:
                path = out / file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(line.pop("body"), encoding="utf-8")
                line["file"] = file
            index.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=pathlib.Path, nargs="?", default=pathlib.Path(__file__).parent.parent / "sample")
    write(parser.parse_args().out)


if __name__ == "__main__":
    main()
