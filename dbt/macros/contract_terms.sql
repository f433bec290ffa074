{% macro contract_terms() -%}
  {#- What was bought, from the relation or seed that salesnav_contract_terms names; no row without one. -#}
  {%- set relation = salesnav.named_relation('salesnav_contract_terms') -%}
  {%- set names = salesnav.column_names(relation) %}
  select
    {{ salesnav.written_text(names.get('contract')) }} as contract,
    cast({{ salesnav.written_number(names.get('purchased_seats')) }} as {{ dbt.type_bigint() }}) as purchased_seats,
    {{ salesnav.written_number(names.get('cost')) }} as cost,
    {{ salesnav.written_text(names.get('currency')) }} as currency,
    {{ salesnav.written_day(names.get('from')) }} as from_day,
    {{ salesnav.written_day(names.get('to')) }} as to_day
  {%- if relation is none %}
  limit 0
  {%- else %}
  from {{ salesnav.in_view(relation) }}
  {%- endif -%}
{%- endmacro %}


{% macro years_between(first, last) -%}
  {#- Years from a day to another, both included; whole months are twelfths, so that a calendar year is 1. -#}
  {%- set after = salesnav.add_days(last, 1) -%}
  (
    12 * (extract(year from {{ after }}) - extract(year from {{ first }}))
    + extract(month from {{ after }}) - extract(month from {{ first }})
    + cast(extract(day from {{ after }}) - extract(day from {{ first }}) as {{ salesnav.type_double() }}) / 30.4375
  ) / 12
{%- endmacro %}
