-- The least is not above the most, and who gives a range gives its currency.
{{ config(enabled=var('jobs')) }}

select source, posting_id, salary_min, salary_max, salary_currency
from {{ ref('silver_job_postings') }}
where salary_min > salary_max or (salary_max is null) <> (salary_currency is null)
