"""Counts what is in GH Archive files, plainly and slowly, so that the engine's figures can be checked against it.

    count_events.py FILE...        prints JSON; standard library only, shares no code with anything else
"""

import collections
import csv
import gzip
import json
import pathlib
import re
import sys

CHECKED = ("python", "react", "docker", "go", "c++")
ALIASES = pathlib.Path(__file__).resolve().parent.parent / "seeds" / "technology_aliases.csv"


def pattern(term):
    """No word character may touch an end of the term that is itself a word character."""
    before = r"(?<!\w)" if re.match(r"\w", term[0]) else ""
    after = r"(?!\w)" if re.match(r"\w", term[-1]) else ""
    return re.compile(before + re.escape(term) + after, re.IGNORECASE)


def texts(event):
    """(kind, text) for every text of the event; a missing or null field is an empty string."""
    payload, kind = event.get("payload") or {}, event["type"]
    if kind == "PushEvent":
        for commit in payload.get("commits") or []:
            yield "commit_message", commit.get("message") or ""
    elif kind == "PullRequestEvent":
        pull = payload.get("pull_request") or {}
        yield "pull_request", joined(pull.get("title"), (pull.get("body") or "")[:500])
    elif kind == "IssuesEvent":
        issue = payload.get("issue") or {}
        labels = [label.get("name") for label in issue.get("labels") or []]
        yield "issue", joined(issue.get("title"), (issue.get("body") or "")[:500], *labels)
    elif kind == "CreateEvent":
        yield "create", joined(payload.get("description"), payload.get("ref"))
    elif kind == "ForkEvent":
        forkee = payload.get("forkee") or {}
        yield "fork", joined(forkee.get("description"), *(forkee.get("topics") or []), forkee.get("language"))
    elif kind == "ReleaseEvent":
        release = payload.get("release") or {}
        yield "release", joined(release.get("name"), release.get("tag_name"), (release.get("body") or "")[:500])
    yield "repository", re.sub(r"[/\-._]", " ", event["repo"]["name"])


def joined(*parts):
    return "\n".join(part or "" for part in parts)


def main(paths):
    patterns = {technology: [pattern(technology)] for technology in CHECKED}
    with open(ALIASES, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["technology"] in patterns:
                patterns[row["technology"]].append(pattern(row["alias"]))

    lines = malformed = 0
    seen = set()
    by_type, by_type_deduplicated = collections.Counter(), collections.Counter()
    found = {technology: collections.defaultdict(collections.Counter) for technology in CHECKED}
    for path in paths:
        for line in gzip.open(path):
            lines += 1
            try:
                event = json.loads(line)
                key = event["type"], event["id"], event["created_at"]
            except (ValueError, TypeError, KeyError):
                malformed += 1
                continue
            by_type[event["type"]] += 1
            if key in seen:
                continue
            seen.add(key)
            by_type_deduplicated[event["type"]] += 1
            for technology in CHECKED:
                here = collections.Counter(kind for kind, text in texts(event)
                                           if any(each.search(text) for each in patterns[technology]))
                for kind, count in here.items():
                    found[technology][kind]["mentions"] += 1
                    found[technology][kind]["texts"] += count

    print(json.dumps({"lines": lines, "malformed": malformed,
                      "events": sum(by_type.values()), "events_deduplicated": len(seen),
                      "by_type": by_type, "by_type_deduplicated": by_type_deduplicated,
                      "technologies": found}, indent=2, sort_keys=True))


if __name__ == "__main__":
    main(sys.argv[1:])
