"""What the job sources of the sample answer: Greenhouse, Hacker News and RemoteOK on three days in a row.

The shapes and the oddities are those of the real services; every company, person and posting is invented.
Every posting is seeded by its own name, so it is the same on each day it is there.
"""

import datetime
import html
import json
import random

from generate_events import ANIMALS, COLOURS, FADING, LATE, RISING, TECHNOLOGIES

DAYS = [datetime.date(2025, 10, day) for day in (12, 13, 14)]

BOARDS = [colour + animal for colour, animal in zip(COLOURS + COLOURS, ANIMALS + ANIMALS[5:])][:20]
UNKNOWN_BOARD = "goneaway"
FAILING_BOARD, FAILING_DAY = BOARDS[7], DAYS[1]

ROLES = ["Backend Engineer", "Frontend Engineer", "Full-Stack Engineer", "Data Engineer", "Machine Learning Engineer", "DevOps Engineer",
         "Site Reliability Engineer", "Mobile Engineer", "Platform Engineer", "Security Engineer", "Engineering Manager",
         "Developer Advocate", "Data Scientist", "QA Engineer", "Solutions Architect", "Product Designer", "Account Executive"]
LEVELS = ["", "", "", "Senior ", "Senior ", "Staff ", "Principal ", "Junior ", "Lead "]
PLACES = ["Berlin, Germany", "Lisbon, Portugal", "Austin, TX", "Toronto, Canada", "Kraków, Poland", "São Paulo, Brazil", "London, UK",
          "Zürich, Switzerland", "New York, NY", "Singapore", "Tokyo, Japan", "Nairobi, Kenya", "Gdańsk, Poland", "Malmö, Sweden"]
REMOTE = ["Remote", "Remote - Europe", "Home based - EMEA", "Remote (US)", "Home Based - Americas", "Anywhere"]
FIELDS = ["invoicing for small shops", "maps for hikers", "tools for dentists’ practices", "a marketplace for used bicycles", "weather data",
          "bookkeeping for clubs", "software for choirs & orchestras", "seat reservations", "parcel lockers", "language lessons", "energy meters",
          "research into soil", "food safety", "a café’s daily business", "R&D reporting"]
DUTIES = ["Design, build and run services that our customers rely on every day", "Review the work of others with care and with kindness",
          "Take part in an on-call rotation of one week in six", "Talk to customers and find out what they need, not what they ask for",
          "Keep response times < 200 ms while traffic doubles", "Write things down so that nobody has to ask twice",
          "Mentor colleagues who are new to the field", "Own projects from the first sketch to the last bug", "Improve our tests & our documentation"]
WISHES = ["You don’t need a degree", "You have worked in a team before", "You write clear English", "You like to finish things",
          "Some years of experience with systems that people pay for", "You are curious about \"why\", not only about \"how\""]
BENEFITS = ["30 days of leave", "A budget for learning", "Hardware of your choice", "Four-day weeks in August", "A pension plan", "Equity"]


def seeded(*names):
    return random.Random(" ".join(map(str, names)))


def technologies(rng, count):
    """Some technologies; rising ones more often than others, fading ones hardly."""
    weights = [(3.0 if name in RISING | LATE else 0.2 if name in FADING else 1.0) / (rank + 3) for rank, name in enumerate(TECHNOLOGIES)]
    return list(dict.fromkeys(rng.choices(TECHNOLOGIES, weights, k=count)))


def company_of(board):
    colour = next(colour for colour in COLOURS if board.startswith(colour))
    return f"{colour.title()} {board.removeprefix(colour).title()}"


def timestamp(day, rng, zone="-04:00"):
    return f"{day}T{rng.randrange(8, 20):02}:{rng.randrange(60):02}:{rng.randrange(60):02}{zone}"


def listed(items):
    return ", ".join(items[:-1]) + (" and " if len(items) > 1 else "") + items[-1]


# Greenhouse


def content(rng, company, title, stack, salary):
    """HTML as the editors of recruiters leave it behind."""
    duties, wishes, benefits = (rng.sample(pool, 3) for pool in (DUTIES, WISHES, BENEFITS))
    span = '<span style="font-weight: 400;">{}</span>'
    items = "</li>\n<li>".join
    style = rng.random() < 0.5
    paragraphs = [
        f"{company} builds {html.escape(rng.choice(FIELDS), quote=False)}.&nbsp;We are looking for a <strong>{title}</strong>.",
        f"You will work with {html.escape(listed(stack), quote=False)}." if stack else "You will work with people who care."]
    text = "\n".join(f"<p>{span.format(paragraph) if style else paragraph}</p>" for paragraph in paragraphs)
    text += f"\n<h3>What you will do</h3>\n<ul>\n<li>{items(html.escape(duty, quote=False) for duty in duties)}</li>\n</ul>"
    text += f"\n<p><strong>About you</strong></p>\n<ul>\n<li>{items(html.escape(wish, quote=False) for wish in wishes)}</li>\n</ul>"
    if salary:
        text += f"\n<p>The yearly salary is ${salary[0]:,} &ndash; ${salary[1]:,} USD.</p>"
    return text + f"\n<p>What we offer: {html.escape(listed(benefits), quote=False)}.<br>#LI-Remote</p>"


def greenhouse_job(board, number, days_open):
    """One job, in one or several places; each place is a posting of its own."""
    rng = seeded("greenhouse", board, number)
    role, newer = rng.choice(ROLES), BOARDS.index(board) % 2 == 0
    stack = [] if role in ("Account Executive", "Product Designer") else technologies(rng, rng.randrange(2, 7))
    title = rng.choice(LEVELS) + role + (f" ({stack[0]})" if stack and rng.random() < 0.3 else "")
    low = rng.randrange(60, 190) * 1000
    salary = (low, low + rng.randrange(15, 60) * 1000) if rng.random() < 0.3 else None
    places = rng.sample(PLACES, rng.choice((1, 1, 1, 2))) if rng.random() < 0.6 else [rng.choice(REMOTE)]
    published = days_open[0] - datetime.timedelta(days=0 if days_open[0] > DAYS[0] else rng.randrange(3, 90))
    text = content(rng, company_of(board), title, stack, salary)
    internal = 1_000_000 + BOARDS.index(board) * 1000 + number
    for variant, place in enumerate(places):
        identity = 4_000_000_000 + BOARDS.index(board) * 100_000 + number * 10 + variant
        job = {"absolute_url": f"https://boards.greenhouse.io/{board}/jobs/{identity}"}
        if newer:
            job |= {"data_compliance": [{"type": "gdpr", "requires_consent": False, "requires_processing_consent": False,
                                         "requires_retention_consent": False, "retention_period": None,
                                         "demographic_data_consent_applies": False}]}
        else:
            job |= {"data_compliance": [{"type": "gdpr", "requires_consent": False, "retention_period": None}], "education": "education_optional"}
        job |= {"internal_job_id": internal, "location": {"name": place},
                "metadata": [{"id": 149021, "name": "Employment Type", "value": "Full-time", "value_type": "single_select"}],
                "id": identity, "updated_at": timestamp(published, rng), "requisition_id": str(number), "title": title}
        if newer:
            job |= {"company_name": company_of(board), "first_published": timestamp(published, rng), "language": "en"}
        # The API escapes the HTML as a whole.
        job |= {"content": html.escape(text).replace("&#x27;", "&#39;"),
                "departments": [{"id": 4000 + number, "name": "Engineering", "child_ids": [], "parent_id": None}],
                "offices": [{"id": 5000 + number, "name": place, "location": place, "child_ids": [], "parent_id": None}]}
        yield job


def greenhouse_board(board, day):
    rng = seeded("greenhouse", board)
    jobs = []
    for number in range(1, rng.randrange(3, 6)):
        # Most stay, one comes, one goes.
        fate = rng.choices(("stays", "comes", "goes", "changes"), (60, 18, 12, 10))[0]
        begin, end = rng.choice(DAYS[1:]), rng.choice(DAYS[:2])
        days_open = [other for other in DAYS if (fate != "comes" or other >= begin) and (fate != "goes" or other <= end)]
        if day not in days_open:
            continue
        for job in greenhouse_job(board, number, days_open):
            if fate == "changes" and day == DAYS[-1]:
                extra = listed(technologies(seeded("more", board, number), 2))
                job["title"] += " (m/f/d)"
                job["content"] += html.escape(f"\n<p>New: you will also work with {html.escape(extra, quote=False)}.</p>")
                job["updated_at"] = f"{day}T09:15:00-04:00"
            # Some boards touch all that they have whenever something changes.
            if BOARDS.index(board) % 5 == 0:
                job["updated_at"] = f"{day}T03:00:07-04:00"
            jobs.append(job)
    return {"jobs": jobs, "meta": {"total": len(jobs)}}


def greenhouse(day):
    headers = {"content-type": "application/json; charset=utf-8", "cache-control": "max-age=0, private, must-revalidate"}
    for board in sorted([*BOARDS, UNKNOWN_BOARD]):
        request = {"source": "jobs.greenhouse", "url": f"https://boards-api.greenhouse.io/v1/boards/{board}/jobs?content=true"}
        if board == UNKNOWN_BOARD:
            yield request | {"status": 404, "headers": headers, "body": '{"status":404,"error":"Job not found"}'}
        elif (board, day) == (FAILING_BOARD, FAILING_DAY):
            page = "<!DOCTYPE html><html><head><title>500</title></head><body><h1>We're sorry, but something went wrong.</h1></body></html>"
            yield request | {"status": 500, "headers": headers | {"content-type": "text/html; charset=utf-8"}, "body": page}
        else:
            body = json.dumps(greenhouse_board(board, day), ensure_ascii=False, separators=(",", ":"))
            yield request | {"status": 200, "headers": headers, "file": f"boards-api.greenhouse.io/{day}/{board}.json", "body": body}


# Hacker News

THREAD = 45_438_503
# The account asks three things each month, and answers now and then.
QUESTIONS = {"Who is hiring?": 0, "Who wants to be hired?": 1, "Freelancer? Seeking freelancer?": 2}
MONTHS = {"October": 0, "September": 1, "August": 2, "July": 3, "June": 4, "May": 5}
REPLIES = {THREAD - 700_000: "Please post one job per comment only.", THREAD - 1_400_000: None, THREAD - 1_400_001: "Thanks, removed."}


def epoch(day, seconds):
    return int(datetime.datetime.combine(day, datetime.time(), datetime.UTC).timestamp()) + seconds


def stories():
    for month, ago in MONTHS.items():
        for question, place in QUESTIONS.items():
            title = f"Ask HN: {question} ({month} 2025)"
            yield THREAD - ago * 600_000 - place, title, datetime.date(2025, 10 - ago, 1)


def hackernews_comment(number):
    """A comment, with the day from which it is there, and its time."""
    rng = seeded("hackernews", number)
    company = f"{rng.choice(COLOURS).title()} {rng.choice(ANIMALS).title()}" + rng.choice(("", "", " Labs", " AI", " Health", " GmbH"))
    stack = technologies(rng, rng.randrange(2, 7))
    role = rng.choice(LEVELS) + rng.choice(ROLES[:11]) + rng.choice(("", "", f" ({stack[0]})"))
    place = rng.choice(PLACES)
    mode = rng.choice(("REMOTE", "REMOTE (EU)", f"{place} (ONSITE)", f"{place} (Hybrid)", f"{place} or REMOTE", "Remote (US only)"))
    low = rng.randrange(70, 180)
    pay = rng.choice(("", "", "", f"${low}k-${low + 40}k", f"${low}K–{low + 30}K USD + equity", f"€{low},000 - €{low + 15},000"))
    domain = company.lower().replace(" ", "") + ".example"
    link = f"https://{domain}/jobs"
    headline = rng.choice((
        [company, role, mode, "Full-time", pay, link], [company, mode, "Full-time", role, pay], [f"{company} (https://{domain})", role, mode, pay],
        [f"{company} (YC S{rng.randrange(15, 25)})", place, "ONSITE", "Full Time", role], [company, role, place, "Hybrid", "VISA", pay]))
    headline = " | ".join(part for part in headline if part)
    paragraphs = [f"{company} makes {rng.choice(FIELDS)}. " + rng.choice(("We're a team of eight.", "We're growing.", "You'd be the fourth engineer."))]
    paragraphs.append(f"Stack: {listed(stack)}")
    paragraphs.append(rng.choice((f"Apply at {link}", f'Write to jobs@{domain} and say "HN" & your favourite bird')))
    # The API escapes quotes and slashes, never closes a paragraph, and leaves links as they are.
    text = "<p>".join(html.escape(part).replace("/", "&#x2F;") for part in [headline, *paragraphs])
    address = f"https:&#x2F;&#x2F;{domain}&#x2F;jobs"
    text = text.replace(address, f'<a href="{address}" rel="nofollow">{address}</a>')
    return {"by": f"{rng.choice(COLOURS)}_{rng.choice(ANIMALS)}", "id": THREAD + 40 + number * 613, "parent": THREAD, "text": text}


def hackernews_comments(day):
    """The comments under the newest thread on that day, as they are told: newer ones rank above older ones."""
    comments = {}
    for number in range(34 + 3 * DAYS.index(day)):
        comment = hackernews_comment(number)
        written = datetime.date(2025, 10, 1) if number < 34 else DAYS[(number - 34) // 3 + 1]
        comment["time"] = epoch(written, 54_000 + number * 97) if number < 34 else epoch(written, 300 + number)
        comment["type"] = "comment"
        if number == 5:
            comment = {"dead": True} | comment | {"text": "[flagged]"}
        elif number == 11:
            comment = None
        elif number == 17 and day > DAYS[0]:
            comment = {"deleted": True, "id": comment["id"], "parent": THREAD, "time": comment["time"], "type": "comment"}
        elif number == 20:
            comment["text"] = "Is anybody else seeing fewer postings than last year?"
        elif number == 23 and day == DAYS[-1]:
            comment["text"] += "<p>Edit: we also look for somebody who knows Rust and DataFusion."
        comments[THREAD + 40 + number * 613] = comment
    return comments


def hackernews(day):
    headers = {"content-type": "application/json; charset=utf-8", "cache-control": "no-cache", "access-control-allow-origin": "*"}
    api = "https://hacker-news.firebaseio.com/v0"
    answer = lambda source, path, body: {"source": source, "url": f"{api}/{path}.json", "status": 200, "headers": headers,
                                         "body": json.dumps(body, ensure_ascii=False, separators=(",", ":"))}
    told = {identity: {"by": "whoishiring", "descendants": 300, "id": identity, "kids": [identity + 41, identity + 977], "score": 200,
                       "time": epoch(date, 54_000 + 7 * place), "title": title, "type": "story"}
            for place, (identity, title, date) in enumerate(stories())}
    for identity, text in REPLIES.items():
        told[identity] = text and {"by": "whoishiring", "id": identity, "parent": identity - 9, "text": text,
                                   "time": epoch(datetime.date(2025, 8, 20), 0), "type": "comment"}
    comments = hackernews_comments(day)
    told[THREAD] |= {"descendants": len(comments) * 2, "kids": sorted(comments, key=lambda identity: seeded(day, identity).random())}
    submitted = sorted(told, reverse=True)
    yield answer("jobs.hackernews_user", "user/whoishiring", {
        "about": "This account only posts the monthly threads.", "created": 1301012400, "id": "whoishiring", "karma": 40_000, "submitted": submitted})
    for identity in submitted[:18]:
        yield answer("jobs.hackernews_threads", f"item/{identity}", told[identity])
    for place, identity in enumerate(told[THREAD]["kids"]):
        if day == DAYS[-1] and place == 9:
            yield {"source": "jobs.hackernews_items", "url": f"{api}/item/{identity}.json", "error": "no response within 30s"}
        else:
            yield answer("jobs.hackernews_items", f"item/{identity}", comments[identity])


# RemoteOK


def twice(text):
    """UTF-8 read as Latin-1, as the service does to most of its texts."""
    return text.encode().decode("latin-1")


def remoteok_job(number):
    rng = seeded("remoteok", number)
    company = f"{rng.choice(COLOURS).title()} {rng.choice(ANIMALS).title()}" + rng.choice(("", " Café", " Größe", " Inc"))
    stack = technologies(rng, rng.randrange(1, 5))
    role = rng.choice(LEVELS) + rng.choice(ROLES)
    identity, time = 1_128_000 + number * 7, epoch(DAYS[0] - datetime.timedelta(days=10), number * 41_000)
    slug = f"remote-{role}-{company}-{identity}".lower().replace(" ", "-").replace("é", "e").replace("ö", "o").replace("ß", "ss")
    description = (f"{company} makes {rng.choice(FIELDS)}.<p>What you’ll do</p><ul><li> {rng.choice(DUTIES)} </li><li> {rng.choice(DUTIES)} </li></ul>"
                   f"<p>You’ll work with {html.escape(listed(stack), quote=False)} – from anywhere.</p>")
    salary = (rng.randrange(4, 14) * 10_000, 150_000) if rng.random() < 0.2 else (0, 0)
    place = rng.choice(("", "", "", "Gdańsk", "Worldwide", "Austin, TX", "Europe"))
    plain = rng.random() < 0.25
    tag = "RMjAzLjAuMTEzLjc="
    description += (f"<br/><br/>Please mention the word **{rng.choice(ANIMALS).upper()}** and tag {tag} when applying to show you read the job post "
                    f"completely (#{tag}). This is a beta feature to avoid spam applicants.")
    spoil = (lambda text: text) if plain else twice
    return {"slug": slug, "id": str(identity), "epoch": time,
            "date": datetime.datetime.fromtimestamp(time, datetime.UTC).isoformat(), "company": spoil(company), "company_logo": "",
            "position": role, "tags": [name.lower() for name in stack] + ["digital nomad"], "description": spoil(description),
            "location": spoil(place), "apply_url": f"https://remoteOK.com/remote-jobs/{slug}", "salary_min": salary[0], "salary_max": salary[1],
            "logo": "", "url": f"https://remoteOK.com/remote-jobs/{slug}"}


def remoteok(day):
    newest = 20 + 2 * DAYS.index(day)
    legal = {"last_updated": epoch(day, 7200), "legal": "API Terms of Service: Please link back to the URL on Remote OK and mention Remote OK as a source."}
    body = json.dumps([legal] + [remoteok_job(number) for number in range(newest, newest - 18, -1)], separators=(",", ":")).replace("/", "\\/")
    yield {"source": "jobs.remoteok", "url": "https://remoteok.com/api", "status": 200, "headers": {"content-type": "application/json"},
           "file": f"remoteok.com/{day}.json", "body": body}


def answers():
    """Every request of the three days with its answer, in the order they are made."""
    for day in DAYS:
        for answer in [*greenhouse(day), *hackernews(day), *remoteok(day)]:
            yield {"item": f"{day}T00:00:00Z"} | answer
