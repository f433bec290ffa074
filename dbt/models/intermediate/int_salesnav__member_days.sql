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
-- Whom a seat saved or contacted on a day, and on how many searches a member key stood. DuckDB's sums are of 128 bits, which it
-- takes twenty times as long to read.
select
  contract,
  activity_date,
  seat_id,
  member_identity_key,
  {{ salesnav.as_bigint("sum(case when activity_group = 'search' then 1 else 0 end)") }} as searches,
  {{ salesnav.as_bigint("sum(case when activity_group = 'save_lead' then 1 else 0 end)") }} as saves,
  {{ salesnav.as_bigint("sum(case when activity_group in ('inmail', 'message', 'connection') then 1 else 0 end)") }} as contacts
from {{ ref('stg_salesnav__activities') }} as activities
where (
    activity_group = 'search'
    or (activity_group in ('save_lead', 'inmail', 'message', 'connection') and member_identity_key is not null)
  )
  and {{ salesnav.is_touched(['activities'], 'activities', 'activity_date', not is_incremental()) }}
group by contract, activity_date, seat_id, member_identity_key
