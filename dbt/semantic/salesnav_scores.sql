select
  {{ salesnav.seat_key() }} as seat,
  contract,
  day,
  ssi,
  ssi_brand,
  ssi_find,
  ssi_engage,
  ssi_build,
  ssi_change_7,
  ssi_change_28,
  ssi_change_90
from {{ ref('salesnav__ssi_daily') }}
