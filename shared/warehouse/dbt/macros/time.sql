{#- Milliseconds since 1970 of a timestamp, as a whole number. -#}
{% macro epoch_ms(column) -%}
    {{ return(adapter.dispatch('epoch_ms')(column)) }}
{%- endmacro %}

{% macro default__epoch_ms(column) -%}
    cast(to_unixtime({{ column }}) * 1e3 as bigint)
{%- endmacro %}

{#- DataFusion's to_unixtime drops the fraction; a timestamp of this lake counts microseconds. -#}
{% macro datafusion__epoch_ms(column) -%}
    cast(cast({{ column }} as bigint) / 1000 as bigint)
{%- endmacro %}

{% macro duckdb__epoch_ms(column) -%}
    epoch_ms({{ column }})
{%- endmacro %}

{#- The start of the minute of a timestamp. -#}
{% macro minute_trunc(column) -%}
    {{ return(adapter.dispatch('minute_trunc')(column)) }}
{%- endmacro %}

{% macro default__minute_trunc(column) -%}
    date_trunc('minute', {{ column }})
{%- endmacro %}

{#- A timestamp some milliseconds later. -#}
{% macro add_ms(column, milliseconds) -%}
    {{ return(adapter.dispatch('add_ms')(column, milliseconds)) }}
{%- endmacro %}

{% macro default__add_ms(column, milliseconds) -%}
    date_add('millisecond', {{ milliseconds }}, {{ column }})
{%- endmacro %}

{% macro datafusion__add_ms(column, milliseconds) -%}
    arrow_cast(cast({{ column }} as bigint) + {{ milliseconds }} * 1000, 'Timestamp(Microsecond, Some("+00:00"))')
{%- endmacro %}

{% macro duckdb__add_ms(column, milliseconds) -%}
    {{ column }} + to_milliseconds({{ milliseconds }})
{%- endmacro %}
