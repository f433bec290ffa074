select contract, name
from {{ ref('salesnav__contract_overview') }}
