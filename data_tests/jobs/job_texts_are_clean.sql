-- Neither markup nor escapes nor twice encoded characters are left in what a reader reads.
{{ config(enabled=var('jobs')) }}

select source, posting_id, title, left(description, 200) as description
from {{ ref('silver_job_sightings') }}
where concat_ws(' ', company, title, location, description)
    ~ '</?(p|div|li|ul|ol|br|strong|span|em|h[1-6])\b[^>]*>|&(lt|gt|amp|nbsp|quot|#\d+|#x[0-9a-fA-F]+);|[\x{c2}-\x{f4}][\x{80}-\x{bf}]'
