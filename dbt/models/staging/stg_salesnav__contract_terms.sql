with written as (

  {{ salesnav.contract_terms() }}

)

select
  *
from written
