{#- Silver holds every revision of a window. The highest counts; one written twice by a retry counts once. -#}
{% macro revision_rank(key) -%}
    row_number() over (partition by {{ key }} order by revision desc, as_of desc)
{%- endmacro %}

{#- A window's life as the lake tells it: rows are written when a window is final, and again with every correction. -#}
{% macro window_state() -%}
    case when not is_final then 'provisional' when revision > 1 then 'corrected' else 'final' end
{%- endmacro %}
