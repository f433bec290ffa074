-- What is counted in the marts is what is in the tables. Returns the counts that differ.
with counted as (

  select
    'activities' as what,
    (select count(*) from {{ ref('stg_salesnav__activities') }}) as in_table,
    (select coalesce(sum(activities), 0) from {{ ref('salesnav__activity_daily') }}) as in_mart

  union all

  select
    'activities of seats',
    (select count(*) from {{ ref('stg_salesnav__activities') }}),
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

  select
    'inmails',
    (select count(*) from {{ ref('stg_salesnav__activities') }} where activity_group = 'inmail'),
    (select count(*) from {{ ref('salesnav__inmails') }})

  union all

  select
    'inmails of cohorts',
    (select count(*) from {{ ref('stg_salesnav__activities') }} where activity_group = 'inmail'),
    (select coalesce(sum(accepted + declined + other + unanswered), 0) from {{ ref('salesnav__inmail_cohorts') }})

  union all

  select
    'searches of the funnel',
    (select count(*) from {{ ref('stg_salesnav__activities') }} where activity_group = 'search'),
    (select coalesce(sum(searches), 0) from {{ ref('salesnav__funnel_weekly') }})

)

select *
from counted
where in_table <> in_mart
