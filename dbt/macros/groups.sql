{% macro activity_types() -%}
  {#- The types that are known, by group. LinkedIn may add others; those count as other, and a test names them. -#}
  {{ return({
    'search': ['SEARCH_PERFORMED'],
    'profile_view': ['PROFILE_VIEWED', 'PROFILE_VIEW'],
    'save_lead': ['SAVED_LEAD'],
    'save_account': ['SAVED_ACCOUNT'],
    'inmail': ['INMAIL_SENT'],
    'message': ['MESSAGE_SENT'],
    'connection': ['CONNECTION_MADE'],
  }) }}
{%- endmacro %}


{% macro activity_group(activity_type) -%}
  case
    {%- for group, types in salesnav.activity_types().items() %}
    when upper({{ activity_type }}) in ('{{ types | join("', '") }}') then '{{ group }}'
    {%- endfor %}
    else 'other'
  end
{%- endmacro %}


{% macro outcome_group(outcome_type) -%}
  {#- The spellings of outcomes are not documented, so it goes by what the word says. -#}
  case
    when upper({{ outcome_type }}) like '%ACCEPT%' then 'accepted'
    when upper({{ outcome_type }}) like '%DECLIN%' or upper({{ outcome_type }}) like '%REJECT%' then 'declined'
    else 'other'
  end
{%- endmacro %}
