{{ config(severity='warn') }}
-- Outcomes whose activity is not loaded, e.g. as it took place before the first day that is. They are in no rate. All activities
-- would have to be read for the outcomes of one day, so only full tests look.
select outcomes.contract, outcomes.outcome_group, count(*) as outcomes
from {{ ref('stg_salesnav__activity_outcomes') }} as outcomes
where not exists (
  select 1
  from {{ ref('stg_salesnav__activities') }} as activities
  where activities.contract = outcomes.contract
    and activities.activity_id = outcomes.activity_id
)
{%- if not var('salesnav_full_tests', false) %}
  and 1 = 0
{%- endif %}
group by outcomes.contract, outcomes.outcome_group
