-- The jobs that brought rows, as they are when a build begins: whatever reads activities or seats comes after this.
select
  contract,
  export,
  window_start,
  window_end,
  completed_at
from {{ ref('stg_salesnav__export_jobs') }}
where error is null
