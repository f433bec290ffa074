{% macro holds(model, where, values) -%}
  {#- A row if there is not exactly one under the condition, or if it has other values. -#}
  select *
  from (
    select
      count(*) as rows_found,
      sum(
        case
          when true
          {%- for column, value in values.items() %}
            and
            {%- if value is none %} {{ column }} is null
            {%- elif value is boolean %} {{ '' if value else 'not ' }}{{ column }}
            {%- elif value is number %} abs({{ column }} - ({{ value }})) < 0.000001
            {%- else %} cast({{ column }} as {{ dbt.type_string() }}) = '{{ value }}'
            {%- endif %}
          {%- endfor %} then 1
          else 0
        end
      ) as rows_right
    from {{ model }}
    where {{ where }}
  ) as counted
  where rows_found <> 1 or rows_right <> 1
{%- endmacro %}
