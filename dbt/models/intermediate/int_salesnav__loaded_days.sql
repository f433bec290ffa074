-- The days of the source's large tables as they are when a build begins: whatever reads rows comes after this, so that rows
-- that come meanwhile are touched ones in the next build. One row has what the models rest on beside the rows.
-- depends_on: {{ ref('int_salesnav__jobs') }}
with days as (

  {{ salesnav.loaded_days('activities', 'activity_date') }}

  union all

  {{ salesnav.loaded_days('seats', 'snapshot_date') }}

)

select contract, export, day, mark
from days

union all

select
  cast(null as {{ dbt.type_string() }}) as contract,
  'signature' as export,
  cast(null as date) as day,
  '{{ salesnav.build_signature() }}' as mark
