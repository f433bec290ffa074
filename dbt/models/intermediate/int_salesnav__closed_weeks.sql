-- The weeks of a contract whose last day is loaded; weeks that are still open would look like a fall.
with bounds as (

  select
    seats.contract,
    min({{ salesnav.iso_week('seats.first_day') }}) as first_week,
    max(horizons.activities_last) as last_day
  from {{ ref('int_salesnav__seats') }} as seats
  inner join {{ ref('int_salesnav__horizons') }} as horizons
    on seats.contract = horizons.contract
  group by seats.contract

),

weeks as (

  select distinct week, {{ salesnav.add_days('week', 6) }} as last_day
  from {{ ref('int_salesnav__days') }}

),

loaded as (

  select
    contract,
    {{ salesnav.iso_week('day') }} as week,
    sum(case when state in ('loaded', 'empty') then 1 else 0 end) as loaded_days,
    sum(case when state not in ('loaded', 'empty') and rows_loaded = 0 then 1 else 0 end) as missing_days
  from {{ ref('salesnav__export_coverage') }}
  where export = 'activities'
  group by contract, {{ salesnav.iso_week('day') }}

)

select
  bounds.contract,
  weeks.week,
  weeks.last_day,
  -- null where no job tells what is loaded
  {{ salesnav.as_bigint('loaded.loaded_days') }} as loaded_days,
  {{ salesnav.as_bigint('coalesce(loaded.missing_days, 0)') }} as missing_days
from bounds
inner join weeks
  on weeks.week >= bounds.first_week
  and weeks.last_day <= bounds.last_day
left join loaded
  on bounds.contract = loaded.contract
  and weeks.week = loaded.week
