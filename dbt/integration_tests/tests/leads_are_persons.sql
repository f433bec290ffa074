-- The key of all searches is nobody.
select *
from {{ ref('salesnav__leads') }}
where member_identity_key = '1'
union all
select *
from {{ ref('salesnav__leads') }}
where contract = 'c1' and member_identity_key = '79' and not (is_never_contacted and working_seats = 1)
