{% macro salesnav_type(name) -%}
  {#- The warehouse's type of a column that is declared as text, bigint, double, bool, timestamp or date. -#}
  {%- if name == 'text' -%}{{ dbt.type_string() }}
  {%- elif name == 'bigint' -%}{{ dbt.type_bigint() }}
  {%- elif name == 'double' -%}{{ salesnav.type_double() }}
  {%- elif name == 'bool' -%}{{ dbt.type_boolean() }}
  {%- elif name == 'timestamp' -%}{{ salesnav.type_moment() }}
  {%- elif name == 'date' -%}date
  {%- else -%}{{ exceptions.raise_compiler_error('There is no type ' ~ name) }}
  {%- endif -%}
{%- endmacro %}


{% macro type_moment() -%}
  {{ return(adapter.dispatch('type_moment', 'salesnav')()) }}
{%- endmacro %}

{% macro default__type_moment() -%}timestamp with time zone{%- endmacro %}
{% macro bigquery__type_moment() -%}timestamp{%- endmacro %}
{% macro snowflake__type_moment() -%}timestamp_tz{%- endmacro %}


{% macro type_double() -%}
  {#- dbt.type_float() has 32 bits in DuckDB. -#}
  {{ return(adapter.dispatch('type_double', 'salesnav')()) }}
{%- endmacro %}

{% macro default__type_double() -%}double precision{%- endmacro %}
{% macro bigquery__type_double() -%}float64{%- endmacro %}


{% macro as_bigint(expression) -%}
  cast({{ expression }} as {{ dbt.type_bigint() }})
{%- endmacro %}


{% macro ratio(part, whole) -%}
  {#- A share as a float; null where the whole is null or zero. -#}
  cast({{ part }} as {{ salesnav.type_double() }}) / nullif({{ whole }}, 0)
{%- endmacro %}
