-- The weeks in which a holder was active, with the one before.
with weeks as (

  select
    contract,
    seat_id,
    holder_number,
    {{ salesnav.iso_week('day') }} as week,
    count(*) as active_days,
    {{ salesnav.as_bigint('sum(case when is_workday then 1 else 0 end)') }} as active_workdays
  from {{ ref('salesnav__seat_daily') }}
  where is_active
  group by contract, seat_id, holder_number, {{ salesnav.iso_week('day') }}

)

select
  contract,
  seat_id,
  holder_number,
  week,
  active_days,
  active_workdays,
  min(week) over (partition by contract, seat_id, holder_number) as first_week,
  lag(week) over (partition by contract, seat_id, holder_number order by week) as previous_week
from weeks
