with closed as (

  select
    contract,
    week,
    missing_days,
    {{ salesnav.missing_days_28() }} as missing_days_28
  from {{ ref('int_salesnav__closed_weeks') }}

),

cohorts as (

  select contract, first_week as cohort_week, count(*) as cohort_seats
  from {{ ref('int_salesnav__seat_weeks') }}
  where week = first_week
  group by contract, first_week

),

active as (

  select contract, first_week as cohort_week, week, count(*) as active_seats
  from {{ ref('int_salesnav__seat_weeks') }}
  group by contract, first_week, week

),

joined as (

  select
    cohorts.contract,
    cohorts.cohort_week,
    {{ salesnav.as_bigint(salesnav.days_between('cohorts.cohort_week', 'weeks.week') ~ ' / 7') }} as week_number,
    cohorts.cohort_seats,
    -- who was not seen may have been there on a day that is not loaded
    case when weeks.missing_days = 0 or weeks.week = cohorts.cohort_week then coalesce(active.active_seats, 0) end as active_seats,
    cohorts.cohort_week >= {{ salesnav.add_days('horizons.activities_first', 28) }}
    and starts.missing_days_28 = 0 as is_start_known
  from cohorts
  inner join {{ ref('int_salesnav__horizons') }} as horizons
    on cohorts.contract = horizons.contract
  inner join closed as weeks
    on cohorts.contract = weeks.contract
    and weeks.week >= cohorts.cohort_week
  inner join closed as starts
    on cohorts.contract = starts.contract
    and cohorts.cohort_week = starts.week
  left join active
    on cohorts.contract = active.contract
    and cohorts.cohort_week = active.cohort_week
    and weeks.week = active.week

)

select
  contract,
  cohort_week,
  week_number,
  cohort_seats,
  active_seats,
  {{ salesnav.ratio('active_seats', 'cohort_seats') }} as retention,
  {{ salesnav.wilson('active_seats', 'cohort_seats', 'low') }} as retention_low,
  {{ salesnav.wilson('active_seats', 'cohort_seats', 'high') }} as retention_high,
  is_start_known
from joined
