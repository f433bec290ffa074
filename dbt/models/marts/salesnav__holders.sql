with used as (

  select
    contract,
    seat_id,
    holder_number,
    min(case when is_active then day end) as first_activity_date,
    max(case when is_active then day end) as last_activity_date,
    sum(case when is_active then 1 else 0 end) as active_days,
    sum(activities) as activities
  from {{ ref('salesnav__seat_daily') }}
  group by contract, seat_id, holder_number

),

-- a first use may be hidden by days before it that are not loaded
hidden as (

  select distinct
    holders.contract,
    holders.seat_id,
    holders.holder_number
  from {{ ref('int_salesnav__holders') }} as holders
  inner join used
    on holders.contract = used.contract
    and holders.seat_id = used.seat_id
    and holders.holder_number = used.holder_number
  inner join {{ ref('int_salesnav__days_without_data') }} as gaps
    on holders.contract = gaps.contract
    and gaps.export = 'activities'
    and gaps.is_missing
    and gaps.day >= holders.first_day
    and gaps.day < used.first_activity_date

)

select
  holders.contract,
  holders.seat_id,
  holders.holder_number,
  holders.first_day,
  holders.last_day,
  holders.is_present,
  holders.is_first_day_known,
  holders.first_name,
  holders.last_name,
  holders.full_name,
  holders.email,
  holders.first_snapshot,
  holders.last_snapshot,
  used.first_activity_date,
  used.last_activity_date,
  {{ salesnav.as_bigint(salesnav.days_between('holders.first_day', 'holders.last_day') ~ ' + 1') }} as days_held,
  {{ salesnav.as_bigint('used.active_days') }} as active_days,
  {{ salesnav.as_bigint('used.activities') }} as activities,
  case
    when hidden.contract is null
      then {{ salesnav.as_bigint(salesnav.days_between('holders.first_day', 'used.first_activity_date')) }}
  end as days_to_first_activity,
  matches.contract is not null as is_in_directory,
  matches.employee_id,
  matches.team,
  matches.manager,
  matches.region,
  {%- for column in salesnav.target_columns() %}
  matches.{{ column }}{{ ',' if not loop.last }}
  {%- endfor %}
from {{ ref('int_salesnav__holders') }} as holders
inner join used
  on holders.contract = used.contract
  and holders.seat_id = used.seat_id
  and holders.holder_number = used.holder_number
left join hidden
  on holders.contract = hidden.contract
  and holders.seat_id = hidden.seat_id
  and holders.holder_number = hidden.holder_number
left join {{ ref('int_salesnav__directory_matches') }} as matches
  on holders.contract = matches.contract
  and holders.seat_id = matches.seat_id
  and holders.holder_number = matches.holder_number
