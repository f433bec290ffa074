{{
  config(
    materialized='incremental',
    incremental_strategy='merge' if target.type == 'bigquery' else 'append',
    on_schema_change='append_new_columns',
    partition_by={'field': 'activity_date', 'data_type': 'date', 'granularity': 'month'} if target.type == 'bigquery' else none,
    cluster_by=['contract', 'seat_id'] if target.type == 'bigquery' else none,
    pre_hook="{{ salesnav.delete_touched(['activities'], 'activity_date') }}"
  )
}}
-- depends_on: {{ ref('int_salesnav__touched_days') }}
select
  contract,
  seat_id,
  activity_date,
  activity_type,
  activity_group,
  count(*) as activities
from {{ ref('stg_salesnav__activities') }} as activities
where {{ salesnav.is_touched(['activities'], 'activities', 'activity_date', not is_incremental()) }}
group by contract, seat_id, activity_date, activity_type, activity_group
