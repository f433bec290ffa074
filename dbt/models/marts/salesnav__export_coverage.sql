with jobs as (

  select
    contract,
    export,
    window_start,
    window_end,
    completed_at,
    rows_rejected,
    case
      when error is null then 'loaded'
      when status = 'NOT_AVAILABLE' then 'not_available'
      -- no job was created, as the token's owner may not export the contract or it is not listed
      when status = 'NO_ACCESS'
        or (status = 'NOT_CREATED' and (error like '%reporting%role%' or error like '%does not list this contract%'))
        then 'no_access'
      -- LinkedIn has no data for these days yet, or the window was halved and asked for again: nothing is amiss
      when status in ('FAILED_DUE_TO_DATA_DELAY', 'FAILED_DUE_TO_EXCEEDED_FILE_SIZE_ERROR') then 'open'
      else 'failed'
    end as state
  from {{ ref('stg_salesnav__export_jobs') }}

),

spans as (

  select contract, min(window_start) as first_day, max(window_end) as last_day
  from jobs
  group by contract

),

exports as (

  select distinct contract, export
  from jobs

),

-- one that was loaded stays so, whatever was asked later; else the newest job tells
told as (

  select
    exports.contract,
    exports.export,
    days.day,
    days.is_workday,
    jobs.state,
    case when jobs.state = 'loaded' then jobs.completed_at end as last_read_at,
    coalesce(jobs.rows_rejected, 0) as rows_rejected,
    row_number() over (
      partition by exports.contract, exports.export, days.day
      order by case when jobs.state = 'loaded' then 0 else 1 end asc, jobs.completed_at desc, jobs.state asc
    ) as position
  from exports
  inner join spans
    on exports.contract = spans.contract
  inner join {{ ref('int_salesnav__days') }} as days
    on days.day >= spans.first_day
    and days.day <= spans.last_day
  left join jobs
    on exports.contract = jobs.contract
    and exports.export = jobs.export
    and days.day >= jobs.window_start
    and days.day <= jobs.window_end

),

held as (

  select contract, 'activities' as export, activity_date as day, sum(activities) as rows_loaded
  from {{ ref('salesnav__activity_daily') }}
  group by contract, activity_date

  union all

  select contract, 'activity_outcomes' as export, {{ salesnav.utc_day('created_at') }} as day, count(*) as rows_loaded
  from {{ ref('stg_salesnav__activity_outcomes') }}
  group by contract, {{ salesnav.utc_day('created_at') }}

  union all

  select contract, 'seats' as export, snapshot_date as day, count(*) as rows_loaded
  from {{ ref('stg_salesnav__seats') }}
  group by contract, snapshot_date

),

days as (

  select
    told.contract,
    told.export,
    told.day,
    told.is_workday,
    coalesce(told.state, 'open') as state,
    told.last_read_at,
    told.rows_rejected,
    coalesce(held.rows_loaded, 0) as rows_loaded,
    min(case when held.rows_loaded > 0 then told.day end) over (
      partition by told.contract, told.export
    ) as first_day_with_rows
  from told
  left join held
    on told.contract = held.contract
    and told.export = held.export
    and told.day = held.day
  where told.position = 1

),

-- how often a loaded day of this kind has rows, and how many: a weekend is held against weekends
usual as (

  select
    contract,
    export,
    is_workday,
    avg(case when rows_loaded > 0 then 1.0 else 0.0 end) as share_with_rows,
    avg(case when rows_loaded > 0 then 1.0 * rows_loaded end) as mean_rows
  from days
  where state = 'loaded'
    and day >= first_day_with_rows
  group by contract, export, is_workday

)

select
  days.contract,
  days.export,
  days.day,
  case
    when days.state = 'loaded'
      and days.rows_loaded = 0
      and days.day > days.first_day_with_rows
      and usual.share_with_rows >= 0.5
      -- each seat has its snapshot whatever its holder does; days of which few rows are usual may well have none
      and (days.export = 'seats' or usual.mean_rows >= 10)
      then 'empty'
    else days.state
  end as state,
  days.last_read_at,
  {{ salesnav.as_bigint('days.rows_rejected') }} as rows_rejected,
  {{ salesnav.as_bigint('days.rows_loaded') }} as rows_loaded
from days
left join usual
  on days.contract = usual.contract
  and days.export = usual.export
  and days.is_workday = usual.is_workday
