{% macro contract_terms() -%}
  {#- What was bought, from the relation or seed that salesnav_contract_terms names; no row without one. -#}
  {%- set name = var('salesnav_contract_terms', none) -%}
  {%- set relation = none -%}
  {%- if name and execute -%}
    {%- set parts = (name | string).split('.') -%}
    {%- set relation = adapter.get_relation(
        parts[-3] if parts | length > 2 else target.database,
        parts[-2] if parts | length > 1 else target.schema,
        parts[-1]
    ) -%}
    {%- if relation is none -%}
      {{ exceptions.raise_compiler_error('salesnav_contract_terms names ' ~ name ~ ', and there is no such relation.') }}
    {%- endif -%}
  {%- endif -%}
  {%- if relation is none %}
  select
    cast(null as {{ dbt.type_string() }}) as contract,
    cast(null as {{ dbt.type_bigint() }}) as purchased_seats,
    cast(null as {{ salesnav.type_double() }}) as cost,
    cast(null as {{ dbt.type_string() }}) as currency,
    cast(null as date) as first_day,
    cast(null as date) as last_day
  limit 0
  {%- else %}
    {%- set names = {} -%}
    {%- for column in adapter.get_columns_in_relation(relation) -%}
      {%- do names.update({column.name | lower: adapter.quote(column.name)}) -%}
    {%- endfor %}
  select
    cast({{ names['contract'] }} as {{ dbt.type_string() }}) as contract,
    cast({{ names['purchased_seats'] }} as {{ dbt.type_bigint() }}) as purchased_seats,
    cast({{ names['cost'] }} as {{ salesnav.type_double() }}) as cost,
    cast({{ names.get('currency', 'null') }} as {{ dbt.type_string() }}) as currency,
    cast({{ names['from'] }} as date) as first_day,
    cast({{ names['to'] }} as date) as last_day
  from {{ relation }}
  {%- endif -%}
{%- endmacro %}
