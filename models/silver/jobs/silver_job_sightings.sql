{{ config(partition_by=['date']) }}

{#- The responses that hold postings. -#}
{% set responses %}
(
            select date, collection_timestamp from {{ ref('bronze_job_responses') }}
            where error is null and source_name in ('greenhouse', 'hackernews_items', 'remoteok')
        )
{%- endset %}

{#- Words that tell what a part of a headline on Hacker News is. -#}
{% set roles = [
    'engineer(s|ing)?', 'developers?', 'programmers?', 'devops', 'sre', 'scientists?', 'designers?', 'architects?', 'analysts?',
    'researchers?', 'managers?', 'administrators?', 'consultants?', 'specialists?', 'writers?', 'recruiters?', 'founding', 'cto',
    'vp', 'director', 'head of', '(tech|team) lead', 'interns?', 'roles?', 'positions?', 'full[ -]?stack', 'backend', 'frontend',
    'swe', 'qa', 'sales', 'gtm', 'product owner',
] | join('|') %}
{% set domains = 'com|io|ai|co|dev|net|org|app|xyz|me|uk|eu|de|work|so|health|care|example' %}
{% set others = [
    'visa', 'relocation', 'sponsorship', 'english', '(early|late)[ -]stage', '(junior|mid|senior)[ -]?(level)?',
    'yc ?[swfx]?\\d{2}', 'y combinator', 'series [a-f]', 'seed', 'bootstrapped',
] | join('|') %}

with greenhouse_jobs as (

    select date, collection_timestamp, board, unnest(json_get_array(raw_response_json, 'body', 'jobs')) as job
    from {{ ref('bronze_greenhouse_responses') }}
    where
        error is null
        and {{ date_is_due(responses, 'collection_timestamp') }}

),

greenhouse_fields as (

    select
        date,
        collection_timestamp,
        board,
        json_as_text(job, 'id') as posting_id,
        json_as_text(job, 'internal_job_id') as internal_job_id,
        json_get_str(job, 'company_name') as company,
        trim(json_get_str(job, 'title')) as title,
        nullif(trim(json_get_str(job, 'location', 'name')), '') as location,
        json_get_str(job, 'content') as content,
        -- `updated_at` is no posting date: it is touched in bulk.
        cast(json_get_str(job, 'first_published') as timestamp) as posted_at,
        json_get_str(job, 'absolute_url') as url
    from greenhouse_jobs

),

greenhouse_texts as (

    select
        * exclude (content),
        -- The content is HTML that was escaped as a whole. Where it holds no tag only its escapes are left to undo, twice.
        case
            when content ~ '&lt;[a-zA-Z/!]' then html_to_text(content)
            else html_to_text(html_to_text(content))
        end as description
    from greenhouse_fields

),

greenhouse as (

    select
        texts.date,
        texts.collection_timestamp,
        'greenhouse' as source,
        texts.posting_id,
        texts.board || ':' || coalesce(texts.internal_job_id, texts.posting_id) as job_id,
        coalesce(nullif(trim(texts.company), ''), boards.company, initcap(texts.board)) as company,
        texts.title,
        texts.location,
        coalesce(texts.location ~* '\b(remote|home[ -]?based|anywhere|worldwide|distributed)\b', false) as is_remote,
        texts.description,
        texts.posted_at,
        texts.url,
        {{ salary_range('texts.description') }} as salary_range
    from greenhouse_texts as texts
    left join {{ ref('greenhouse_boards') }} as boards on boards.board = texts.board

),

hackernews_items as (

    select
        date,
        collection_timestamp,
        item_id,
        to_timestamp_seconds(json_get_int(raw_response_json, 'body', 'time')) as posted_at,
        json_get_str(raw_response_json, 'body', 'text') as text
    from {{ ref('bronze_hackernews_items') }}
    where
        error is null
        and {{ date_is_due(responses, 'collection_timestamp') }}
        -- A deleted comment is `null` or has no text, a dead one may have kept it.
        and json_get_str(raw_response_json, 'body', 'text') <> ''
        and not coalesce(json_get_bool(raw_response_json, 'body', 'deleted'), false)
        and not coalesce(json_get_bool(raw_response_json, 'body', 'dead'), false)

),

hackernews_headlines as (

    select
        *,
        html_to_text(text) as description,
        trim(html_to_text(split_part(split_part(text, '<p>', 1), chr(10), 1))) as headline
    from hackernews_items

),

-- The custom is `Company | Role | Location | REMOTE | ...` in any order behind the company; some write dashes for bars.
hackernews_parts as (

    select
        date,
        item_id,
        unnest(generate_series(1, cast(cardinality(parts) as bigint))) as position,
        trim(unnest(parts)) as part
    from (
        select
            date,
            item_id,
            string_to_array(
                case
                    when headline like '%|%' or length(headline) > 160 then headline
                    else regexp_replace(headline, ' [-–—] ', '|', 'g')
                end,
                '|') as parts
        from hackernews_headlines
    ) as headlines

),

hackernews_kinds as (

    select
        date,
        item_id,
        position,
        part,
        case
            when part = '' then 'nothing'
            when position > 1 and part ~* '^\W*(https?://|www\.|[a-z0-9.-]+\.({{ domains }})\b)' then 'url'
            when part ~* '\b({{ roles }})\b' then 'role'
            when part ~ '[$€£] ?\d' or part ~* '\b\d{2,3} ?k\b|\bequity\b|\bsalary\b' then 'pay'
            when part ~* '\b(full|part)[ -]?time\b|\b(contract(or)?|permanent|freelance|internship|fte)\b' then 'employment'
            when part ~* '\b({{ others }})\b' then 'other'
            -- Nothing but how one works, with no place to it.
            when part ~* '^\W*(remote|on-?site|hybrid|in[ -](office|person)|wfh|ok|or|and|first|only|\W)+$' then 'mode'
            else 'place'
        end as kind
    from hackernews_parts

),

hackernews_facts as (

    select
        date,
        item_id,
        max(position) as parts,
        first_value(part order by position) filter (where position = 1) as first_part,
        first_value(kind order by position) filter (where position = 1) as first_kind,
        first_value(part order by position) filter (where position > 1 and kind = 'role' and length(part) <= 120) as role,
        first_value(part order by position) filter (where position > 1 and kind = 'place' and length(part) <= 100) as place,
        first_value(part order by position) filter (where position > 1 and kind = 'mode') as mode
    from hackernews_kinds
    group by date, item_id

),

hackernews_parsed as (

    select
        headlines.*,
        facts.role,
        facts.place,
        facts.mode,
        facts.first_part,
        -- Some leave out the company and begin with the role.
        facts.parts > 1 and facts.first_kind = 'role' and facts.role is null and length(facts.first_part) <= 120 as begins_with_role,
        -- Without a headline: `Company: X` or `X (what X is) is hiring ...`.
        coalesce(
            case when facts.parts > 1 and length(facts.first_part) <= 100 then facts.first_part end,
            regexp_match(headlines.headline, '(?i)^company(?: name)?: *(.{2,60})$')[1],
            regexp_match(headlines.headline, '^(?:H(?:i|ey|ello)\b[^.!]{0,9}[.!,] )?(.{2,40}?)(?: \([^)]*\))? is hiring\b')[1]
        ) as employer
    from hackernews_headlines as headlines
    inner join hackernews_facts as facts on facts.date = headlines.date and facts.item_id = headlines.item_id

),

hackernews as (

    select
        date,
        collection_timestamp,
        'hackernews' as source,
        cast(item_id as varchar) as posting_id,
        cast(item_id as varchar) as job_id,
        -- Behind the name there may be an address or a batch of Y Combinator in parentheses.
        case
            when not begins_with_role
                then nullif(trim(regexp_replace(
                    employer,
                    '\s*(\([^)]*(://|www\.|\.[a-z]{2,}\b|\byc\b|y combinator)[^)]*\)|https?://\S+)\s*', ' ', 'gi')), '')
        end as company,
        case when begins_with_role then first_part else role end as title,
        coalesce(place, mode) as location,
        left(headline, 300) ~* '\b(remote|wfh|work from home)\b' and not headline ~* '\b(no|not|non)[ -]remote\b' as is_remote,
        description,
        posted_at,
        'https://news.ycombinator.com/item?id=' || item_id as url,
        {{ salary_range('headline') }} as salary_range
    from hackernews_parsed

),

remoteok_jobs as (

    select date, collection_timestamp, unnest(json_get_array(raw_response_json, 'body')) as job
    from {{ ref('bronze_remoteok_responses') }}
    where
        error is null
        and {{ date_is_due(responses, 'collection_timestamp') }}

),

-- The first element is a legal notice, without an id.
remoteok_fields as (

    select
        date,
        collection_timestamp,
        json_as_text(job, 'id') as posting_id,
        json_get_str(job, 'company') as company,
        json_get_str(job, 'position') as title,
        json_get_str(job, 'location') as location,
        json_get_str(job, 'description') as description,
        to_timestamp_seconds(json_get_int(job, 'epoch')) as posted_at,
        json_get_str(job, 'url') as url,
        -- 0 says that it is not known. An hourly rate is no yearly salary.
        case when json_get_int(job, 'salary_max') >= 1000 then nullif(json_get_int(job, 'salary_min'), 0) end as salary_min,
        case when json_get_int(job, 'salary_max') >= 1000 then json_get_int(job, 'salary_max') end as salary_max
    from remoteok_jobs
    where json_as_text(job, 'id') is not null

),

remoteok as (

    select
        date,
        collection_timestamp,
        'remoteok' as source,
        posting_id,
        posting_id as job_id,
        nullif(trim({{ repair_encoding('company') }}), '') as company,
        trim({{ repair_encoding('title') }}) as title,
        nullif(trim({{ repair_encoding('location') }}), '') as location,
        true as is_remote,
        -- What follows is meant for who applies, a word that proves one has read so far.
        nullif(regexp_replace(
            html_to_text({{ repair_encoding('description') }}),
            '(?s)\s*Please mention the word \*\*.*$', ''), '') as description,
        posted_at,
        url,
        salary_min,
        salary_max,
        case when salary_max is not null then 'USD' end as salary_currency
    from remoteok_fields

),

postings as (

    select * from remoteok

    union all

    select
        * exclude (salary_range),
        {{ salary_number('salary_range[2]') }} as salary_min,
        {{ salary_number('salary_range[3]') }} as salary_max,
        {{ salary_currency('salary_range') }} as salary_currency
    from (
        select * from greenhouse
        union all
        -- A comment that names neither who hires nor for what is no posting but an answer or a question.
        select * from hackernews where company is not null or title is not null
    ) as texts

)

select
    date,
    source,
    posting_id,
    job_id,
    company,
    title,
    location,
    is_remote,
    description,
    posted_at,
    url,
    salary_min,
    salary_max,
    salary_currency,
    collection_timestamp,
    {{ processed_at() }} as processed_at
from postings
where posting_id is not null
-- A board that lists a posting twice, or was asked twice, still has it once.
qualify row_number() over (partition by date, source, posting_id order by collection_timestamp desc, url, job_id) = 1
