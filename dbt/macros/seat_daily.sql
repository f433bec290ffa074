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
  {#- The seats with the first day to build and the last: an incremental build goes on after the rows that are kept. -#}
  {%- if is_incremental() %}
  select
    seats.contract,
    seats.seat_id,
    case
      when kept.day >= seats.first_day then {{ salesnav.add_days('kept.day', 1) }}
      else seats.first_day
    end as from_day,
    seats.last_day
  from {{ ref('int_salesnav__seats') }} as seats
  left join (
    select contract, max(day) as day
    from {{ this }}
    group by contract
  ) as kept
    on seats.contract = kept.contract
  where kept.day is null
    or seats.last_day > kept.day
  {%- else %}
  select contract, seat_id, first_day as from_day, last_day
  from {{ ref('int_salesnav__seats') }}
  {%- endif -%}
{%- endmacro %}


{% macro first_day_to_build() -%}
  {#- As a literal, by which partitions prune; none where all days are built. This is asked before the touched days are removed,
      so that it is the first of them, or the first that no row reaches yet. -#}
  {%- set days = salesnav.touched_days(['activities', 'seats'], not is_incremental()) -%}
  {%- if days is none -%}
    {{ return(none) }}
  {%- endif -%}
  {%- set statement -%}
    select min(from_day) from ({{ salesnav.seats_to_build() }}) as seats
  {%- endset -%}
  {%- set next = run_query(statement).rows[0][0] -%}
  {%- set days = days + ([(next | string)[:10]] if next is not none else []) -%}
  {{ return(days | sort | first if days else '9999-12-31') }}
{%- endmacro %}


{% macro last_kept_rows() -%}
  {#- The newest row of each seat that an incremental build goes on from. -#}
  select
    {%- for column in ['contract', 'seat_id', 'holder_number', 'day', 'days_since_active', 'seat_status'] %}
    days.{{ column }}{{ ',' if not loop.last }}
    {%- endfor %}
  from {{ this }} as days
  inner join (
    select contract, max(day) as day
    from {{ this }}
    group by contract
  ) as kept
    on days.contract = kept.contract
    and days.day = kept.day
{%- endmacro %}


{% macro delete_days_outside_spans(relation) -%}
  {#- Rows of seats or days that the source no longer knows: all that told of them was withdrawn. Hardly ever are there any, so
      the seats are asked first. -#}
  {%- if execute and is_incremental() -%}
  {%- set outside -%}
    select count(*)
    from (
      select contract, seat_id, min(day) as first_day, max(day) as last_day
      from {{ relation }}
      group by contract, seat_id
    ) as held
    left join {{ ref('int_salesnav__seats') }} as seats
      on held.contract = seats.contract
      and held.seat_id = seats.seat_id
    where seats.contract is null
      or held.first_day < seats.first_day
      or held.last_day > seats.last_day
  {%- endset -%}
  {%- if run_query(outside).rows[0][0] | int > 0 -%}
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
  {%- endif -%}
{%- endmacro %}
