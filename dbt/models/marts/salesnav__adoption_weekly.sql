with weeks as (

  select contract, week, last_day
  from {{ ref('int_salesnav__closed_weeks') }}

),

seats as (

  select weeks.contract, weeks.week, count(*) as seats
  from weeks
  inner join {{ ref('int_salesnav__seats') }} as seats
    on weeks.contract = seats.contract
    and seats.first_day <= weeks.last_day
  group by weeks.contract, weeks.week

),

active as (

  select
    contract,
    week,
    count(*) as active_seats,
    sum(case when week = first_week then 1 else 0 end) as new_seats,
    sum(case when previous_week = {{ salesnav.add_days('week', -7) }} then 1 else 0 end) as kept_seats,
    sum(active_workdays) as active_workdays
  from {{ ref('int_salesnav__seat_weeks') }}
  group by contract, week

),

-- the 28 days up to a Sunday are the four weeks that end with it
monthly as (

  select weeks.contract, weeks.week, count(distinct active.seat_id) as mau_28
  from weeks
  inner join {{ ref('int_salesnav__seat_weeks') }} as active
    on weeks.contract = active.contract
    and active.week <= weeks.week
    and active.week >= {{ salesnav.add_days('weeks.week', -21) }}
  group by weeks.contract, weeks.week

),

counted as (

  select
    weeks.contract,
    weeks.week,
    coalesce(seats.seats, 0) as seats,
    coalesce(active.active_seats, 0) as active_seats,
    coalesce(active.new_seats, 0) as new_seats,
    coalesce(active.kept_seats, 0) as kept_seats,
    active.active_workdays,
    coalesce(monthly.mau_28, 0) as mau_28,
    lag(coalesce(active.active_seats, 0)) over (partition by weeks.contract order by weeks.week) as active_seats_before
  from weeks
  left join seats
    on weeks.contract = seats.contract
    and weeks.week = seats.week
  left join active
    on weeks.contract = active.contract
    and weeks.week = active.week
  left join monthly
    on weeks.contract = monthly.contract
    and weeks.week = monthly.week

)

select
  contract,
  week,
  seats,
  active_seats,
  {{ salesnav.as_bigint('new_seats') }} as new_seats,
  {{ salesnav.as_bigint('active_seats - new_seats - kept_seats') }} as returning_seats,
  {{ salesnav.as_bigint('coalesce(active_seats_before, 0) - kept_seats') }} as lost_seats,
  {{ salesnav.ratio('active_seats', 'seats') }} as active_share,
  mau_28,
  {{ salesnav.ratio('active_seats', 'mau_28') }} as stickiness,
  {{ salesnav.ratio('active_workdays', 'active_seats') }} as workdays_active_per_seat,
  active_seats - active_seats_before as active_seats_change
from counted
