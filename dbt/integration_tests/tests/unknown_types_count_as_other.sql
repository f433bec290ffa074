{{ holds(ref('salesnav__seat_daily'), "contract = 'c1' and seat_id = 1 and day = '2026-02-02'", {'other_activities': 1, 'activities': 6}) }}
