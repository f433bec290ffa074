-- depends_on: {{ ref('int_salesnav__jobs') }}
select
  contract,
  seat_id,
  activity_date,
  activity_type,
  activity_group,
  count(*) as activities
from {{ ref('stg_salesnav__activities') }}
group by contract, seat_id, activity_date, activity_type, activity_group
