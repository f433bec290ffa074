-- How far each contract is loaded: by its jobs, which also tell of days without rows, and by its rows.
with known as (

  select contract, export, window_start as first_day, window_end as last_day
  from {{ ref('int_salesnav__jobs') }}

  union all

  select contract, 'activities' as export, min(activity_date) as first_day, max(activity_date) as last_day
  from {{ ref('salesnav__activity_daily') }}
  group by contract

  union all

  select
    contract,
    'activity_outcomes' as export,
    min({{ salesnav.utc_day('created_at') }}) as first_day,
    max({{ salesnav.utc_day('created_at') }}) as last_day
  from {{ ref('stg_salesnav__activity_outcomes') }}
  group by contract

  union all

  select contract, 'seats' as export, min(snapshot_date) as first_day, max(snapshot_date) as last_day
  from {{ ref('stg_salesnav__seats') }}
  group by contract

  union all

  select
    contract,
    'contracts' as export,
    cast(null as date) as first_day,
    cast(null as date) as last_day
  from {{ ref('stg_salesnav__contracts') }}

)

select
  contract,
  min(case when export = 'activities' then first_day end) as activities_first,
  max(case when export = 'activities' then last_day end) as activities_last,
  max(case when export = 'activity_outcomes' then last_day end) as outcomes_last,
  min(case when export = 'seats' then first_day end) as seats_first,
  max(case when export = 'seats' then last_day end) as seats_last,
  max(case when export in ('activities', 'seats') then last_day end) as last_day
from known
group by contract
