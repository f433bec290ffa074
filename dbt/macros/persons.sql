{#- Who holds a seat. Names and addresses are compared as they are cleaned here; pseudonyms and hashes compare as well. -#}

{% macro cleaned(text) -%}
  {#- In lower case, without blanks around it, with one blank where there are several; null if nothing is left. -#}
  nullif(trim(replace(replace(replace(lower({{ text }}), ' ', '<>'), '><', ''), '<>', ' ')), '')
{%- endmacro %}


{% macro person_name(relation) -%}
  {#- The whole name, or first and last name where the file has no whole one. -#}
  coalesce(
    {{ relation }}.full_name,
    nullif(
      trim({{ dbt.concat(["coalesce(" ~ relation ~ ".first_name, '')", "' '", "coalesce(" ~ relation ~ ".last_name, '')"]) }}),
      ''
    )
  )
{%- endmacro %}


{% macro has_figures(relation) -%}
  (
    coalesce(
      {{ relation }}.ssi, {{ relation }}.ssi_brand, {{ relation }}.ssi_find, {{ relation }}.ssi_engage, {{ relation }}.ssi_build,
      {{ relation }}.total_connections, {{ relation }}.total_saved_leads
    ) is not null
  )
{%- endmacro %}


{% macro seat_number(text) -%}
  {#- A seat's number as text without leading zeros, however it is written. -#}
  nullif(ltrim(trim(cast({{ text }} as {{ dbt.type_string() }})), '0'), '')
{%- endmacro %}


{% macro target_columns() -%}
  {#- What a directory may ask of a person. -#}
  {{ return([
    'target_active_days_28',
    'target_inmails_28',
    'target_leads_saved_28',
    'target_acceptance_rate',
    'target_ssi',
  ]) }}
{%- endmacro %}


{% macro team_name(team) -%}
  {#- How marts that group by team name seats without one. -#}
  coalesce({{ team }}, 'No team')
{%- endmacro %}


{% macro contract_urn(relation) -%}
  {#- The contract that somebody wrote down, of whom a number alone names one that is known as well: takes a relation in which
      known is joined by salesnav.named_by_number. -#}
  coalesce(known.contract, {{ relation }}.contract)
{%- endmacro %}


{% macro named_by_number(relation) -%}
  left join {{ ref('int_salesnav__horizons') }} as known
    on known.contract = {{ dbt.concat(["'urn:li:contract:'", relation ~ '.contract']) }}
{%- endmacro %}
