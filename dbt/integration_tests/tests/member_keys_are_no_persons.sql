-- All searches have one member key.
{{ holds(ref('salesnav__seat_daily'), "contract = 'c1' and seat_id = 1 and day = '2026-02-02'", {'searches': 2}) }}
union all
{{ holds(ref('salesnav__seat_daily'), "contract = 'c1' and seat_id = 3 and day = '2026-02-02'", {'searches': 1}) }}
