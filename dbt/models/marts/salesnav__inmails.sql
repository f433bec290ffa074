with inmails as (

  select contract, activity_id, seat_id, created_at, activity_date
  from {{ ref('int_salesnav__sent_inmails') }}

),

outcomes as (

  select
    contract,
    activity_id,
    activity_type,
    outcome_group,
    created_at,
    row_number() over (
      partition by contract, activity_id
      -- one without a date counts only if there is no other
      order by case when created_at is null then 1 else 0 end, created_at, activity_type
    ) as position
  from {{ ref('stg_salesnav__activity_outcomes') }}

),

-- days whose InMails may have been answered when no outcomes were loaded
unheard as (

  select distinct inmails.contract, inmails.activity_date
  from inmails
  inner join {{ ref('int_salesnav__days_without_data') }} as gaps
    on inmails.contract = gaps.contract
    and gaps.export = 'activity_outcomes'
    and gaps.is_missing
    and gaps.day >= inmails.activity_date
    and gaps.day <= {{ salesnav.add_days('inmails.activity_date', var('salesnav_inmail_maturity_days', 14)) }}

),

told as (

  select
    inmails.contract,
    inmails.activity_id,
    inmails.seat_id,
    inmails.created_at as sent_at,
    inmails.activity_date as sent_date,
    {{ salesnav.in_zone('inmails.created_at', var('salesnav_timezone', 'UTC')) }} as sent_local,
    outcomes.outcome_group,
    outcomes.activity_type as outcome_type,
    outcomes.created_at as outcome_at,
    holders.holder_number,
    horizons.outcomes_last,
    unheard.contract is null as is_heard
  from inmails
  inner join {{ ref('int_salesnav__holders') }} as holders
    on inmails.contract = holders.contract
    and inmails.seat_id = holders.seat_id
    and inmails.activity_date >= holders.first_day
    and inmails.activity_date <= holders.last_day
  inner join {{ ref('int_salesnav__horizons') }} as horizons
    on inmails.contract = horizons.contract
  left join outcomes
    on inmails.contract = outcomes.contract
    and inmails.activity_id = outcomes.activity_id
    and outcomes.position = 1
  left join unheard
    on inmails.contract = unheard.contract
    and inmails.activity_date = unheard.activity_date

)

select
  contract,
  activity_id,
  seat_id,
  sent_at,
  sent_date,
  {{ salesnav.as_bigint('extract(hour from sent_local)') }} as sent_hour,
  {{ salesnav.as_bigint(salesnav.iso_weekday('cast(sent_local as date)')) }} as sent_weekday,
  coalesce(outcome_group, 'none') as outcome_group,
  outcome_type,
  outcome_at,
  {{ salesnav.hours_between('sent_at', 'outcome_at') }} as lag_hours,
  coalesce(
    is_heard and {{ salesnav.days_between('sent_date', 'outcomes_last') }} > {{ var('salesnav_inmail_maturity_days', 14) }},
    false
  ) as is_mature,
  holder_number,
  {{ salesnav.utc_day('outcome_at') }} as outcome_date
from told
