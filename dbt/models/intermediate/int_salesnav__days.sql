-- All days from the first that is known of any contract to the last; 8,192 days are 22 years.
with bounds as (

  select min(day) as first_day, max(day) as last_day
  from (
    select first_day as day from {{ ref('int_salesnav__seats') }}
    union all
    select last_day as day from {{ ref('int_salesnav__horizons') }}
    union all
    select window_start as day from {{ ref('stg_salesnav__export_jobs') }}
    union all
    select window_end as day from {{ ref('stg_salesnav__export_jobs') }}
  ) as known

),

numbers as (

  {{ dbt.generate_series(8192) }}

),

days as (

  select {{ salesnav.add_days('bounds.first_day', 'cast(numbers.generated_number as ' ~ dbt.type_int() ~ ') - 1') }} as day
  from bounds
  cross join numbers
  where numbers.generated_number <= {{ salesnav.days_between('bounds.first_day', 'bounds.last_day') }} + 1

)

select
  day,
  {{ salesnav.iso_week('day') }} as week,
  {{ salesnav.is_workday('day') }} as is_workday
from days
