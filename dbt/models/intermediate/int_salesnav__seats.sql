-- Every seat that was ever seen, from its first known day to the last loaded day of its contract.
with seen as (

  select contract, seat_id, snapshot_date as snapshot_day, cast(null as date) as activity_day, snapshot_date as day
  from {{ ref('stg_salesnav__seats') }}

  union all

  select contract, seat_id, cast(null as date) as snapshot_day, activity_date as activity_day, activity_date as day
  from {{ ref('salesnav__activity_daily') }}

),

spans as (

  select
    contract,
    seat_id,
    min(snapshot_day) as first_snapshot,
    max(snapshot_day) as last_snapshot,
    min(activity_day) as first_activity_date,
    max(activity_day) as last_activity_date,
    min(day) as first_day
  from seen
  group by contract, seat_id

)

select
  spans.contract,
  spans.seat_id,
  spans.first_snapshot,
  spans.last_snapshot,
  spans.first_activity_date,
  spans.last_activity_date,
  spans.first_day,
  horizons.last_day
from spans
inner join {{ ref('int_salesnav__horizons') }} as horizons
  on spans.contract = horizons.contract
