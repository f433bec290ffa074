{#- Figures and days as people write them, for the sentences in marts. Halves are rounded up, in every warehouse alike. -#}

{% macro as_text(value) -%}
  cast({{ value }} as {{ dbt.type_string() }})
{%- endmacro %}


{% macro digits(value) -%}
  {#- A whole number that is not negative, as text. -#}
  {{ salesnav.as_text(salesnav.as_bigint('floor(' ~ value ~ ')')) }}
{%- endmacro %}


{% macro three_digits(value) -%}
  right({{ dbt.concat(["'00'", salesnav.digits(value)]) }}, 3)
{%- endmacro %}


{% macro written_count(value) -%}
  {#- A whole number that is not negative, with commas between thousands. -#}
  case
    when {{ value }} >= 1000000 then {{ dbt.concat([
      salesnav.digits(value ~ ' / 1000000.0'),
      "','",
      salesnav.three_digits('mod(' ~ salesnav.as_bigint('floor(' ~ value ~ ' / 1000.0)') ~ ', 1000)'),
      "','",
      salesnav.three_digits('mod(' ~ salesnav.as_bigint(value) ~ ', 1000)')
    ]) }}
    when {{ value }} >= 1000 then {{ dbt.concat([
      salesnav.digits(value ~ ' / 1000.0'),
      "','",
      salesnav.three_digits('mod(' ~ salesnav.as_bigint(value) ~ ', 1000)')
    ]) }}
    else {{ salesnav.digits(value) }}
  end
{%- endmacro %}


{% macro written_decimal(value) -%}
  {#- A number that is not negative, with one decimal. -#}
  {%- set tenths = 'floor(' ~ value ~ ' * 10 + 0.5)' -%}
  {{ dbt.concat([
    salesnav.digits(tenths ~ ' / 10.0'),
    "'.'",
    salesnav.digits('mod(' ~ salesnav.as_bigint(tenths) ~ ', 10)')
  ]) }}
{%- endmacro %}


{% macro written_date(day) -%}
  {#- A day without its year: 5 October. -#}
  {{ dbt.concat([
    salesnav.digits('extract(day from ' ~ day ~ ')'),
    "' '",
    salesnav.month_name(day)
  ]) }}
{%- endmacro %}


{% macro month_name(day) -%}
  {%- set months = [
    'January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'
  ] -%}
  case extract(month from {{ day }})
    {%- for month in months %}
    when {{ loop.index }} then '{{ month }}'
    {%- endfor %}
  end
{%- endmacro %}


{% macro compared_counts() -%}
  {#- The counts that salesnav__changes compares, in words. -#}
  {{ return({
    'activities': 'Activities',
    'searches': 'Searches',
    'profile_views': 'Profile views',
    'leads_saved': 'Leads saved',
    'inmails_sent': 'InMails sent',
    'messages_sent': 'Messages sent',
    'connections_made': 'Connections made',
  }) }}
{%- endmacro %}
