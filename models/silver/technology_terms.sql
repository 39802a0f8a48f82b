{{ config(materialized='view') }}

{{ terms_of_technologies() }}
