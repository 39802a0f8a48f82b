"""Writes synthetic GH Archive files: the sample that the project ships, and the input of the benchmark.

    generate_events.py sample OUT_DIR                                  (sample/gharchive in this repository)
    generate_events.py bench OUT_DIR [--events 200000] [--files 240]

The payloads have the shapes of three eras of the GitHub Events API; everything in them is invented.
The same arguments give the same bytes: every file is seeded by its own name.
"""

import argparse
import datetime
import gzip
import itertools
import json
import pathlib
import random

API, WEB = "https://api.github.com", "https://github.com"
Y2015, Y2025, DRIFT = "2015-01", "2025-09", "since 2025-10-08"

# Written as people write them; the most popular first, since the rank decides how often one is used.
TECHNOLOGIES = """Python|JavaScript|TypeScript|React|Docker|Java|Node.js|Rust|golang|C++|Kubernetes|Linux|PostgreSQL|HTML
Django|AWS|C#|GitHub Actions|Vue|Next.js|Tailwind CSS|PHP|MySQL|Spring Boot|FastAPI|Redis|PyTorch|k8s|MongoDB|Android|Swift
Kotlin|jQuery|Flutter|Terraform|Jenkins|TensorFlow|GraphQL|AngularJS|Laravel|Ruby on Rails|Ubuntu|nginx|Travis CI|SQL
Kafka|Bash|pandas|NumPy|Arduino|Raspberry Pi|Go|LLM|OpenAI|ChatGPT|Claude Code|DuckDB|Polars|Apache Spark|Airflow|dbt
React Native|Elixir|Haskell|Scala|Flask|Svelte|Vite|webpack|ESLint|Jest|pytest|Playwright|Prometheus|Grafana|Helm|Ansible
WordPress|Lua|Julia|R Markdown|MATLAB|OpenCV|scikit-learn|LangChain|Ollama|Hugging Face|Solidity|Ethereum|Bitcoin|WebAssembly
SQLite|Elasticsearch|RabbitMQ|gRPC|Protobuf|Bazel|CMake|npm|Neovim|Emacs|VS Code|F#|Perl|Clojure|Erlang|OCaml|GPT-5|Zig
SQLMesh|Delta Lake|Parquet|Apache Iceberg|DataFusion|Trino|ClickHouse|Snowflake|Three.js|D3.js|Unreal Engine|Godot|Qt QML
""".replace("\n", "|").strip("|").split("|")
RISING = {"Rust", "Claude Code", "DuckDB", "Polars", "LLM", "DataFusion"}
FADING = {"jQuery", "AngularJS", "Travis CI", "Jenkins", "Perl"}
LATE = {"GPT-5", "Zig", "SQLMesh", "Ollama"}  # only in the last days of the sample, so that a trend can be new

VERBS = "fix add remove update refactor simplify document rename move revert improve handle bump clean split merge drop tidy".split()
ADJECTIVES = "broken missing slow flaky new old empty nested optional stale unused duplicate wrong hidden late shared".split()
NOUNS = ("login page|error message|config loader|test case|date picker|retry loop|cache key|user menu|search form|link checker"
         "|upload handler|sidebar|changelog|parser|tokenizer|download button|invoice total|timeout|translation|release notes"
         "|image gallery|footer|settings dialog|scheduler|validator|mail template|permission check|index page|progress bar"
         "|category tree|gopher logo|algorithm|reactor room|pythonic wrapper|dockerized setup|trusty worker|scorecard").split("|")
PLACES = "on small screens|for guests|when offline|after a restart|in the admin area|before saving|at midnight|for large files".split("|")
FOREIGN = ["修复登录页面的错误", "Исправлена ошибка при входе", "Añade validación al formulario", "日本語の説明を追加 ✨", "로그인 오류 수정",
           "Überarbeite die Größenprüfung", "ship it 🚀🎉", "Corrige l'affichage du « café »", "用go写的工具", "إصلاح الخطأ"]
ESCAPES = ['say "hello" \\o/', "a\ttab\tand C:\\temp\\new", "first line\r\nsecond line", "null", "<b>&amp;</b>", "line\u2028break"]
ANIMALS = "otter heron lynx badger newt magpie walrus gecko ibis tapir marten stoat plover bison quail vole".split()
COLOURS = "amber teal crimson violet olive ochre indigo silver coral umber cobalt maroon".split()
PROJECTS = "notes planner tracker toolkit website homework demo client backend dotfiles tutorial bot viewer game engine-room api".split()
LABELS = "bug enhancement question help-wanted documentation p2 wontfix good-first-issue security regression".split()
BRANCHES = "main master develop feature/search fix/timeout release/2.x dependabot/updates gh-pages".split()
GARBAGE = ["<html><body><h1>502 Bad Gateway</h1></body></html>", '{"id":,}', "-- truncated --", '"unterminated']

USER_URLS = [(f"{name}_url", f"/{path}") for name, path in (
    ("followers", "followers"), ("following", "following{/other_user}"), ("gists", "gists{/gist_id}"),
    ("starred", "starred{/owner}{/repo}"), ("subscriptions", "subscriptions"), ("organizations", "orgs"), ("repos", "repos"),
    ("events", "events{/privacy}"), ("received_events", "received_events"))]
REPO_URLS = [(f"{name}_url", f"/{path}") for name, path in (
    ("forks", "forks"), ("keys", "keys{/key_id}"), ("collaborators", "collaborators{/collaborator}"), ("teams", "teams"),
    ("hooks", "hooks"), ("events", "events"), ("assignees", "assignees{/user}"), ("branches", "branches{/branch}"),
    ("tags", "tags"), ("blobs", "git/blobs{/sha}"), ("trees", "git/trees{/sha}"), ("statuses", "statuses/{sha}"),
    ("languages", "languages"), ("stargazers", "stargazers"), ("commits", "commits{/sha}"), ("contents", "contents/{+path}"),
    ("compare", "compare/{base}...{head}"), ("issues", "issues{/number}"), ("pulls", "pulls{/number}"),
    ("labels", "labels{/name}"), ("releases", "releases{/id}"), ("deployments", "deployments"))]

MIX = {  # events in a thousand
    Y2015: dict(Push=540, Create=104, IssueComment=82, Watch=81, Issues=48, PullRequest=41, Fork=30, Delete=20, Gollum=14,
                PullRequestReviewComment=12, CommitComment=8, Release=12, Member=5, Public=3),
    Y2025: dict(Push=568, Create=120, PullRequest=46, Watch=76, IssueComment=42, Delete=40, Issues=34, Fork=26,
                PullRequestReview=10, PullRequestReviewComment=8, Release=14, Gollum=5, CommitComment=4, Member=2, Public=1),
    DRIFT: dict(Push=480, Create=130, PullRequest=70, Watch=80, IssueComment=50, Delete=50, Issues=56, Fork=36,
                PullRequestReview=14, PullRequestReviewComment=10, Release=16, Gollum=4, CommitComment=2, Member=1, Public=1),
}


class Hour:
    """The events of one file."""

    def __init__(self, era, start, count, ids, rate, progress=0.5):
        self.era, self.start, self.count, self.ids, self.rate = era, start, count, ids, rate
        self.rng = random.Random(f"{start.isoformat()} {count}")
        weights = [self.weight(rank, name, progress) for rank, name in enumerate(TECHNOLOGIES)]
        self.cumulative = list(itertools.accumulate(weights))

    @staticmethod
    def weight(rank, name, progress):
        trend = 1.0
        if name in RISING:
            trend = 0.2 + 4 * progress
        elif name in FADING:
            trend = 3 - 2.8 * progress
        elif name in LATE:
            trend = 6.0 if progress > 0.8 else 0.0
        return trend / (rank + 1)

    def pick(self, options):
        return options[int(self.rng.random() * len(options))]

    def chance(self, probability):
        return self.rng.random() < probability

    def number(self, low, high):
        return low + int(self.rng.random() * (high - low))

    def sha(self):
        return f"{self.rng.getrandbits(160):040x}"

    def technology(self):
        name = self.rng.choices(TECHNOLOGIES, cum_weights=self.cumulative)[0]
        return self.rng.choices((name, name.lower(), name.upper()), (60, 35, 5))[0]

    def line(self):
        if self.chance(0.03):
            return self.pick(FOREIGN) if self.chance(0.6) else self.pick(ESCAPES)
        return f"{self.pick(VERBS)} {self.pick(ADJECTIVES)} {self.pick(NOUNS)} {self.pick(PLACES)}"

    def text(self, lines=1):
        """One text; `rate` of them name a technology within their first 500 characters."""
        parts = [self.line() for _ in range(lines)]
        if self.chance(self.rate):
            parts[0] = self.pick(("{0} with {1}", "{1}: {0}", "{0} ({1})", "[{1}] {0}", "{0}, needs {1}.")).format(
                parts[0], self.technology() if self.chance(0.8) else f"{self.technology()} and {self.technology()}")
        if lines > 13 and self.chance(0.3):
            parts.append(f"appendix about {self.technology()}")  # beyond what is looked at
        return self.pick(("\n", "\n\n", ". ", "\n- ")).join(parts)

    def login(self):
        # The square makes a few people do most of the work.
        which = int(self.rng.random() ** 2 * 4000)
        name = f"{COLOURS[which % 12]}-{ANIMALS[which // 12 % 16]}-{which}"
        return (f"{name}[bot]" if which % 40 == 7 else name), 100_000 + which * 37

    def repository(self):
        which = int(self.rng.random() ** 2.5 * 6000)
        seed = random.Random(which)
        owner = f"{COLOURS[which % 12]}-{ANIMALS[which % 16]}-{'labs' if which % 4 == 0 else which % 977}"
        name = seed.choice(PROJECTS)
        if seed.random() < self.rate:
            usable = len(TECHNOLOGIES) // 2
            word = TECHNOLOGIES[int(seed.random() ** 3 * usable)].replace(" ", "-")
            if word not in RISING | FADING | LATE:
                name = seed.choice(("{0}-{1}", "{1}-{0}", "{1}_{0}", "{0}.{1}")).format(word.lower().replace("+", "p").replace("#", "sharp"), name)
        return {"id": 700_000 + which * 13, "name": f"{owner}/{name}-{which}", "url": f"{API}/repos/{owner}/{name}-{which}"}

    def user(self):
        login, ident = self.login()
        user = {"login": login, "id": ident}
        if self.era != Y2015:
            user["node_id"] = f"U_kgDO{ident:08x}"
        address = f"{API}/users/{login}".replace("[bot]", "%5Bbot%5D")
        user |= {"avatar_url": f"https://avatars.githubusercontent.com/u/{ident}?v={3 if self.era == Y2015 else 4}",
                 "gravatar_id": "", "url": address, "html_url": f"{WEB}/{login}"}
        user |= {key: address + path for key, path in USER_URLS}
        return user | {"type": "Bot" if login.endswith("[bot]") else "User", "site_admin": False}

    def full_repository(self, name):
        owner, base = self.user(), f"{API}/repos/{name}"
        repository = {"id": self.number(10**7, 10**9), "name": name.split("/")[1], "full_name": name, "owner": owner,
                      "private": False, "html_url": f"{WEB}/{name}", "fork": True, "url": base,
                      "description": self.text() if self.chance(0.8) else None}
        repository |= {key: base + path for key, path in REPO_URLS}
        repository |= {"created_at": self.time, "updated_at": self.time, "pushed_at": self.time, "homepage": None,
                       "clone_url": f"{WEB}/{name}.git", "size": self.number(0, 9000), "stargazers_count": 0,
                       "language": self.technology() if self.chance(self.rate) else None, "has_issues": self.chance(0.5),
                       "forks_count": 0, "open_issues_count": 0, "default_branch": self.pick(BRANCHES[:2])}
        if self.era != Y2015:
            topic = [self.technology().lower().replace(" ", "-")] if self.chance(self.rate) else []
            repository |= {"license": None, "allow_forking": True, "is_template": False, "archived": False, "disabled": False,
                           "topics": topic + [self.pick(PROJECTS) for _ in range(self.number(0, 3))], "visibility": "public"}
        return repository

    def commit(self):
        login, _ = self.login()
        sha = self.sha()
        message = self.text(self.rng.choices((1, 2, 6), (78, 18, 4))[0])
        return {"sha": sha, "author": {"email": f"{login}@example.com", "name": login}, "message": message,
                "distinct": self.chance(0.9), "url": f"{self.repo['url']}/commits/{sha}"}

    def push(self):
        payload = {} if self.era == Y2015 else {"repository_id": self.repo["id"]}
        payload["push_id"] = self.number(5 * 10**8, 4 * 10**10)
        ends = {"ref": f"refs/heads/{self.pick(BRANCHES)}", "head": self.sha(), "before": self.sha()}
        if self.era == DRIFT:
            return payload | ends
        size = self.rng.choices((0, 1, 2, 3, 5, 20, 47), (4, 136, 30, 16, 11, 2, 1))[0]
        commits = [self.commit() for _ in range(min(size, 20))]  # the API lists at most twenty
        distinct = sum(commit["distinct"] for commit in commits)
        return payload | {"size": size, "distinct_size": distinct} | ends | {"commits": commits}

    def create(self):
        kind = self.rng.choices(("repository", "branch", "tag"), (25, 60, 15))[0]
        ref = {"repository": None, "branch": self.pick(BRANCHES), "tag": f"v{self.number(0, 9)}.{self.number(0, 30)}"}[kind]
        if kind == "branch" and self.chance(self.rate):
            ref = f"feature/{self.technology().lower().replace(' ', '-')}-support"
        full = {"full_ref": f"refs/heads/{ref}"} if self.era == DRIFT and ref else {}
        description = self.text() if self.chance(0.6) else self.pick((None, ""))
        return {"ref": ref, "ref_type": kind} | full | {
            "master_branch": self.pick(BRANCHES[:2]), "description": description, "pusher_type": "user"}

    def delete(self):
        return {"ref": self.pick(BRANCHES[2:]), "ref_type": "branch", "pusher_type": "user"}

    def label(self):
        name = self.technology() if self.chance(self.rate) else self.pick(LABELS)
        label = {"url": f"{self.repo['url']}/labels/{name.replace(' ', '+')}", "name": name, "color": f"{self.number(0, 2**24):06x}"}
        return label if self.era == Y2015 else {"id": self.number(10**9, 10**10)} | label | {"default": False, "description": None}

    def issue(self, number):
        base = f"{self.repo['url']}/issues/{number}"
        issue = {"url": base, "labels_url": base + "/labels{/name}", "comments_url": f"{base}/comments", "events_url": f"{base}/events",
                 "html_url": f"{WEB}/{self.repo['name']}/issues/{number}", "id": self.number(10**7, 10**9), "number": number,
                 "title": self.text(), "user": self.user(), "labels": [self.label() for _ in range(self.number(0, 3))],
                 "state": self.pick(("open", "closed")), "locked": False, "assignee": None, "milestone": None, "comments": 0,
                 "created_at": self.time, "updated_at": self.time, "closed_at": None}
        if self.era != Y2015:
            issue |= {"assignees": [], "author_association": "NONE", "active_lock_reason": None, "state_reason": None}
        return issue | {"body": self.text(self.number(1, 18)) if self.chance(0.85) else self.pick((None, ""))}

    def issues(self):
        return {"action": self.pick(("opened", "closed", "reopened")), "issue": self.issue(self.number(1, 3000))}

    def comment(self):
        base = f"{self.repo['url']}/comments/{self.number(10**6, 10**9)}"
        return {"url": base, "html_url": base, "id": self.number(10**6, 10**9), "user": self.user(), "created_at": self.time,
                "updated_at": self.time, "body": self.text(self.number(1, 8))}

    def issue_comment(self):
        return {"action": "created", "issue": self.issue(self.number(1, 3000)), "comment": self.comment()}

    def commit_comment(self):
        return {"comment": self.comment() | {"path": None, "position": None, "line": None, "commit_id": self.sha()}}

    def branch_end(self):
        short = {"id": self.repo["id"], "url": self.repo["url"], "name": self.repo["name"].split("/")[1]}
        end = {"ref": self.pick(BRANCHES), "sha": self.sha()}
        if self.era == DRIFT:
            return end | {"repo": short}
        return {"label": f"someone:{end['ref']}"} | end | {"user": self.user(), "repo": short}

    def pull(self, number):
        base = f"{self.repo['url']}/pulls/{number}"
        pull = {"url": base, "id": self.number(10**7, 10**10), "number": number, "head": self.branch_end(), "base": self.branch_end()}
        if self.era == DRIFT:
            return pull
        web = f"{WEB}/{self.repo['name']}/pull/{number}"
        return pull | {
            "html_url": web, "diff_url": f"{web}.diff", "patch_url": f"{web}.patch", "state": "open", "locked": False,
            "title": self.text(), "user": self.user(), "body": self.text(self.number(1, 18)) if self.chance(0.8) else None,
            "created_at": self.time, "updated_at": self.time, "closed_at": None, "merged_at": None, "merge_commit_sha": self.sha(),
            "assignee": None, "milestone": None, "commits_url": f"{base}/commits", "_links": {"self": {"href": base}},
            "merged": False, "mergeable": None, "comments": 0, "commits": 1, "additions": self.number(0, 500), "deletions": 3}

    def pull_request(self):
        action, number = self.pick(("opened", "closed", "merged" if self.era == DRIFT else "closed")), self.number(1, 3000)
        return {"action": action, "number": number, "pull_request": self.pull(number)}

    def pull_request_review(self):
        review = {"id": self.number(10**8, 10**9), "user": self.user(), "body": None, "commit_id": self.sha(), "state": "approved"}
        return {"action": "created", "review": review, "pull_request": self.pull(self.number(1, 3000))}

    def pull_request_review_comment(self):
        place = {"diff_hunk": "@@ -1,3 +1,4 @@\n-old\n+new", "path": "notes.txt", "position": 4, "commit_id": self.sha()}
        return {"action": "created", "comment": self.comment() | place, "pull_request": self.pull(self.number(1, 3000))}

    def fork(self):
        forkee = self.full_repository(f"{self.login()[0]}/{self.repo['name'].split('/')[1]}")
        return ({"action": "forked"} if self.era == DRIFT else {}) | {"forkee": forkee}

    def release(self):
        tag, ident = f"v{self.number(0, 9)}.{self.number(0, 30)}.{self.number(0, 9)}", self.number(10**5, 10**8)
        base = f"{self.repo['url']}/releases/{ident}"
        return {"action": "published", "release": {
            "url": base, "assets_url": f"{base}/assets", "html_url": f"{WEB}/{self.repo['name']}/releases/tag/{tag}", "id": ident,
            "author": self.user(), "tag_name": tag, "target_commitish": "main", "name": self.pick((tag, None, "", self.text())),
            "draft": False, "prerelease": self.chance(0.2), "created_at": self.time, "published_at": self.time, "assets": [],
            "body": self.text(self.number(1, 18)) if self.chance(0.8) else self.pick((None, ""))}}

    def gollum(self):
        return {"pages": [{"page_name": "Home", "title": "Home", "summary": None, "action": "edited", "sha": self.sha(),
                           "html_url": f"{WEB}/{self.repo['name']}/wiki/Home"}]}

    def watch(self):
        return {"action": "started"}

    def member(self):
        return {"member": self.user(), "action": "added"}

    def public(self):
        return {}

    def event(self, second, kind):
        self.time = (self.start + datetime.timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.repo = self.repository()
        login, ident = self.login()
        actor = {"id": ident, "login": login}
        if self.era != Y2015:
            actor["display_login"] = login.removesuffix("[bot]")
        actor |= {"gravatar_id": "", "url": f"{API}/users/{login}", "avatar_url": f"https://avatars.githubusercontent.com/u/{ident}?"}
        build = getattr(self, "".join(f"_{char.lower()}" if char.isupper() else char for char in kind)[1:])
        event = {"id": str(self.ids.next(self.era, kind, self.number(1, 4))), "type": f"{kind}Event", "actor": actor,
                 "repo": self.repo, "payload": build(), "public": True, "created_at": self.time}
        owner = self.repo["name"].split("/")[0]
        if owner.endswith("-labs"):
            event["org"] = {"id": 5000 + self.repo["id"] % 97, "login": owner, "gravatar_id": "", "url": f"{API}/orgs/{owner}",
                            "avatar_url": f"https://avatars.githubusercontent.com/u/{5000 + self.repo['id'] % 97}?"}
        return json.dumps(event, separators=(",", ":"), ensure_ascii=self.chance(0.1))

    def lines(self, before, duplicates, malformed):
        """The lines of the file, and those that the next file repeats."""
        kinds, weights = zip(*MIX[self.era].items())
        seconds = sorted(self.number(0, 3600) for _ in range(self.count))
        lines = [self.event(second, kind) for second, kind in zip(seconds, self.rng.choices(kinds, weights, k=self.count))]
        repeated = [line for line in lines if self.chance(duplicates / 2)]
        again = [line for line in lines if self.chance(duplicates / 2)]
        torn = [self.pick(lines) for line in lines if self.chance(malformed)]
        torn = [line[:self.number(20, len(line) - 20)] if self.chance(0.6) else self.pick(GARBAGE) for line in torn]
        for line in before + again + torn:
            lines.insert(self.number(0, len(lines) + 1), line)
        if self.era == DRIFT:  # no longer sorted by id, nor quite by time
            for place in range(0, len(lines) - 10, 10):
                lines[place:place + 10] = sorted(lines[place:place + 10], key=lambda _: self.rng.random())
        return lines, repeated


class Ids:
    """Event ids per era: after the restart pushes are numbered apart, and both runs pass through the ids of 2015."""

    def __init__(self):
        self.last = {Y2015: 2_489_368_070, Y2025: 54_812_000_113, (DRIFT, True): 2_489_368_060, (DRIFT, False): 2_489_368_900}

    def next(self, era, kind, step):
        key = (era, kind in ("Push", "Create", "Delete")) if era == DRIFT else era
        self.last[key] += step
        return self.last[key]


def sample_hours():
    """(era, hour, events, progress) of the sample: two dates of 2015, then thirty in a row up to the newest."""
    for date, hours in ((1, (15, 16, 17)), (2, (9, 10))):
        yield from ((Y2015, datetime.datetime(2015, 1, date, hour), 180, 0.2) for hour in hours)
    for past in range(30):
        date = datetime.datetime(2025, 9, 15) + datetime.timedelta(days=past)
        busy = {1: 1.9, 3: 1.9, 5: 0.8, 6: 0.7}.get(date.weekday(), 1.0)
        for hour, share in ((0, 0.25), (8, 0.3), (9, 0.45)):
            yield Y2025 if date < datetime.datetime(2025, 10, 8) else DRIFT, date.replace(hour=hour), int(410 * busy * share), past / 29


def bench_hours(events, files):
    start = datetime.datetime(2025, 9, 1)
    for which in range(files):
        count = events * (which + 1) // files - events * which // files
        yield Y2025, start + datetime.timedelta(hours=which), count, 0.5


def write(out, hours, rate, duplicates, malformed):
    out.mkdir(parents=True, exist_ok=True)
    ids, repeated = Ids(), []
    for era, start, count, progress in hours:
        lines, repeated = Hour(era, start, count, ids, rate, progress).lines(repeated, duplicates, malformed)
        data = "".join(f"{line}\n" for line in lines).encode()
        # Neither the name nor the time of writing: the same events must give the same bytes.
        with open(out / f"{start:%Y-%m-%d}-{start.hour}.json.gz", "wb") as raw, \
                gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=raw, mtime=0) as packed:
            packed.write(data)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("sample").add_argument("out", type=pathlib.Path)
    bench = commands.add_parser("bench")
    bench.add_argument("out", type=pathlib.Path)
    bench.add_argument("--events", type=int, default=200_000)
    bench.add_argument("--files", type=int, default=240)
    args = parser.parse_args()
    if args.command == "sample":
        write(args.out, sample_hours(), rate=0.4, duplicates=0.008, malformed=0.001)
    else:
        write(args.out, bench_hours(args.events, args.files), rate=0.09, duplicates=0.005, malformed=0.0005)


if __name__ == "__main__":
    main()
