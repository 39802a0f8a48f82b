{#- The source yields only what this table has not read yet, so there is nothing to filter here. -#}

select
    {{ event_columns() }},

    _source as source_file,
    _window_start as window_start,
    _ingested_at as ingested_at,
    raw as raw_json
from {% if var('github_archive_path') %}{{ source('github', 'archive_files') }}{% else %}{{ source('github', 'archive') }}{% endif %}
