{{
  config(
    materialized='incremental',
    incremental_strategy='merge' if target.type == 'bigquery' else 'delete+insert',
    unique_key=['contract', 'member_identity_key'],
    on_schema_change='append_new_columns',
    cluster_by=['contract', 'member_identity_key'] if target.type == 'bigquery' else none,
    post_hook="{{ salesnav.delete_leads_without_days(this) }}"
  )
}}
-- depends_on: {{ ref('int_salesnav__touched_days') }}
-- Whom seats have saved or contacted, over all days; nobody is left out yet. Nothing here depends on which day is the newest.
with
{%- if is_incremental() %}

-- those of the touched days, as they are and as they were: a lead that is no longer there lies between its first and last day
touched as (

  select distinct contract, member_identity_key
  from (
    select contract, member_identity_key
    from {{ ref('int_salesnav__member_days') }} as days
    where saves + contacts > 0
      and {{ salesnav.is_touched(['activities'], 'days', 'activity_date', false) }}

    union all

    select contract, member_identity_key
    from {{ this }} as leads
    where {{ salesnav.spans_touched(['activities'], 'leads', 'first_worked_date', 'last_worked_date') }}
  ) as known

),
{%- endif %}

worked as (

  select
    days.contract,
    days.member_identity_key,
    days.seat_id,
    sum(days.saves) as saves,
    min(case when days.saves > 0 then days.activity_date end) as first_saved_date,
    max(case when days.saves > 0 then days.activity_date end) as last_saved_date,
    sum(days.contacts) as contacts,
    min(case when days.contacts > 0 then days.activity_date end) as first_contact_date,
    max(case when days.contacts > 0 then days.activity_date end) as last_contact_date,
    min(days.activity_date) as first_day,
    max(days.activity_date) as last_day
  from {{ ref('int_salesnav__member_days') }} as days
  {%- if is_incremental() %}
  inner join touched
    on days.contract = touched.contract
    and days.member_identity_key = touched.member_identity_key
  {%- endif %}
  where days.saves + days.contacts > 0
  group by days.contract, days.member_identity_key, days.seat_id

),

placed as (

  select
    worked.*,
    min(first_day) over (partition by contract, member_identity_key) as first_worked_date,
    max(last_day) over (partition by contract, member_identity_key) as last_worked_date,
    max(last_saved_date) over (partition by contract, member_identity_key) as newest_saved_date
  from worked

),

leads as (

  select
    contract,
    member_identity_key,
    sum(saves) as saves,
    min(first_saved_date) as first_saved_date,
    max(last_saved_date) as last_saved_date,
    sum(contacts) as contacts,
    min(first_contact_date) as first_contact_date,
    max(last_contact_date) as last_contact_date,
    count(*) as working_seats,
    -- of seats on one day, the first has the lowest number and the last the highest
    min(case when first_day = first_worked_date then seat_id end) as first_seat_id,
    max(case when last_day = last_worked_date then seat_id end) as last_seat_id,
    min(case when last_saved_date = newest_saved_date then seat_id end) as saved_by_seat_id,
    min(first_worked_date) as first_worked_date,
    max(last_worked_date) as last_worked_date
  from placed
  group by contract, member_identity_key

)

{% set source = 'touched' if is_incremental() else 'leads' -%}
select
  {{ source }}.contract,
  {{ source }}.member_identity_key,
  {{ salesnav.as_bigint('leads.saves') }} as saves,
  leads.first_saved_date,
  leads.last_saved_date,
  {{ salesnav.as_bigint('leads.contacts') }} as contacts,
  leads.first_contact_date,
  leads.last_contact_date,
  leads.working_seats,
  leads.first_seat_id,
  leads.last_seat_id,
  leads.saved_by_seat_id,
  leads.first_worked_date,
  leads.last_worked_date
from {{ source }}
{%- if is_incremental() %}
left join leads
  on touched.contract = leads.contract
  and touched.member_identity_key = leads.member_identity_key
{%- endif %}
