{{
  config(
    materialized='incremental',
    incremental_strategy='merge' if target.type == 'bigquery' else 'append',
    on_schema_change='append_new_columns',
    partition_by={'field': 'activity_date', 'data_type': 'date', 'granularity': 'month'} if target.type == 'bigquery' else none,
    pre_hook="{{ salesnav.delete_touched(['activities'], 'activity_date') }}"
  )
}}
-- depends_on: {{ ref('int_salesnav__touched_days') }}
-- The InMails among the activities, which are few of them.
select contract, activity_id, seat_id, created_at, activity_date
from {{ ref('stg_salesnav__activities') }} as activities
where activity_group = 'inmail'
  and {{ salesnav.is_touched(['activities'], 'activities', 'activity_date', not is_incremental()) }}
