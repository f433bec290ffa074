{{ config(severity='warn') }}
-- Types that the package does not know and counts as other. Tell the project of them, or add them to the macros.
select 'activities' as export, contract, activity_type, sum(activities) as rows_found
from {{ ref('salesnav__activity_daily') }}
where activity_group = 'other'
group by contract, activity_type

union all

select 'activity_outcomes' as export, contract, activity_type, count(*) as rows_found
from {{ ref('stg_salesnav__activity_outcomes') }}
where outcome_group = 'other'
group by contract, activity_type
