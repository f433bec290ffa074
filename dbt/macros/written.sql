{#- Reading what people wrote into seeds and relations of their own. Each value is read by way of text: a column that is empty
    throughout has whatever type a warehouse guesses, and a number may come as text. -#}

{% macro named_relation(variable, schema=none, default=none) -%}
  {#- The relation that a variable names as name, schema.name or database.schema.name; none where it is not set. One that is
      named and not there is an error; a default one that is not there is none. -#}
  {%- set name = var(variable, none) -%}
  {%- if not execute or not (name or default) -%}
    {{ return(none) }}
  {%- endif -%}
  {%- set parts = ((name or default) | string).split('.') -%}
  {%- if name -%}
    {%- set place = [
        parts[-3] if parts | length > 2 else target.database,
        parts[-2] if parts | length > 1 else target.schema,
    ] -%}
  {%- else -%}
    {%- set place = [var('salesnav_database', target.database), schema] -%}
  {%- endif -%}
  {%- set relation = adapter.get_relation(place[0], place[1], parts[-1]) -%}
  {%- if relation is none and name -%}
    {{ exceptions.raise_compiler_error(variable ~ ' names ' ~ name ~ ', and there is no such relation.') }}
  {%- endif -%}
  {{ return(relation) }}
{%- endmacro %}


{% macro column_names(relation) -%}
  {#- The quoted names of a relation's columns, by their names in lower case. -#}
  {%- set names = {} -%}
  {%- if relation is not none -%}
    {%- for column in adapter.get_columns_in_relation(relation) -%}
      {%- do names.update({column.name | lower: adapter.quote(column.name)}) -%}
    {%- endfor -%}
  {%- endif -%}
  {{ return(names) }}
{%- endmacro %}


{% macro written_text(column) -%}
  {%- if column -%}
  nullif(trim(cast({{ column }} as {{ dbt.type_string() }})), '')
  {%- else -%}
  cast(null as {{ dbt.type_string() }})
  {%- endif -%}
{%- endmacro %}


{% macro written_number(column) -%}
  cast({{ salesnav.written_text(column) }} as {{ salesnav.type_double() }})
{%- endmacro %}


{% macro written_day(column) -%}
  {#- The day of an ISO date or moment. -#}
  cast(substr({{ salesnav.written_text(column) }}, 1, 10) as date)
{%- endmacro %}
