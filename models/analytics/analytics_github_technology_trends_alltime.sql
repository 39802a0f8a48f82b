{{ config(partition_by=['analysis_date']) }}

{{ technology_trends(ref('gold_github_technology_daily_activity')) }}
