{% macro activity_columns() -%}
  {#- The counted columns of salesnav__seat_daily and the group that each counts. -#}
  {{ return({
    'searches': 'search',
    'profile_views': 'profile_view',
    'leads_saved': 'save_lead',
    'accounts_saved': 'save_account',
    'inmails_sent': 'inmail',
    'messages_sent': 'message',
    'connections_made': 'connection',
    'other_activities': 'other',
  }) }}
{%- endmacro %}


{% macro seats_to_build() -%}
  {#- The seats with the first day to build and the last. In an incremental build that is, in each contract, the first day
      of the look-back or, if it is earlier, the first that a job has read since the last build: whatever came late, was
      withdrawn or was loaded anew lies on days that a job has read. Later days follow, for they carry on what was before. -#}
  {%- set built = none -%}
  {%- if execute and is_incremental() -%}
    {%- set built = adapter.get_relation(this.database, this.schema, 'int_salesnav__jobs_built') -%}
  {%- endif -%}
  {%- if is_incremental() %}
  select
    seats.contract,
    seats.seat_id,
    case
      when changes.from_day > seats.first_day then changes.from_day
      else seats.first_day
    end as from_day,
    seats.last_day
  from {{ ref('int_salesnav__seats') }} as seats
  left join (
    select contract, min(day) as from_day
    from (
      select contract, {{ salesnav.add_days('max(day)', -(var('salesnav_lookback_days', 7) | int) + 1) }} as day
      from {{ this }}
      group by contract

      union all

      select jobs.contract, jobs.window_start as day
      from {{ ref('int_salesnav__jobs') }} as jobs
      where jobs.export in ('activities', 'seats')
        -- a contract that is new has no row yet, and is built whole
        and jobs.contract in (select contract from {{ this }})
      {%- if built is not none %}
        and not exists (
          select 1
          from {{ built }} as built
          where built.contract = jobs.contract
            and built.export = jobs.export
            and built.window_start = jobs.window_start
            and built.window_end = jobs.window_end
            and built.completed_at = jobs.completed_at
        )
      {%- endif %}
    ) as known
    group by contract
  ) as changes
    on seats.contract = changes.contract
  {%- else %}
  select contract, seat_id, first_day as from_day, last_day
  from {{ ref('int_salesnav__seats') }}
  {%- endif -%}
{%- endmacro %}


{% macro delete_days_outside_spans(relation) -%}
  {#- Rows of seats or days that the source no longer knows: all that told of them was withdrawn. -#}
  {%- if execute and is_incremental() -%}
  delete from {{ relation }} as target
  where not exists (
    select 1
    from {{ ref('int_salesnav__seats') }} as seats
    where seats.contract = target.contract
      and seats.seat_id = target.seat_id
      and target.day >= seats.first_day
      and target.day <= seats.last_day
  )
  {%- endif -%}
{%- endmacro %}
