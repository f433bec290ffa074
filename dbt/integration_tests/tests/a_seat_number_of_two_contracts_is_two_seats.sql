{{ holds(ref('salesnav__seat_daily'), "contract = 'c2' and seat_id = 1 and day = '2026-02-02'", {'searches': 1, 'activities': 1}) }}
union all
{{ holds(ref('salesnav__seats'), "contract = 'c2' and seat_id = 1", {'last_name': 'Else', 'ssi': 91}) }}
union all
{{ holds(ref('salesnav__inmails'), "contract = 'c2' and activity_id = 'answered_late'", {'outcome_group': 'none'}) }}
