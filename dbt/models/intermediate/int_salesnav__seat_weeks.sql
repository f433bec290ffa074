-- The weeks in which a seat was active, with the one before.
with days as (

  select distinct contract, seat_id, activity_date as day
  from {{ ref('salesnav__activity_daily') }}

),

weeks as (

  select
    contract,
    seat_id,
    {{ salesnav.iso_week('day') }} as week,
    count(*) as active_days,
    sum(case when {{ salesnav.is_workday('day') }} then 1 else 0 end) as active_workdays
  from days
  group by contract, seat_id, {{ salesnav.iso_week('day') }}

)

select
  contract,
  seat_id,
  week,
  active_days,
  active_workdays,
  min(week) over (partition by contract, seat_id) as first_week,
  lag(week) over (partition by contract, seat_id order by week) as previous_week
from weeks
