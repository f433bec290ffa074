{{
  config(
    materialized='incremental',
    incremental_strategy='merge' if target.type == 'bigquery' else 'delete+insert',
    unique_key=['contract', 'seat_id', 'day'],
    on_schema_change='append_new_columns',
    partition_by={'field': 'day', 'data_type': 'date', 'granularity': 'month'} if target.type == 'bigquery' else none,
    cluster_by=['contract', 'seat_id'] if target.type == 'bigquery' else none,
    post_hook="{{ salesnav.delete_days_outside_spans(this) }}"
  )
}}

-- depends_on: {{ ref('int_salesnav__jobs') }}
-- depends_on: {{ ref('int_salesnav__seats') }}
with seats as (

  {{ salesnav.seats_to_build() }}

),

spine as (

  select
    seats.contract,
    seats.seat_id,
    seats.from_day,
    days.day,
    days.is_workday
  from seats
  inner join {{ ref('int_salesnav__days') }} as days
    on days.day >= seats.from_day
    and days.day <= seats.last_day

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
  group by contract, seat_id, activity_date

),

snapshots as (

  select contract, seat_id, snapshot_date as day, seat_status, ssi, ssi_brand, ssi_find, ssi_engage, ssi_build
  from {{ ref('stg_salesnav__seats') }}

),

-- what was last known before the days that are built
active_before as (

  select seats.contract, seats.seat_id, max(activities.day) as day
  from seats
  inner join activities
    on seats.contract = activities.contract
    and seats.seat_id = activities.seat_id
    and activities.day < seats.from_day
  group by seats.contract, seats.seat_id

),

snapshot_before as (

  select seats.contract, seats.seat_id, max(snapshots.day) as day
  from seats
  inner join snapshots
    on seats.contract = snapshots.contract
    and seats.seat_id = snapshots.seat_id
    and snapshots.day < seats.from_day
  group by seats.contract, seats.seat_id

),

joined as (

  select
    spine.contract,
    spine.seat_id,
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
        partition by spine.contract, spine.seat_id order by spine.day
        rows between unbounded preceding and current row
      ),
      active_before.day
    ) as last_active_day,
    coalesce(
      max(snapshots.day) over (
        partition by spine.contract, spine.seat_id order by spine.day
        rows between unbounded preceding and current row
      ),
      snapshot_before.day
    ) as last_snapshot_day
  from spine
  left join activities
    on spine.contract = activities.contract
    and spine.seat_id = activities.seat_id
    and spine.day = activities.day
  left join snapshots
    on spine.contract = snapshots.contract
    and spine.seat_id = snapshots.seat_id
    and spine.day = snapshots.day
  left join active_before
    on spine.contract = active_before.contract
    and spine.seat_id = active_before.seat_id
  left join snapshot_before
    on spine.contract = snapshot_before.contract
    and spine.seat_id = snapshot_before.seat_id

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
  last_known.seat_status,
  joined.ssi,
  joined.ssi_brand,
  joined.ssi_find,
  joined.ssi_engage,
  joined.ssi_build
from joined
left join snapshots as last_known
  on joined.contract = last_known.contract
  and joined.seat_id = last_known.seat_id
  and joined.last_snapshot_day = last_known.day
