with closed as (

  select
    *,
    lag(missing_days) over (partition by contract order by week) as missing_days_before,
    {{ salesnav.missing_days_28() }} as missing_days_28
  from {{ ref('int_salesnav__closed_weeks') }}

),

weeks as (

  select
    weeks.contract,
    weeks.week,
    weeks.last_day,
    weeks.loaded_days,
    -- before, and after days that are not loaded, nobody can be told from somebody who has been there for years
    weeks.week >= {{ salesnav.add_days('horizons.activities_first', 28) }} and weeks.missing_days_28 = 0 as is_new_known,
    -- who was not seen in a week may have been there on a day that is not loaded
    weeks.missing_days = 0 and coalesce(weeks.missing_days_before, 0) = 0 as is_lost_known,
    coalesce(weeks.missing_days_before, 0) = 0 as is_back_known
  from closed as weeks
  inner join {{ ref('int_salesnav__horizons') }} as horizons
    on weeks.contract = horizons.contract

),

seats as (

  select weeks.contract, weeks.week, count(*) as seats
  from weeks
  inner join {{ ref('int_salesnav__seats') }} as seats
    on weeks.contract = seats.contract
    and seats.first_day <= weeks.last_day
  group by weeks.contract, weeks.week

),

-- people: who takes a seat over is new, whoever had it before is lost
active as (

  select
    contract,
    week,
    count(distinct seat_id) as active_seats,
    count(*) as active_holders,
    sum(case when week = first_week then 1 else 0 end) as new_holders,
    sum(case when previous_week = {{ salesnav.add_days('week', -7) }} then 1 else 0 end) as kept_holders,
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
    weeks.is_new_known,
    weeks.is_lost_known,
    weeks.is_back_known,
    coalesce(seats.seats, 0) as seats,
    coalesce(active.active_seats, 0) as active_seats,
    coalesce(active.active_holders, 0) as active_holders,
    coalesce(active.new_holders, 0) as new_holders,
    coalesce(active.kept_holders, 0) as kept_holders,
    active.active_workdays,
    coalesce(monthly.mau_28, 0) as mau_28,
    weeks.loaded_days,
    lag(coalesce(active.active_seats, 0)) over (partition by weeks.contract order by weeks.week) as active_seats_before,
    lag(coalesce(active.active_holders, 0)) over (partition by weeks.contract order by weeks.week) as active_holders_before
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
  case when is_new_known then {{ salesnav.as_bigint('new_holders') }} end as new_seats,
  case when is_back_known then {{ salesnav.as_bigint('active_holders - new_holders - kept_holders') }} end as returning_seats,
  case when is_lost_known then {{ salesnav.as_bigint('coalesce(active_holders_before, 0) - kept_holders') }} end as lost_seats,
  {{ salesnav.ratio('active_seats', 'seats') }} as active_share,
  mau_28,
  {{ salesnav.ratio('active_seats', 'mau_28') }} as stickiness,
  {{ salesnav.ratio('active_workdays', 'active_seats') }} as workdays_active_per_seat,
  active_seats - active_seats_before as active_seats_change,
  active_holders,
  is_new_known,
  loaded_days
from counted
