{#- The events of bronze, however they came in: a file of the archive, or a poll if there are any. -#}
{% macro github_events() -%}
{%- if var('github_live') -%}
(
        select * from {{ ref('bronze_github_events') }}
        union all by name
        select * from {{ ref('bronze_github_events_api') }}
    ) as github_events
{%- else -%}
{{ ref('bronze_github_events') }}
{%- endif -%}
{%- endmacro %}
