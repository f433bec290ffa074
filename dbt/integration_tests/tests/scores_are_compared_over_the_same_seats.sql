{{ holds(ref('salesnav__ssi_daily'), "contract = 'c1' and seat_id = 1 and day = '2026-03-08'", {'ssi_change_7': 5, 'ssi_change_28': none, 'ssi_change_90': none}) }}
union all
{{ holds(ref('salesnav__ssi_daily'), "contract = 'c1' and seat_id = 3 and day = '2026-03-08'", {'ssi_change_28': none}) }}
union all
{{ holds(ref('salesnav__ssi_daily'), "contract = 'c2' and day = '2026-03-07'", {'ssi_change_28': none}) }}
union all
-- a day without snapshots is a gap
{{ holds(ref('salesnav__ssi_means'), "contract = 'c1' and team = 'North' and day = '2026-03-07'", {'seats': 0, 'ssi': none, 'is_complete': false}) }}
union all
{{ holds(ref('salesnav__ssi_means'), "contract = 'c1' and team = 'North' and day = '2026-03-08'", {'seats': 1, 'ssi': 50, 'compared_7': 1, 'ssi_change_7': 5}) }}
