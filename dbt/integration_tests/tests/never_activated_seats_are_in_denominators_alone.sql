{{ holds(ref('salesnav__adoption_weekly'), "contract = 'c1' and week = '2026-03-02'", {'seats': 4, 'active_seats': 1, 'active_share': 0.25}) }}
union all
{{ holds(ref('salesnav__ssi_daily'), "contract = 'c1' and seat_id = 1 and day = '2026-03-08'", {'contract_mean': 40}) }}
union all
{{ holds(ref('salesnav__seats'), "contract = 'c1' and seat_id = 2", {'is_reclaimable': true, 'first_activity_date': none, 'idle_days': 62}) }}
