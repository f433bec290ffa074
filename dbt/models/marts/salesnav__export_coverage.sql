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
    jobs.state,
    case when jobs.state = 'loaded' then jobs.completed_at end as last_read_at,
    coalesce(jobs.rows_rejected, 0) as rows_rejected,
    row_number() over (
      partition by exports.contract, exports.export, days.day
      order by case when jobs.state = 'loaded' then 0 else 1 end, jobs.completed_at desc
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

)

select
  contract,
  export,
  day,
  coalesce(state, 'open') as state,
  last_read_at,
  {{ salesnav.as_bigint('rows_rejected') }} as rows_rejected
from told
where position = 1
