with cohorts as (

  select contract, first_week as cohort_week, count(distinct seat_id) as cohort_seats
  from {{ ref('int_salesnav__seat_weeks') }}
  group by contract, first_week

),

active as (

  select contract, first_week as cohort_week, week, count(*) as active_seats
  from {{ ref('int_salesnav__seat_weeks') }}
  group by contract, first_week, week

)

select
  cohorts.contract,
  cohorts.cohort_week,
  {{ salesnav.as_bigint(salesnav.days_between('cohorts.cohort_week', 'weeks.week') ~ ' / 7') }} as week_number,
  cohorts.cohort_seats,
  coalesce(active.active_seats, 0) as active_seats,
  {{ salesnav.ratio('coalesce(active.active_seats, 0)', 'cohorts.cohort_seats') }} as retention
from cohorts
inner join {{ ref('int_salesnav__closed_weeks') }} as weeks
  on cohorts.contract = weeks.contract
  and weeks.week >= cohorts.cohort_week
left join active
  on cohorts.contract = active.contract
  and cohorts.cohort_week = active.cohort_week
  and weeks.week = active.week
