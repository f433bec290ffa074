with recent as (

  select
    activities.contract,
    activities.seat_id,
    count(distinct activities.activity_date) as active_days
  from {{ ref('salesnav__activity_daily') }} as activities
  inner join {{ ref('int_salesnav__horizons') }} as horizons
    on activities.contract = horizons.contract
    and activities.activity_date > {{ salesnav.add_days('horizons.activities_last', -28) }}
  group by activities.contract, activities.seat_id

),

-- a seat is idle since it was last active, or else since it was first seen where activities were loaded
idle as (

  select
    seats.*,
    horizons.seats_last,
    {{ salesnav.days_between(
      "coalesce(
        seats.last_activity_date,
        case
          when seats.first_snapshot >= horizons.activities_first then seats.first_snapshot
          else horizons.activities_first
        end
      )",
      'horizons.activities_last'
    ) }} as idle_days
  from {{ ref('int_salesnav__seats') }} as seats
  inner join {{ ref('int_salesnav__horizons') }} as horizons
    on seats.contract = horizons.contract

)

select
  idle.contract,
  idle.seat_id,
  newest.first_name,
  newest.last_name,
  coalesce(
    newest.full_name,
    nullif(trim({{ dbt.concat(["coalesce(newest.first_name, '')", "' '", "coalesce(newest.last_name, '')"]) }}), '')
  ) as full_name,
  newest.email,
  newest.seat_status,
  idle.first_snapshot,
  idle.last_snapshot,
  idle.first_activity_date,
  idle.last_activity_date,
  {{ salesnav.days_between('idle.first_snapshot', 'idle.first_activity_date') }} as days_to_first_activity,
  {{ salesnav.as_bigint('coalesce(recent.active_days, 0)') }} as active_days_28,
  idle.idle_days,
  coalesce(recent.active_days, 0) > 0 as is_active_28,
  coalesce(
    idle.idle_days >= {{ var('salesnav_idle_days', 28) }}
    -- a seat that LinkedIn no longer lists has been taken back already
    and (
      idle.last_snapshot is null
      or {{ salesnav.days_between('idle.last_snapshot', 'idle.seats_last') }} < {{ var('salesnav_idle_days', 28) }}
    ),
    false
  ) as is_reclaimable,
  newest.ssi,
  newest.ssi - earlier.ssi as ssi_change_28,
  newest.total_connections,
  newest.total_saved_leads
from idle
left join {{ ref('stg_salesnav__seats') }} as newest
  on idle.contract = newest.contract
  and idle.seat_id = newest.seat_id
  and idle.last_snapshot = newest.snapshot_date
left join {{ ref('stg_salesnav__seats') }} as earlier
  on idle.contract = earlier.contract
  and idle.seat_id = earlier.seat_id
  and earlier.snapshot_date = {{ salesnav.add_days('idle.last_snapshot', -28) }}
left join recent
  on idle.contract = recent.contract
  and idle.seat_id = recent.seat_id
