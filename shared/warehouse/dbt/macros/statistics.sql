{#- The middle value of a group. Athena has only the approximate one. -#}
{% macro median(column) -%}
    {{ return(adapter.dispatch('median')(column)) }}
{%- endmacro %}

{% macro default__median(column) -%}
    median({{ column }})
{%- endmacro %}

{% macro athena__median(column) -%}
    approx_percentile({{ column }}, 0.5)
{%- endmacro %}
