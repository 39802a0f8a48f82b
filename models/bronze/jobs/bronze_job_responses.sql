{{ config(materialized='view') }}

{#- One list of all that was asked and came, for a look at what failed, and to know which dates have news. -#}

{% for table in ['greenhouse_responses', 'hackernews_user', 'hackernews_threads', 'hackernews_items', 'remoteok_responses'] %}
select record_id, source_name, date, window_start, collection_timestamp, url, status, error, raw_response_json
from {{ ref('bronze_' ~ table) }}
{% if not loop.last %}
union all

{% endif %}
{% endfor %}
