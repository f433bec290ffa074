{#- Arithmetic of days. No macro here depends on the time zone of the session. -#}

{% macro add_days(day, days) -%}
  cast({{ dbt.dateadd('day', days, day) }} as date)
{%- endmacro %}


{% macro days_between(first, last) -%}
  {{ dbt.datediff(first, last, 'day') }}
{%- endmacro %}


{% macro iso_weekday(day) -%}
  {#- Monday is 1, Sunday is 7. -#}
  {{ return(adapter.dispatch('iso_weekday', 'salesnav')(day)) }}
{%- endmacro %}

{% macro default__iso_weekday(day) -%}
  cast(extract(isodow from {{ day }}) as {{ dbt.type_int() }})
{%- endmacro %}

{% macro bigquery__iso_weekday(day) -%}
  (mod(extract(dayofweek from {{ day }}) + 5, 7) + 1)
{%- endmacro %}

{% macro snowflake__iso_weekday(day) -%}
  dayofweekiso({{ day }})
{%- endmacro %}


{% macro iso_week(day) -%}
  {#- The Monday of a day's week; date_trunc would give another day where weeks begin on Sunday. -#}
  {{ salesnav.add_days(day, '1 - ' ~ salesnav.iso_weekday(day)) }}
{%- endmacro %}


{% macro is_workday(day) -%}
  ({{ salesnav.iso_weekday(day) }} <= 5)
{%- endmacro %}


{% macro missing_days_28() -%}
  {#- How many days of the four weeks before a week are known not to be loaded, over int_salesnav__closed_weeks. -#}
  coalesce(sum(missing_days) over (partition by contract order by week rows between 4 preceding and 1 preceding), 0)
{%- endmacro %}
