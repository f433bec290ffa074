{{
  config(
    materialized='incremental',
    incremental_strategy='merge' if target.type == 'bigquery' else 'append',
    on_schema_change='append_new_columns',
    partition_by={'field': 'day', 'data_type': 'date', 'granularity': 'month'} if target.type == 'bigquery' else none,
    cluster_by=['contract', 'seat_id'] if target.type == 'bigquery' else none,
    pre_hook="{{ salesnav.delete_since_touched(['activities', 'seats'], 'day') }}",
    post_hook="{{ salesnav.delete_days_outside_spans(this) }}"
  )
}}

-- depends_on: {{ ref('int_salesnav__touched_days') }}
-- depends_on: {{ ref('int_salesnav__seats') }}
-- depends_on: {{ ref('int_salesnav__holders') }}
{%- set first_day = salesnav.first_day_to_build() %}
with seats as (

  {{ salesnav.seats_to_build() }}

),

spine as (

  select
    seats.contract,
    seats.seat_id,
    holders.holder_number,
    days.day,
    days.is_workday
  from seats
  inner join {{ ref('int_salesnav__holders') }} as holders
    on seats.contract = holders.contract
    and seats.seat_id = holders.seat_id
  inner join {{ ref('int_salesnav__days') }} as days
    on days.day >= seats.from_day
    and days.day <= seats.last_day
    and days.day >= holders.first_day
    and days.day <= holders.last_day

),

activities as (

  select
    contract,
    seat_id,
    activity_date as day,
    sum(activities) as activities
    {%- for column, group in salesnav.activity_columns().items() %},
    sum(case when activity_group = '{{ group }}' then activities else 0 end) as {{ column }}
    {%- endfor %}
  from {{ ref('salesnav__activity_daily') }}
  {%- if first_day %}
  where activity_date >= date '{{ first_day }}'
  {%- endif %}
  group by contract, seat_id, activity_date

),

snapshots as (

  select contract, seat_id, snapshot_date as day, seat_status, ssi, ssi_brand, ssi_find, ssi_engage, ssi_build
  from {{ ref('stg_salesnav__seats') }}
  {%- if first_day %}
  where snapshot_date >= date '{{ first_day }}'
  {%- endif %}

),

-- what was last known before the days that are built
kept as (

  {%- if first_day %}

  {{ salesnav.last_kept_rows() }}

  {%- else %}

  select
    contract,
    seat_id,
    cast(null as {{ dbt.type_bigint() }}) as holder_number,
    cast(null as date) as day,
    cast(null as {{ dbt.type_bigint() }}) as days_since_active,
    cast(null as {{ dbt.type_string() }}) as seat_status
  from seats
  where 1 = 0

  {%- endif %}

),

joined as (

  select
    spine.contract,
    spine.seat_id,
    spine.holder_number,
    spine.day,
    spine.is_workday,
    activities.activities,
    {%- for column in salesnav.activity_columns() %}
    activities.{{ column }},
    {%- endfor %}
    snapshots.ssi,
    snapshots.ssi_brand,
    snapshots.ssi_find,
    snapshots.ssi_engage,
    snapshots.ssi_build,
    coalesce(
      max(activities.day) over (
        partition by spine.contract, spine.seat_id, spine.holder_number order by spine.day
        rows between unbounded preceding and current row
      ),
      -- who took the seat over has done nothing yet
      case
        when kept.holder_number = spine.holder_number
          then {{ salesnav.add_days('kept.day', '(-1 * kept.days_since_active)') }}
      end
    ) as last_active_day,
    max(snapshots.day) over (
      partition by spine.contract, spine.seat_id order by spine.day
      rows between unbounded preceding and current row
    ) as last_snapshot_day,
    kept.seat_status as kept_status
  from spine
  left join activities
    on spine.contract = activities.contract
    and spine.seat_id = activities.seat_id
    and spine.day = activities.day
  left join snapshots
    on spine.contract = snapshots.contract
    and spine.seat_id = snapshots.seat_id
    and spine.day = snapshots.day
  left join kept
    on spine.contract = kept.contract
    and spine.seat_id = kept.seat_id

)

select
  joined.contract,
  joined.seat_id,
  joined.day,
  {{ salesnav.as_bigint('coalesce(joined.activities, 0)') }} as activities,
  {%- for column in salesnav.activity_columns() %}
  {{ salesnav.as_bigint('coalesce(joined.' ~ column ~ ', 0)') }} as {{ column }},
  {%- endfor %}
  coalesce(joined.activities, 0) > 0 as is_active,
  joined.is_workday,
  {{ salesnav.days_between('joined.last_active_day', 'joined.day') }} as days_since_active,
  case when joined.last_snapshot_day is null then joined.kept_status else last_known.seat_status end as seat_status,
  joined.ssi,
  joined.ssi_brand,
  joined.ssi_find,
  joined.ssi_engage,
  joined.ssi_build,
  joined.holder_number
from joined
left join snapshots as last_known
  on joined.contract = last_known.contract
  and joined.seat_id = last_known.seat_id
  and joined.last_snapshot_day = last_known.day
