"""DuckDB alone: the same nine tables from the same files as the engine, for scripts/bench to measure.

    bench_duckdb.py DATA_GLOB SEEDS_DIR DATABASE [THREADS]

Terms match by the exact rule: the mentions are, to the row, those that scripts/count_events.py counts.
What was tried, and is slower: reading lines as CSV and parsing them (5 to 50 % more for bronze), another compression than
zstd for the raw JSON, or none (30 to 60 % more for bronze), tokenising every text (three times as much for mentions),
Unicode classes in a term's own pattern (ten times).
"""

import csv
import pathlib
import re
import sys

import duckdb

# What is wanted of a record; one parse fills it.
RECORD = """{"id": "VARCHAR", "type": "VARCHAR", "created_at": "TIMESTAMP", "actor": {"login": "VARCHAR"},
  "repo": {"id": "BIGINT", "name": "VARCHAR"}, "org": {"login": "VARCHAR"},
  "payload": {"action": "VARCHAR", "ref": "VARCHAR", "ref_type": "VARCHAR", "size": "BIGINT", "description": "VARCHAR",
    "commits": [{"message": "VARCHAR"}], "pull_request": {"title": "VARCHAR", "body": "VARCHAR"},
    "issue": {"title": "VARCHAR", "body": "VARCHAR", "labels": [{"name": "VARCHAR"}]},
    "forkee": {"description": "VARCHAR", "topics": ["VARCHAR"], "language": "VARCHAR"},
    "release": {"name": "VARCHAR", "tag_name": "VARCHAR", "body": "VARCHAR"}}}"""

BRONZE = f"""
create table bronze_github_events (event_id varchar, event_type varchar, created_at timestamp, date date, actor_login varchar,
  repo_id bigint, repo_name varchar, org_login varchar, action varchar, ref varchar, ref_type varchar, push_size bigint,
  commit_messages varchar[], pull_request_title varchar, pull_request_body varchar, issue_title varchar, issue_body varchar,
  issue_labels varchar[], create_description varchar, forkee_description varchar, forkee_topics varchar[],
  forkee_language varchar, release_name varchar, release_tag varchar, release_body varchar,
  source_file varchar, ingested_at timestamptz, raw_json varchar using compression zstd);
insert into bronze_github_events
select event.id, event.type, event.created_at, event.created_at::date, event.actor.login, event.repo.id, event.repo.name,
  event.org.login, event.payload.action, event.payload.ref, event.payload.ref_type, event.payload.size,
  list_transform(event.payload.commits, lambda each: each.message),
  case when event.type = 'PullRequestEvent' then event.payload.pull_request.title end,
  case when event.type = 'PullRequestEvent' then event.payload.pull_request.body end,
  case when event.type = 'IssuesEvent' then event.payload.issue.title end,
  case when event.type = 'IssuesEvent' then event.payload.issue.body end,
  case when event.type = 'IssuesEvent' then list_transform(event.payload.issue.labels, lambda each: each.name) end,
  event.payload.description, event.payload.forkee.description, event.payload.forkee.topics, event.payload.forkee.language,
  event.payload.release.name, event.payload.release.tag_name, event.payload.release.body, filename, now(), raw
from (select json::varchar as raw, filename, from_json(json, '{RECORD}') as event
      from read_ndjson_objects(getvariable('data'), ignore_errors = true, filename = true) where json is not null)
where event.id is not null;
"""

SILVER = """
create table silver_github_events as
select event_id, event_type, created_at, date, actor_login, repo_id, repo_name, org_login, action, ref, ref_type, push_size,
  ingested_at, now() as processed_at
from bronze_github_events
where rowid in (select min(rowid) from bronze_github_events group by event_type, event_id, created_at);
"""

# Letters and digits beyond ASCII only matter as neighbours of a term. Once each is an underscore, the ASCII classes of RE2
# do for the rest; its Unicode classes take a millisecond to compile, and a term's own pattern is compiled per row.
WORDS = r"""if(strlen(text) = length(text), text, regexp_replace(text, '[^\x00-\x7F\P{L}]|[^\x00-\x7F\P{N}]', '_', 'g'))"""

# A token finds the terms that begin with it; a term that is more than one token is then looked for as a whole.
MENTIONS = r"""
create temp table terms as
select term, technology, regexp_extract(term, '\w+') as token, regexp_full_match(term, '\w+') as is_token,
  if(left(term, 1) similar to '\w', '\b', '') || regexp_escape(term) || if(right(term, 1) similar to '\w', '\b', '') as pattern
from (select technology as term, technology from read_csv(getvariable('seeds') || '/technologies.csv')
      union all select alias, technology from read_csv(getvariable('seeds') || '/technology_aliases.csv'));

create temp table hits as
with texts as materialized (
  select event, text_number, repo_name, {words} as text
  from (select rowid as event, unnest(range(len(commit_messages))) as text_number, null as repo_name,
          lower(unnest(commit_messages)) as text
        from bronze_github_events where event_type = 'PushEvent'
        union all
        select rowid, 0, null, lower(case event_type
          when 'PullRequestEvent' then concat_ws(e'\n', pull_request_title, left(pull_request_body, 500))
          when 'IssuesEvent' then concat_ws(e'\n', issue_title, left(issue_body, 500), array_to_string(issue_labels, e'\n'))
          when 'CreateEvent' then concat_ws(e'\n', create_description, ref)
          when 'ForkEvent' then concat_ws(e'\n', forkee_description, array_to_string(forkee_topics, e'\n'), forkee_language)
          when 'ReleaseEvent' then concat_ws(e'\n', release_name, release_tag, left(release_body, 500)) end)
        from bronze_github_events
        where event_type in ('PullRequestEvent', 'IssuesEvent', 'CreateEvent', 'ForkEvent', 'ReleaseEvent')
        union all
        select null, 0, repo_name, lower(translate(repo_name, '/-._', '    '))
        from (select distinct repo_name from silver_github_events))
  where regexp_matches(text, '{any_term}')
),
tokens as (
  select event, text_number, repo_name, text, unnest(list_distinct(regexp_extract_all(text, '\w+'))) as token
  from texts
)
select distinct event, text_number, repo_name, technology
from tokens join terms using (token)
where is_token or (contains(text, term) and regexp_matches(text, pattern));

create table silver_github_technology_mentions as
select event_id, event_type, created_at, date, silver.repo_name, technology,
  map {'PushEvent': 'commit_message', 'PullRequestEvent': 'pull_request', 'IssuesEvent': 'issue', 'CreateEvent': 'create',
   'ForkEvent': 'fork', 'ReleaseEvent': 'release'}[event_type] as mention_kind, count(distinct text_number) as texts,
  now() as processed_at
from hits
join bronze_github_events as bronze on bronze.rowid = hits.event
join silver_github_events as silver using (event_id, event_type, created_at, date)
group by all
union all
select event_id, event_type, created_at, date, repo_name, technology, 'repository', 1, now()
from hits join silver_github_events using (repo_name);
"""

TRENDS = """
create table silver_github_keyword_trends as
with events as (
  select date, technology, event_type, event_id, created_at, any_value(repo_name) as repo_name, sum(texts) as texts
  from silver_github_technology_mentions group by date, technology, event_type, event_id, created_at
),
repositories as (
  select date, technology, repo_name, count(*) as events, sum(texts) as texts, bit_or(1 << hour(created_at)) as hours
  from events group by all
),
days as (
  select date, technology, sum(events)::bigint as daily_mentions, count(*) as daily_repo_mentions,
    sum(texts)::bigint as daily_event_mentions, first(repo_name order by events desc, repo_name) as primary_repository,
    bit_count(bit_or(hours)) as active_hours
  from repositories group by all
)
select * exclude (active_hours), least(100.0, greatest(0.0,
    daily_mentions / max(daily_mentions) over (partition by date) * 50 + active_hours / 24 * 30 + 20)) as data_quality_score,
  active_hours as source_record_count, now() as processed_at, 'bronze' as source_layer
from days;
"""

GOLD = """
create table gold_github_technology_daily_activity as
select date, trends.technology, daily_mentions, daily_repo_mentions, daily_event_mentions, primary_repository,
  case when type in ('computer_vision', 'nlp') then 'ai_framework'
    when type = 'query_language' then 'language'
    when type in ('css_framework', 'ui_library', 'css_library', 'css_preprocessor', 'css_tool') then 'web_framework'
    when type = 'data_library' then 'data_analysis'
    when type in ('containerization', 'orchestration', 'infrastructure', 'configuration', 'ci_cd', 'monitoring') then 'devops'
    when type in ('code_hosting', 'tool', 'development') then 'development_tool'
    when type = 'orm' then 'library'
    when type = 'blockchain' then 'blockchain_platform'
    when type = 'blockchain_library' then 'blockchain_framework'
    else coalesce(type, 'development_tool') end as technology_category,
  case when daily_mentions >= 1000 then 'high' when daily_mentions >= 100 then 'medium'
    when daily_mentions >= 10 then 'low' else 'minimal' end as mention_volume,
  if(daily_mentions > 0, 'complete', 'empty') as data_completeness, now() as processed_at, 'github' as data_source
from silver_github_keyword_trends as trends
left join read_csv(getvariable('seeds') || '/technologies.csv') as seed using (technology);
"""

NOISE = "('github', 'repository', 'repo', 'commit', 'branch', 'pull', 'push', 'clone', 'fork', 'star', 'issue', 'pr')"


def analytics(suffix, days):
    """One of the four; without `days` the window is all there is."""
    if days:
        window = f"newest - {days - 1}"
        columns = "first as window_start_date, newest as window_end_date"
    else:
        window = "oldest"
        columns = "first as data_start_date, newest as data_end_date, newest - first + 1 as total_days_analyzed"
    split = (days or 0) // 2
    trend = f"""case when earlier = 0 then 'new' when later / {days - split} > 1.1 * earlier / {split} then 'up'
      when later / {days - split} < 0.9 * earlier / {split} then 'down' else 'stable' end as trend_direction_{suffix},""" if days else ""
    hotness = """case when avg_daily_mentions_7d >= 200 then 'hot' when avg_daily_mentions_7d >= 50 then 'warm' else 'cool' end
      as hotness_signal_7d,""" if days == 7 else ""
    return f"""
create table analytics_github_technology_trends_{suffix} as
with bounds as (select max(date) as newest, min(date) as oldest from gold_github_technology_daily_activity),
span as (select newest, {window} as first from bounds),
active as (
  select technology, any_value(technology_category) as technology_category, any_value(newest) as newest, any_value(first) as first,
    sum(daily_mentions)::bigint as total_mentions_{suffix}, avg(daily_mentions) as avg_daily_mentions_{suffix},
    max(daily_mentions) as peak_day_mentions_{suffix}, count(*) as days_with_activity_{suffix},
    coalesce(sum(daily_mentions) filter (date < first + {split}), 0) as earlier,
    coalesce(sum(daily_mentions) filter (date >= first + {split}), 0) as later
  from gold_github_technology_daily_activity, span
  where date between first and newest and technology not in {NOISE} group by technology
)
select newest as analysis_date, {columns}, technology, technology_category, total_mentions_{suffix}, avg_daily_mentions_{suffix},
  peak_day_mentions_{suffix}, days_with_activity_{suffix}, {trend} {hotness}
  dense_rank() over (order by total_mentions_{suffix} desc) as mention_rank_{suffix},
  dense_rank() over (partition by technology_category order by total_mentions_{suffix} desc) as category_rank_{suffix},
  round(days_with_activity_{suffix} / (newest - first + 1) * 100, 1) as data_completeness_{suffix}, now() as processed_at
from active;
"""


def any_term(seeds):
    """A regular expression that lets those texts through which mention some term."""
    terms = set()
    for name in ("technologies", "technology_aliases"):
        with open(pathlib.Path(seeds, f"{name}.csv"), encoding="utf-8", newline="") as file:
            terms |= {row[0] for row in list(csv.reader(file))[1:]}
    escaped = (re.sub(r"([^\w\s])", r"\\\1", term) for term in sorted(terms))
    return "|".join(re.sub(r"^(?=\w)|(?<=\w)$", r"\\b", term) for term in escaped).replace("'", "''")


def main(data, seeds, database, threads="2"):
    connection = duckdb.connect(database, config={"threads": int(threads), "preserve_insertion_order": False})
    connection.execute("set timezone = 'UTC'")
    connection.execute("set variable data = ?", [data])
    connection.execute("set variable seeds = ?", [seeds])
    connection.execute(BRONZE)
    connection.execute(SILVER)
    connection.execute(MENTIONS.replace("{words}", WORDS).replace("{any_term}", any_term(seeds)))
    connection.execute(TRENDS)
    connection.execute(GOLD)
    for suffix, days in (("7d", 7), ("30d", 30), ("90d", 90), ("alltime", None)):
        connection.execute(analytics(suffix, days))
    connection.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
