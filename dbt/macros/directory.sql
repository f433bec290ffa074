{% macro directory() -%}
  {#- Who belongs to which team, from the relation or seed that salesnav_directory names, or the table seat_directory beside
      those of the source; no row without one. -#}
  {%- set relation = salesnav.named_relation(
      'salesnav_directory',
      var('salesnav_schema', 'salesnav'),
      var('salesnav_seat_directory_identifier', 'seat_directory')
  ) -%}
  {%- set names = salesnav.column_names(relation) %}
  {%- set hashed = var('salesnav_personal_data', 'keep') == 'hash' %}
  select
    {{ salesnav.written_text(names.get('contract')) }} as contract,
    {{ salesnav.seat_number(names['seat_id']) if 'seat_id' in names else salesnav.written_text(none) }} as seat_id,
    {%- for column in ['email', 'employee_id', 'name'] %}
    {{ dbt.hash(names[column]) if hashed and column in names else salesnav.written_text(names.get(column)) }} as {{ column }},
    {%- endfor %}
    {%- for column in ['license_status', 'admin_permission'] %}
    {{ salesnav.written_text(names.get(column)) }} as {{ column }},
    {%- endfor %}
    coalesce({{ salesnav.written_text(names.get('team')) }}, {{ salesnav.written_text(names.get('groups')) }}) as team,
    {%- for column in ['manager', 'region', 'groups'] %}
    {{ salesnav.written_text(names.get(column)) }} as {{ 'group_names' if column == 'groups' else column }},
    {%- endfor %}
    {%- for column in salesnav.target_columns() %}
    {{ salesnav.written_number(names.get(column)) }} as {{ column }},
    {%- endfor %}
    {{ salesnav.written_text(names.get('imported_at')) }} as imported_at
  {%- if relation is none %}
  limit 0
  {%- else %}
  from {{ salesnav.in_view(relation) }}
  {%- endif -%}
{%- endmacro %}
