{#- A text as a string of JSON. -#}
{% macro json_string(text) -%}
'"' || replace(replace(replace(replace(regexp_replace({{ text }}, '[\x00-\x08\x0b-\x1f]', ' ', 'g'), '\', '\\'), '"', '\"'), chr(10), '\n'), chr(9), '\t') || '"'
{%- endmacro %}


{#-
  What every table of HTTP responses has, one row for each response: who was asked, when, and what came, as one JSON
  object. A failed request is such a row, too, with its error in place of a body.
-#}
{% macro http_response(source_name) -%}
'{{ source_name }}_' || to_char(_window_start, '%Y-%m-%d') || '_'
        || lpad(cast(row_number() over (partition by _window_start order by _source) as varchar), 6, '0') as record_id,
    '{{ source_name }}' as source_name,
    cast(_window_start as date) as date,
    _window_start as window_start,
    _ingested_at as collection_timestamp,
    _source as url,
    _status as status,
    left(_error, 500) as error,
    '{"url":' || {{ json_string('_source') }}
        || ',"status":' || coalesce(cast(_status as varchar), 'null')
        || case
            when _error is not null then ',"error":' || {{ json_string('left(_error, 500)') }}
            -- What is no JSON document is kept as a text.
            when body ~ '^\s*([\[{]|null\s*$)' then ',"body":' || body
            else ',"body":' || coalesce({{ json_string('body') }}, 'null')
        end
        || '}' as raw_response_json
{%- endmacro %}


{#-
  Repairs a text that was encoded as UTF-8 twice, such as `ZÃ³calo`: each of its characters up to U+00FF is taken as a
  byte, and the bytes are read as UTF-8. A text that has no such sequence, or whose bytes are no UTF-8, stays as it is.

  In UTF-8 those characters are `c2` and their byte, or `c3` and their byte less 0x40, and both lead nothing else. The
  last of the replacements is the only one that can write a `c3`.
-#}
{% macro repair_encoding(text) -%}
case
        when {{ text }} ~ '[\x{c2}-\x{f4}][\x{80}-\x{bf}]' then coalesce(
            try_cast(decode(replace(
                replace(replace(replace(replace(replace(
                    regexp_replace(encode({{ text }}, 'hex'), '(..)', '\1 ', 'g'),
                    'c2 ', ''), 'c3 9', 'd'), 'c3 a', 'e'), 'c3 b', 'f'), 'c3 8', 'c'),
                ' ', ''), 'hex') as varchar),
            {{ text }})
        else {{ text }}
    end
{%- endmacro %}


{#-
  The first yearly salary range that a text gives in thousands, such as `$150k-195k USD`, `€80,000 to €95,000` or
  `£70-90K`: a list of currency sign, least, most and currency code, which may be empty. NULL where there is none.
-#}
{% macro salary_range(text) -%}
regexp_match({{ text }}, '([$€£]) ?(\d{2,3}(?:,\d{3}| ?[kK])?)[+]? ?(?:USD|CAD|AUD|NZD|SGD)? ?(?:-|–|—|to) ?[$€£]? ?(\d{2,3}(?:,\d{3}| ?[kK]))\b( ?(?:USD|CAD|AUD|NZD|SGD)|)')
{%- endmacro %}


{#- The number in one of its ends: `150k` and `150` are 150000, as is `150,000`. -#}
{% macro salary_number(text) -%}
cast(case
        when {{ text }} like '%,%' then replace({{ text }}, ',', '')
        else regexp_replace({{ text }}, ' ?[kK]', '') || '000'
    end as bigint)
{%- endmacro %}


{#- The currency of a range. -#}
{% macro salary_currency(range) -%}
case
        when {{ range }}[4] <> '' then trim({{ range }}[4])
        when {{ range }}[1] = '$' then 'USD'
        when {{ range }}[1] = '€' then 'EUR'
        when {{ range }}[1] = '£' then 'GBP'
    end
{%- endmacro %}
