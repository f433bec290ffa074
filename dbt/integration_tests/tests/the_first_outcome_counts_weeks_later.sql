-- It came 19 days after, before the other one.
{{ holds(ref('salesnav__inmails'), "contract = 'c1' and activity_id = 'answered_late'", {'outcome_group': 'accepted', 'outcome_type': 'WAS_ACCEPTED', 'lag_hours': 456, 'is_mature': true}) }}
union all
{{ holds(ref('salesnav__funnel_weekly'), "contract = 'c1' and seat_id = 1 and week = '2026-01-05'", {'inmails_sent': 2, 'inmails_accepted': 1}) }}
