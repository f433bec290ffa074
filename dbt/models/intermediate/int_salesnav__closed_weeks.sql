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

)

select bounds.contract, weeks.week, weeks.last_day
from bounds
inner join weeks
  on weeks.week >= bounds.first_week
  and weeks.last_day <= bounds.last_day
