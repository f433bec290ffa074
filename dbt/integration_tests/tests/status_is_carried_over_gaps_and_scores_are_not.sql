{{ holds(ref('salesnav__seat_daily'), "contract = 'c1' and seat_id = 1 and day = '2026-02-28'", {'seat_status': 'ACTIVE', 'ssi': none, 'activities': 0, 'days_since_active': 20}) }}
union all
{{ holds(ref('salesnav__seat_daily'), "contract = 'c1' and seat_id = 1 and day = '2026-03-02'", {'seat_status': 'PENDING', 'ssi': none}) }}
