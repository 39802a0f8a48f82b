{{ config(materialized='view') }}

select technology as term, technology from {{ ref('technologies') }}
union
select alias as term, technology from {{ ref('technology_aliases') }}
