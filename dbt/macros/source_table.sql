{% macro source_table(name) -%}
  {#- A table of the source with its declared columns: null where the warehouse lacks a column, no row where it lacks the
      table. Names, types and which columns are personal come from sources.yml. -#}
  {%- set relation = source('salesnav', name) -%}
  {%- set found = [] -%}
  {%- set ns = namespace(exists=false) -%}
  {%- set declared = {} -%}
  {%- if execute -%}
    {%- for node in graph.sources.values() if node.source_name == 'salesnav' and node.name == name -%}
      {%- do declared.update(node.columns) -%}
    {%- endfor -%}
    {%- set actual = adapter.get_relation(relation.database, relation.schema, relation.identifier) -%}
    {%- if actual is none -%}
      {%- do log('salesnav: there is no table ' ~ relation ~ '; its models are empty.', info=true) -%}
    {%- else -%}
      {%- set ns.exists = true -%}
      {%- for column in adapter.get_columns_in_relation(actual) -%}
        {%- do found.append(column.name | lower) -%}
      {%- endfor -%}
    {%- endif -%}
  {%- endif -%}
  select
  {%- for column in declared.values() %}
    {%- set type = salesnav.salesnav_type(column.config.meta.type) %}
    {%- if column.name not in found %}
      {%- if ns.exists %}{% do log('salesnav: ' ~ relation ~ ' has no column ' ~ column.name ~ '; it is null.', info=true) %}{% endif %}
    cast(null as {{ type }}) as {{ column.name }}
    {%- elif column.config.meta.personal and var('salesnav_personal_data', 'keep') == 'hash' %}
    {{ dbt.hash(column.name) }} as {{ column.name }}
    {%- else %}
    {{ column.name }}
    {%- endif %}{{ ',' if not loop.last }}
  {%- else %}
    1 as nothing
  {%- endfor %}
  {%- if ns.exists %}
  from {{ salesnav.in_view(relation) }}
  {%- else %}
  limit 0
  {%- endif %}
{%- endmacro %}


{% macro in_view(relation) -%}
  {#- A relation as views name it. A copy of a DuckDB file, or one that is attached, has another name, which views need not know. -#}
  {{ return(relation.include(database=false) if target.type == 'duckdb' and relation.database == target.database else relation) }}
{%- endmacro %}
