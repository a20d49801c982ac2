{#- A scaled whole number such as price_e8 as a double. The division is the only rounding. -#}
{% macro unscaled(column, exponent) -%}
    cast({{ column }} as double) / 1e{{ exponent }}
{%- endmacro %}

{#- A product of two scaled whole numbers that cannot overflow and adds up in any order. -#}
{% macro exact_product(left, right) -%}
    cast({{ left }} as decimal(19, 0)) * cast({{ right }} as decimal(19, 0))
{%- endmacro %}
