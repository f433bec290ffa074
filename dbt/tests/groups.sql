-- What types count as; returns those that count as something else.
with activities as (
{% for type, expected in {
  'PROFILE_VIEW': 'profile_view', 'PROFILE_VIEWED': 'profile_view', 'SEARCH_PERFORMED': 'search', 'SANG_A_SONG': 'other',
}.items() %}
  select '{{ type }}' as type, '{{ expected }}' as expected{{ ' union all' if not loop.last }}
{%- endfor %}
),

outcomes as (
{% for type, expected in {
  'INMAIL_ACCEPTED': 'accepted', 'InMailAccept': 'accepted', 'INMAIL_DECLINED': 'declined', 'rejected_by_member': 'declined',
  'INMAIL_SEEN': 'other',
}.items() %}
  select '{{ type }}' as type, '{{ expected }}' as expected{{ ' union all' if not loop.last }}
{%- endfor %}
)

select type, expected
from activities
where {{ salesnav.activity_group('type') }} <> expected

union all

select type, expected
from outcomes
where {{ salesnav.outcome_group('type') }} <> expected
