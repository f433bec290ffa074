{#- What the loads since the last build have touched. A load stands for whole days of a contract, so a day is what is built
    anew. Each day has a mark that is another one once its rows are: int_salesnav__loaded_days holds the marks as a build
    finds them, int_salesnav__built_days those of the last build, and int_salesnav__touched_days the days that differ. -#}

{% macro incremental_models() -%}
  {#- What has to be built before int_salesnav__built_days may say so. -#}
  {{ return([
    'salesnav__activity_daily',
    'int_salesnav__sent_inmails',
    'int_salesnav__member_days',
    'int_salesnav__leads',
    'salesnav__seat_daily',
    'salesnav__ssi_daily',
  ]) }}
{%- endmacro %}


{% macro build_signature() -%}
  {#- What the incremental models rest on beside the rows: where it is another one, all is built anew. The number goes up
      whenever the SQL of one of them changes. -#}
  {%- set parts = ['2', var('salesnav_personal_data', 'keep') | string, var('salesnav_database', '') | string] -%}
  {%- if execute -%}
    {%- for name in ['activities', 'seats'] -%}
      {%- set relation = source('salesnav', name) -%}
      {#- without the database where no variable names it: a DuckDB file may be renamed -#}
      {%- do parts.append(relation.schema ~ '.' ~ relation.identifier) -%}
      {%- set actual = adapter.get_relation(relation.database, relation.schema, relation.identifier) -%}
      {%- if actual is not none -%}
        {%- do parts.append(adapter.get_columns_in_relation(actual) | map(attribute='name') | map('lower') | sort | join(' ')) -%}
      {%- endif -%}
    {%- endfor -%}
  {%- endif -%}
  {{ return(parts | join(', ') | replace("'", '') | replace('"', '') | replace('`', '')) }}
{%- endmacro %}


{% macro loaded_days(name, day) -%}
  {#- The days of a table of the source, each with its mark. -#}
  {{ return(adapter.dispatch('loaded_days', 'salesnav')(name, day)) }}
{%- endmacro %}

{% macro default__loaded_days(name, day) -%}
  {#- A row that comes has the id of a newer load, and one that goes is missing in the count. -#}
  {%- set relation = source('salesnav', name) -%}
  {%- set actual = adapter.get_relation(relation.database, relation.schema, relation.identifier) if execute else none -%}
  {%- if actual is none %}
  {{ salesnav.no_loaded_day() }}
  {%- else -%}
    {%- set names = adapter.get_columns_in_relation(actual) | map(attribute='name') | map('lower') | list %}
    {%- set is_marked = '_dlt_load_id' in names %}
  select
    contract,
    '{{ name }}' as export,
    day,
    {%- if is_marked %}
    {{ dbt.concat([
      salesnav.as_text(salesnav.as_bigint('sum(load_rows)')), "' '", salesnav.as_text('min(load_id)'), "' '",
      salesnav.as_text('max(load_id)')
    ]) }} as mark
    {%- else %}
    -- nothing tells what is new, so that each build is a whole one
    '{{ invocation_id }}' as mark
    {%- endif %}
  from (
    -- to compare the texts of all rows would take as long again as to read them
    select contract, {{ day }} as day, {{ '_dlt_load_id' if is_marked else 'null' }} as load_id, count(*) as load_rows
    from {{ actual }}
    group by contract, {{ day }}{{ ', _dlt_load_id' if is_marked }}
  ) as loads
  group by contract, day
  {%- endif -%}
{%- endmacro %}

{% macro bigquery__loaded_days(name, day) -%}
  {#- BigQuery bills what is read: the jobs tell which days they have read, without a look at the rows. Erased seats are a
      mark of all days of their contract. -#}
  {%- set jobs = source('salesnav', 'export_jobs') -%}
  {%- set actual = adapter.get_relation(jobs.database, jobs.schema, jobs.identifier) if execute else none -%}
  {%- if actual is none %}
  {{ salesnav.default__loaded_days(name, day) }}
  {%- else -%}
    {%- set erased = adapter.get_relation(jobs.database, jobs.schema, 'erased_seats') %}
  select
    jobs.contract,
    '{{ name }}' as export,
    date_add(jobs.window_start, interval numbers.generated_number - 1 day) as day,
    {{ dbt.concat([
      salesnav.as_text('count(*)'),
      "' '",
      salesnav.as_text('max(jobs.completed_at)'),
      "' '",
      salesnav.as_text('coalesce(max(erased.seats), 0)')
    ]) }} as mark
  from {{ ref('int_salesnav__jobs') }} as jobs
  inner join (

    {{ dbt.generate_series(8192) }}

  ) as numbers
    on numbers.generated_number <= {{ salesnav.days_between('jobs.window_start', 'jobs.window_end') }} + 1
  left join (
    {%- if erased is none %}
    select cast(null as {{ dbt.type_string() }}) as contract, 0 as seats
    {%- else %}
    select contract, count(*) as seats
    from {{ erased }}
    group by contract
    {%- endif %}
  ) as erased
    on jobs.contract = erased.contract
  where jobs.export = '{{ name }}'
  group by 1, 2, 3
  {%- endif -%}
{%- endmacro %}

{% macro no_loaded_day() -%}
  select
    cast(null as {{ dbt.type_string() }}) as contract,
    cast(null as {{ dbt.type_string() }}) as export,
    cast(null as date) as day,
    cast(null as {{ dbt.type_string() }}) as mark
  from (select 1 as nothing) as nowhere
  where nothing = 0
{%- endmacro %}


{% macro touched_days(exports, whole) -%}
  {#- The touched days of exports, of all contracts, as ISO text; none where all days count. -#}
  {%- if not execute or whole -%}
    {{ return(none) }}
  {%- endif -%}
  {%- set statement -%}
    select distinct export, day
    from {{ ref('int_salesnav__touched_days') }}
    where export in ('whole', '{{ exports | join("', '") }}')
  {%- endset -%}
  {%- set days = [] -%}
  {%- for row in run_query(statement).rows -%}
    {%- if row[0] == 'whole' -%}
      {{ return(none) }}
    {%- endif -%}
    {%- do days.append((row[1] | string)[:10]) -%}
  {%- endfor -%}
  {{ return(days | unique | sort | list) }}
{%- endmacro %}


{% macro is_touched(exports, relation, day, whole) -%}
  {#- Whether a row's day is a touched one. The days are literals, by which partitions prune. -#}
  {%- set days = salesnav.touched_days(exports, whole) -%}
  {%- if days is none -%}
    1 = 1
  {%- elif not days -%}
    1 = 0
  {%- else -%}
    {%- if days | length > 400 -%}
    {{ relation }}.{{ day }} between date '{{ days[0] }}' and date '{{ days[-1] }}'
    {%- else -%}
    {{ relation }}.{{ day }} in (date '{{ days | join("', date '") }}')
    {%- endif %}
    and exists (
      select 1
      from {{ ref('int_salesnav__touched_days') }} as touched
      where touched.contract = {{ relation }}.contract
        and touched.day = {{ relation }}.{{ day }}
        and touched.export in ('{{ exports | join("', '") }}')
    )
  {%- endif -%}
{%- endmacro %}


{% macro is_since_touched(exports, relation, day, whole) -%}
  {#- Whether a row lies on the first touched day of its contract or after it: rows that carry on what was before them. -#}
  {%- set days = salesnav.touched_days(exports, whole) -%}
  {%- if days is none -%}
    1 = 1
  {%- elif not days -%}
    1 = 0
  {%- else -%}
    {{ relation }}.{{ day }} >= date '{{ days[0] }}'
    and {{ relation }}.{{ day }} >= (
      select min(touched.day)
      from {{ ref('int_salesnav__touched_days') }} as touched
      where touched.contract = {{ relation }}.contract
        and touched.export in ('{{ exports | join("', '") }}')
    )
  {%- endif -%}
{%- endmacro %}


{% macro spans_touched(exports, relation, first_day, last_day) -%}
  {#- Whether a touched day lies between two days of a row: rows that sum up what may have lain on it. Of many days, the first
      and the last of its contract stand for all between them. -#}
  {%- set days = salesnav.touched_days(exports, false) -%}
  {%- if days is none -%}
    1 = 1
  {%- elif not days -%}
    1 = 0
  {%- else -%}
    {{ relation }}.{{ last_day }} >= date '{{ days[0] }}'
    and {{ relation }}.{{ first_day }} <= date '{{ days[-1] }}'
    and exists (
      select 1
      from
      {%- if days | length > 400 %} (
        select contract, min(day) as first_touched, max(day) as last_touched
        from {{ ref('int_salesnav__touched_days') }}
        where export in ('{{ exports | join("', '") }}')
        group by contract
      ) as touched
      where touched.contract = {{ relation }}.contract
        and touched.first_touched <= {{ relation }}.{{ last_day }}
        and touched.last_touched >= {{ relation }}.{{ first_day }}
      {%- else %} {{ ref('int_salesnav__touched_days') }} as touched
      where touched.contract = {{ relation }}.contract
        and touched.day <= {{ relation }}.{{ last_day }}
        and touched.day >= {{ relation }}.{{ first_day }}
        and touched.export in ('{{ exports | join("', '") }}')
      {%- endif %}
    )
  {%- endif -%}
{%- endmacro %}


{% macro delete_leads_without_days(relation) -%}
  {#- Those of which the touched days had the last rows. -#}
  {%- if execute and is_incremental() -%}
  delete from {{ relation }}
  where working_seats is null
  {%- endif -%}
{%- endmacro %}


{% macro delete_touched(exports, day) -%}
  {#- Removes what an incremental build makes anew; rows that the source has lost do not come back. -#}
  {%- if execute and is_incremental() -%}
  delete from {{ this }} as target
  where {{ salesnav.is_touched(exports, 'target', day, false) }}
  {%- endif -%}
{%- endmacro %}


{% macro delete_since_touched(exports, day) -%}
  {%- if execute and is_incremental() -%}
  delete from {{ this }} as target
  where {{ salesnav.is_since_touched(exports, 'target', day, false) }}
  {%- endif -%}
{%- endmacro %}
