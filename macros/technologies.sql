{#- The category that a type of technology (a column of the seed `technologies`) counts under. -#}
{% macro technology_category(type) -%}
case
        when {{ type }} in ('computer_vision', 'nlp') then 'ai_framework'
        when {{ type }} = 'query_language' then 'language'
        when {{ type }} in ('css_framework', 'ui_library', 'css_library', 'css_preprocessor', 'css_tool') then 'web_framework'
        when {{ type }} = 'data_library' then 'data_analysis'
        when {{ type }} in ('containerization', 'orchestration', 'infrastructure', 'configuration', 'ci_cd', 'monitoring') then 'devops'
        when {{ type }} in ('code_hosting', 'tool', 'development') then 'development_tool'
        when {{ type }} = 'orm' then 'library'
        when {{ type }} = 'blockchain' then 'blockchain_platform'
        when {{ type }} = 'blockchain_library' then 'blockchain_framework'
        else coalesce({{ type }}, 'development_tool')
    end
{%- endmacro %}


{#- Words that on GitHub say nothing about technology; analytics leave them out. -#}
{% macro noise_words() -%}
('github', 'repository', 'repo', 'commit', 'branch', 'pull', 'push', 'clone', 'fork', 'star', 'issue', 'pr')
{%- endmacro %}


{#-
  Whether a text that mentions `go` names the language: in prose it is a verb most of the time, or goes to market. The
  language has a capital, inside a sentence or alone in an item of a list.
-#}
{% macro names_go(text) -%}
{{ text }} ~ '(\w [-–] |[\w,/(&+|%] ?)(Go|GO)([^-\w]|$)|(^|[:\n][-* ]*)(Go|GO)([,;/)]| (?i:dev|eng|prog|back|soft)|\s*(\n|$))'
{%- endmacro %}


{#- Every term to search texts for, and the technology it means: the names, and the aliases. -#}
{% macro terms_of_technologies() -%}
select technology as term, technology from {{ ref('technologies') }}
union
select alias as term, technology from {{ ref('technology_aliases') }}
{%- endmacro %}
