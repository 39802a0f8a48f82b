{#- One value for all rows and all tables of a run. -#}
{% macro processed_at() -%}
cast('{{ run_started_at }}' as timestamp)
{%- endmacro %}


{#- The dates that have a newer `watermark` in `upstream` than in this table, or that this table lacks. -#}
{% macro dates_due(upstream, watermark) -%}
select upstream.date
        from (select date, max({{ watermark }}) as newest from {{ upstream }} group by date) as upstream
        left join (select date, max({{ watermark }}) as newest from {{ this }} group by date) as built
            on built.date = upstream.date
        where built.date is null or upstream.newest > built.newest
{%- endmacro %}


{#-
  A condition on `date`: is this date to be built in this run?

  With the var `date`, that date alone. In an incremental run the dates that have a newer `watermark` in `upstream` than
  in this table, or that this table lacks. Else every date. Each date has its own watermark, so that building one date
  by itself never hides that another is due.
-#}
{% macro date_is_due(upstream, watermark) -%}
{%- if var('date') -%}
date = cast('{{ var("date") }}' as date)
{%- elif is_incremental() -%}
date in (
        {{ dates_due(upstream, watermark) }}
    )
{%- else -%}
true
{%- endif -%}
{%- endmacro %}


{#-
  The same for a table whose dates depend on those before them: the first date that is due, and all dates behind it. A date
  behind the newest of this table is due, too, though upstream may have nothing of it.
-#}
{% macro date_or_one_before_is_due(upstream, watermark) -%}
{%- if var('date') -%}
date = cast('{{ var("date") }}' as date)
{%- elif is_incremental() -%}
(
        date >= (select min(date) from ({{ dates_due(upstream, watermark) }}))
        or date > (select max(date) from {{ this }})
    )
{%- else -%}
true
{%- endif -%}
{%- endmacro %}
