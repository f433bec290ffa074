-- Each seat as it is now, which is as its present holder uses it.
with holders as (

  select
    holders.*,
    seats.first_snapshot as seat_first_snapshot,
    seats.last_snapshot as seat_last_snapshot,
    horizons.activities_first,
    horizons.activities_last,
    horizons.seats_last,
    -- idle since the last activity, or else since the seat was handed over or first seen where activities were loaded
    coalesce(
      holders.last_activity_date,
      case
        when holders.first_day >= horizons.activities_first then holders.first_day
        else horizons.activities_first
      end
    ) as idle_since,
    -- a seat that LinkedIn no longer lists has been taken back already
    coalesce(
      {{ salesnav.days_between('seats.last_snapshot', 'horizons.seats_last') }} < {{ var('salesnav_idle_days', 28) }},
      true
    ) as is_listed
  from {{ ref('salesnav__holders') }} as holders
  inner join {{ ref('int_salesnav__seats') }} as seats
    on holders.contract = seats.contract
    and holders.seat_id = seats.seat_id
  inner join {{ ref('int_salesnav__horizons') }} as horizons
    on holders.contract = horizons.contract
  where holders.is_present

),

-- days since the last use of which nothing is known: she may have used the seat on them
unseen as (

  select
    holders.contract,
    holders.seat_id,
    sum(case when gaps.day > holders.idle_since then 1 else 0 end) as days_without_data,
    {%- for name, days in {'idle': var('salesnav_idle_days', 28), '28': 28}.items() %}
    sum(
      case
        when gaps.is_missing and gaps.day > {{ salesnav.add_days('holders.activities_last', -1 * days) }} then 1
        else 0
      end
    ) as missing_{{ name }}{{ ',' if not loop.last }}
    {%- endfor %}
  from holders
  inner join {{ ref('int_salesnav__days_without_data') }} as gaps
    on holders.contract = gaps.contract
    and gaps.export = 'activities'
    and gaps.day >= holders.idle_since
    and gaps.day <= holders.activities_last
  group by holders.contract, holders.seat_id

),

recent as (

  select
    days.contract,
    days.seat_id,
    sum(case when days.is_active then 1 else 0 end) as active_days,
    sum(days.inmails_sent) as inmails_sent,
    sum(days.leads_saved) as leads_saved
  from {{ ref('salesnav__seat_daily') }} as days
  inner join holders
    on days.contract = holders.contract
    and days.seat_id = holders.seat_id
    and days.holder_number = holders.holder_number
    and days.day > {{ salesnav.add_days('holders.activities_last', -28) }}
  group by days.contract, days.seat_id

),

inmails as (

  select
    contract,
    seat_id,
    holder_number,
    count(*) as mature_sent,
    sum(case when outcome_group = 'accepted' then 1 else 0 end) as mature_accepted
  from {{ ref('salesnav__inmails') }}
  where is_mature
  group by contract, seat_id, holder_number

),

figures as (

  select contract, seat_id, holder_number, first_figures_day
  from {{ ref('int_salesnav__holders') }}

),

told as (

  select
    holders.*,
    newest.seat_status,
    newest.ssi,
    newest.ssi - earlier.ssi as ssi_change_28,
    newest.total_connections,
    newest.total_saved_leads,
    {{ salesnav.days_between('holders.idle_since', 'holders.activities_last') }} as days_since_use,
    coalesce(unseen.days_without_data, 0) as days_without_data,
    coalesce(unseen.missing_idle, 0) as missing_idle,
    coalesce(unseen.missing_28, 0) as missing_28,
    coalesce(recent.active_days, 0) as active_days_28,
    coalesce(recent.inmails_sent, 0) as inmails_sent_28,
    coalesce(recent.leads_saved, 0) as leads_saved_28,
    coalesce(inmails.mature_sent, 0) as inmails_mature,
    coalesce(inmails.mature_accepted, 0) as inmails_mature_accepted,
    holders.first_activity_date is not null or figures.first_figures_day is not null as is_activated,
    terms.cost_per_seat_year,
    terms.currency
  from holders
  inner join figures
    on holders.contract = figures.contract
    and holders.seat_id = figures.seat_id
    and holders.holder_number = figures.holder_number
  left join {{ ref('stg_salesnav__seats') }} as newest
    on holders.contract = newest.contract
    and holders.seat_id = newest.seat_id
    and holders.seat_last_snapshot = newest.snapshot_date
  left join {{ ref('stg_salesnav__seats') }} as earlier
    on holders.contract = earlier.contract
    and holders.seat_id = earlier.seat_id
    and earlier.snapshot_date = {{ salesnav.add_days('holders.seat_last_snapshot', -28) }}
    and earlier.snapshot_date >= holders.first_day
  left join unseen
    on holders.contract = unseen.contract
    and holders.seat_id = unseen.seat_id
  left join recent
    on holders.contract = recent.contract
    and holders.seat_id = recent.seat_id
  left join inmails
    on holders.contract = inmails.contract
    and holders.seat_id = inmails.seat_id
    and holders.holder_number = inmails.holder_number
  left join {{ ref('salesnav__contract_terms') }} as terms
    on holders.contract = terms.contract
    and terms.is_in_force

),

judged as (

  select
    told.*,
    case when missing_idle = 0 then {{ salesnav.as_bigint("days_since_use - days_without_data") }} end as idle_days,
    case
      when active_days_28 > 0 then true
      when activities_last is not null and missing_28 = 0 then false
    end as is_active_28
  from told

)

select
  contract,
  seat_id,
  first_name,
  last_name,
  full_name,
  email,
  seat_status,
  seat_first_snapshot as first_snapshot,
  seat_last_snapshot as last_snapshot,
  first_activity_date,
  last_activity_date,
  days_to_first_activity,
  {{ salesnav.as_bigint('active_days_28') }} as active_days_28,
  idle_days,
  is_active_28,
  case
    when not is_listed or days_since_use < {{ var('salesnav_idle_days', 28) }} then false
    else idle_days >= {{ var('salesnav_idle_days', 28) }}
  end as is_reclaimable,
  ssi,
  ssi_change_28,
  total_connections,
  total_saved_leads,
  holder_number,
  first_day as holder_since,
  is_first_day_known as is_holder_since_known,
  is_listed,
  is_activated,
  case
    when not is_listed then 'gone'
    when is_active_28 then 'used'
    when is_active_28 is null then 'unknown'
    when is_activated then 'activated'
    else 'assigned'
  end as license_state,
  is_in_directory,
  employee_id,
  team,
  manager,
  region,
  {%- for column in salesnav.target_columns() %}
  {{ column }},
  {%- endfor %}
  {{ salesnav.as_bigint('inmails_sent_28') }} as inmails_sent_28,
  {{ salesnav.as_bigint('leads_saved_28') }} as leads_saved_28,
  {{ salesnav.as_bigint('inmails_mature') }} as inmails_mature,
  {{ salesnav.as_bigint('inmails_mature_accepted') }} as inmails_mature_accepted,
  {{ salesnav.ratio('inmails_mature_accepted', 'inmails_mature') }} as inmail_acceptance_rate,
  {{ salesnav.wilson('inmails_mature_accepted', 'inmails_mature', 'low') }} as inmail_acceptance_low,
  {{ salesnav.wilson('inmails_mature_accepted', 'inmails_mature', 'high') }} as inmail_acceptance_high,
  case when is_listed then cost_per_seat_year end as cost_per_year,
  case when is_listed then currency end as currency
from judged
