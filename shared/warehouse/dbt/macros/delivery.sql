{#- Silver holds a fact as often as it was delivered. The first delivery counts: sequences are digits of any length,
    so the shorter is the smaller; shard and sub break ties between streams and inside one record. -#}
{% macro delivery_order() -%}
    length(sequence), sequence, shard, sub
{%- endmacro %}
