{% macro seat_key(relation=none) -%}
  {#- One value that names a seat, which is a number within its contract. -#}
  {%- set prefix = relation ~ '.' if relation else '' -%}
  {{ dbt.concat([prefix ~ 'contract', "' '", 'cast(' ~ prefix ~ 'seat_id as ' ~ dbt.type_string() ~ ')']) }}
{%- endmacro %}
