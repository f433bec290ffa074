{%- set whole = var('salesnav_full_tests', false) -%}
-- What is counted in the marts is what is in the tables: on the touched days, or on all with full tests. What is small is
-- counted throughout. Returns the counts that differ.
-- depends_on: {{ ref('int_salesnav__touched_days') }}
with activities as (

  select activity_group
  from {{ ref('stg_salesnav__activities') }} as rows_of_days
  where {{ salesnav.is_touched(['activities'], 'rows_of_days', 'activity_date', whole) }}

),

daily as (

  select activity_group, activities
  from {{ ref('salesnav__activity_daily') }} as rows_of_days
  where {{ salesnav.is_touched(['activities'], 'rows_of_days', 'activity_date', whole) }}

),

counted as (

  select
    'activities' as what,
    (select count(*) from activities) as in_table,
    (select coalesce(sum(activities), 0) from daily) as in_mart

  union all

  select
    'inmails of days',
    (select count(*) from activities where activity_group = 'inmail'),
    (select coalesce(sum(activities), 0) from daily where activity_group = 'inmail')

  union all

  select
    'activities of seats',
    (select coalesce(sum(activities), 0) from {{ ref('salesnav__activity_daily') }}),
    (select coalesce(sum(activities), 0) from {{ ref('salesnav__seat_daily') }})

  union all

  select
    'parts of the activities of seats',
    (select coalesce(sum(activities), 0) from {{ ref('salesnav__seat_daily') }}),
    (
      select coalesce(sum({{ salesnav.activity_columns().keys() | join(' + ') }}), 0)
      from {{ ref('salesnav__seat_daily') }}
    )

  union all

  select
    'scores of seats',
    (select count(*) from {{ ref('stg_salesnav__seats') }} where ssi is not null),
    (select count(*) from {{ ref('salesnav__seat_daily') }} where ssi is not null)

  union all

  -- each day of a seat is one holder's
  select
    'activities of holders',
    (select coalesce(sum(activities), 0) from {{ ref('salesnav__activity_daily') }}),
    (select coalesce(sum(activities), 0) from {{ ref('salesnav__holders') }})

  union all

  select
    'days of holders',
    (select count(*) from {{ ref('salesnav__seat_daily') }}),
    (select coalesce(sum(days_held), 0) from {{ ref('salesnav__holders') }})

  union all

  select
    'scores of holders',
    (select count(*) from {{ ref('stg_salesnav__seats') }} where ssi is not null),
    (select coalesce(sum(seats), 0) from {{ ref('salesnav__ssi_means') }})

  union all

  select
    'inmails',
    (select coalesce(sum(activities), 0) from {{ ref('salesnav__activity_daily') }} where activity_group = 'inmail'),
    (select count(*) from {{ ref('salesnav__inmails') }})

  union all

  select
    'inmails of cohorts',
    (select coalesce(sum(activities), 0) from {{ ref('salesnav__activity_daily') }} where activity_group = 'inmail'),
    (select coalesce(sum(accepted + declined + other + unanswered), 0) from {{ ref('salesnav__inmail_cohorts') }})

  union all

  select
    'searches of the funnel',
    (select coalesce(sum(activities), 0) from {{ ref('salesnav__activity_daily') }} where activity_group = 'search'),
    (select coalesce(sum(searches), 0) from {{ ref('salesnav__funnel_weekly') }})

)

select *
from counted
where in_table <> in_mart
