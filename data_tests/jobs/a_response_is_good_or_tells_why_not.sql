-- A response has a good status and a body, or an error; its JSON can be read, and says the same as the columns.
{{ config(enabled=var('jobs')) }}

select record_id, status, error
from {{ ref('bronze_job_responses') }}
where
    (error is null) is distinct from coalesce(status between 200 and 299, false)
    or (json_get_str(raw_response_json, 'url') is distinct from url)
    or (json_get_int(raw_response_json, 'status') is distinct from cast(status as bigint))
    or (json_get_str(raw_response_json, 'error') is distinct from error)
    or ((error is null) is distinct from json_contains(raw_response_json, 'body'))
