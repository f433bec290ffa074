{#- Moments are kept with their time zone and are told in a named zone by these macros alone, never by a bare cast,
    which would take the zone of the session. -#}

{% macro in_zone(moment, zone) -%}
  {#- The clock's reading in a zone, without a zone. -#}
  {{ return(adapter.dispatch('in_zone', 'salesnav')(moment, zone)) }}
{%- endmacro %}

{% macro default__in_zone(moment, zone) -%}
  ({{ moment }} at time zone '{{ zone }}')
{%- endmacro %}

{% macro bigquery__in_zone(moment, zone) -%}
  datetime({{ moment }}, '{{ zone }}')
{%- endmacro %}

{% macro snowflake__in_zone(moment, zone) -%}
  cast(convert_timezone('{{ zone }}', {{ moment }}) as timestamp_ntz)
{%- endmacro %}


{% macro utc_day(moment) -%}
  cast({{ salesnav.in_zone(moment, 'UTC') }} as date)
{%- endmacro %}


{% macro hours_between(first, last) -%}
  {#- Whole seconds as hours; null if either is null. -#}
  cast({{ dbt.datediff(salesnav.in_zone(first, 'UTC'), salesnav.in_zone(last, 'UTC'), 'second') }} as {{ salesnav.type_double() }}) / 3600
{%- endmacro %}
