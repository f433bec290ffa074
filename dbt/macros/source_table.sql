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
  {#- A relation as views name it. A copy of a DuckDB file, or one that is attached, has another name, which views need not know.
      In unit tests it keeps its whole name, which dbt 2 replaces by the test's rows. -#}
  {%- set bare = target.type == 'duckdb' and relation.database == target.database and model.resource_type != 'unit_test' -%}
  {{ return(relation.include(database=false) if bare else relation) }}
{%- endmacro %}


{% macro keep_rows_without_tables() -%}
  {#- Stops a build before it empties models: where no table of the source is there, their names are wrong, or they are gone.
      An empty warehouse is built; its models have no rows to lose. -#}
  {%- if execute and flags.WHICH in ['build', 'run'] -%}
    {%- set ns = namespace(loaded=false, filled=none) -%}
    {%- for node in graph.sources.values() if node.package_name == 'salesnav' and not ns.loaded -%}
      {%- set ns.loaded = adapter.get_relation(node.database, node.schema, node.identifier) is not none -%}
    {%- endfor -%}
    {%- if not ns.loaded -%}
      {%- for node in graph.nodes.values() if node.package_name == 'salesnav' and node.resource_type == 'model' and 'marts' in node.fqn and ns.filled is none -%}
        {%- set mart = adapter.get_relation(node.database, node.schema, node.alias) -%}
        {%- if mart is not none and run_query('select 1 as filled from ' ~ mart ~ ' limit 1').rows | length -%}
          {%- set ns.filled = mart -%}
        {%- endif -%}
      {%- endfor -%}
    {%- endif -%}
    {%- if ns.filled is not none -%}
      {{ exceptions.raise_compiler_error('salesnav: there are no loaded tables in the schema ' ~ var('salesnav_schema', 'salesnav') ~ ', so ' ~ ns.filled ~ ' and the other models would be emptied. Name the schema that was loaded: salesnav_schema in --vars, --dataset of salesnav transform. Nothing was built.') }}
    {%- endif -%}
  {%- endif -%}
{%- endmacro %}
