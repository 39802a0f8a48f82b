{% macro type_string() %}varchar{% endmacro %}
{% macro type_int() %}int{% endmacro %}
{% macro type_bigint() %}bigint{% endmacro %}
{% macro type_timestamp() %}timestamp{% endmacro %}
{% macro type_float() %}double{% endmacro %}
{% macro type_numeric() %}decimal(28, 6){% endmacro %}
{% macro type_boolean() %}boolean{% endmacro %}

{% macro current_timestamp() %}now(){% endmacro %}
{% macro safe_cast(field, type) %}try_cast({{ field }} as {{ type }}){% endmacro %}
{% macro cast(field, type) %}cast({{ field }} as {{ type }}){% endmacro %}
{% macro cast_bool_to_text(field) %}cast({{ field }} as varchar){% endmacro %}

{% macro concat(fields) %}{{ fields | join(' || ') }}{% endmacro %}
{% macro length(expression) %}length({{ expression }}){% endmacro %}
{% macro hash(field) %}md5(cast({{ field }} as varchar)){% endmacro %}
{% macro replace(field, old_chars, new_chars) %}replace({{ field }}, {{ old_chars }}, {{ new_chars }}){% endmacro %}
{% macro right(string_text, length_expression) %}right({{ string_text }}, {{ length_expression }}){% endmacro %}
{% macro position(substring_text, string_text) %}strpos({{ string_text }}, {{ substring_text }}){% endmacro %}
{% macro split_part(string_text, delimiter_text, part_number) -%}
  split_part({{ string_text }}, {{ delimiter_text }}, {{ part_number }})
{%- endmacro %}
{% macro string_literal(value) %}'{{ value }}'{% endmacro %}
{% macro escape_single_quotes(expression) %}{{ expression | replace("'", "''") }}{% endmacro %}

{% macro bool_or(expression) %}bool_or({{ expression }}){% endmacro %}
{% macro any_value(expression) %}first_value({{ expression }}){% endmacro %}
{% macro listagg(measure, delimiter_text="','", order_by_clause=none, limit_num=none) -%}
  string_agg({{ measure }}, {{ delimiter_text }}{% if order_by_clause %} {{ order_by_clause }}{% endif %})
{%- endmacro %}
{% macro equals(expr1, expr2) %}({{ expr1 }} is not distinct from {{ expr2 }}){% endmacro %}
{% macro except() %}except{% endmacro %}
{% macro intersect() %}intersect{% endmacro %}

{% macro array_construct(inputs=[], data_type=none) %}make_array({{ inputs | join(', ') }}){% endmacro %}
{% macro array_append(array, new_element) %}array_append({{ array }}, {{ new_element }}){% endmacro %}
{% macro array_concat(array_1, array_2) %}array_concat({{ array_1 }}, {{ array_2 }}){% endmacro %}

{% macro date(year, month, day) %}make_date({{ year }}, {{ month }}, {{ day }}){% endmacro %}
{% macro date_trunc(datepart, date) %}date_trunc('{{ datepart }}', {{ date }}){% endmacro %}

{#- An interval times a column is no SQL of DataFusion, the cast of a text is. -#}
{% macro dateadd(datepart, interval, from_date_or_timestamp) -%}
  {%- if datepart | lower == 'quarter' -%}
  (cast({{ from_date_or_timestamp }} as timestamp) + cast(concat(({{ interval }}) * 3, ' month') as interval))
  {%- else -%}
  (cast({{ from_date_or_timestamp }} as timestamp) + cast(concat({{ interval }}, ' {{ datepart }}') as interval))
  {%- endif -%}
{%- endmacro %}

{% macro datediff(first_date, second_date, datepart) -%}
  {%- set part = datepart | lower -%}
  {%- set first = 'cast(' ~ first_date ~ ' as timestamp)' -%}
  {%- set second = 'cast(' ~ second_date ~ ' as timestamp)' -%}
  {%- set seconds = {'week': 604800, 'day': 86400, 'hour': 3600, 'minute': 60, 'second': 1} -%}
  {%- if part == 'year' -%}
  cast(date_part('year', {{ second }}) - date_part('year', {{ first }}) as bigint)
  {%- elif part in ['quarter', 'month'] -%}
  {%- set parts = 4 if part == 'quarter' else 12 -%}
  cast((date_part('year', {{ second }}) - date_part('year', {{ first }})) * {{ parts }} + date_part('{{ part }}', {{ second }}) - date_part('{{ part }}', {{ first }}) as bigint)
  {%- elif part in seconds -%}
  cast(round((date_part('epoch', date_trunc('{{ part }}', {{ second }})) - date_part('epoch', date_trunc('{{ part }}', {{ first }}))) / {{ seconds[part] }}) as bigint)
  {%- elif part == 'millisecond' -%}
  cast(round((date_part('epoch', {{ second }}) - date_part('epoch', {{ first }})) * 1000) as bigint)
  {%- else -%}
  {{ exceptions.raise_compiler_error("datediff does not know the date part `" ~ datepart ~ "`") }}
  {%- endif -%}
{%- endmacro %}

{% macro last_day(date, datepart) -%}
  cast(date_trunc('{{ datepart }}', {{ date }}) + interval '1 {{ datepart }}' - interval '1 day' as date)
{%- endmacro %}

{% macro date_spine(datepart, start_date, end_date) -%}
  {%- set type = 'timestamp' if datepart | lower in ['hour', 'minute', 'second'] else 'date' -%}
  select unnest(range(cast({{ start_date }} as {{ type }}), cast({{ end_date }} as {{ type }}), interval '1 {{ datepart }}')) as date_{{ datepart }}
{%- endmacro %}

{% macro get_where_subquery(relation) %}{{ return(relation) }}{% endmacro %}

{% macro load_relation(relation) -%}
  {{ return(adapter.get_relation(database=relation.database, schema=relation.schema, identifier=relation.identifier)) }}
{%- endmacro %}
