{{ holds(ref('salesnav__ssi_daily'), "contract = 'c1' and seat_id = 1 and day = '2026-03-08'", {'ssi_change_7': 5, 'ssi_change_28': 10, 'ssi_change_90': none}) }}
union all
{{ holds(ref('salesnav__ssi_daily'), "contract = 'c1' and seat_id = 3 and day = '2026-03-08'", {'ssi_change_28': none}) }}
union all
{{ holds(ref('salesnav__ssi_daily'), "contract = 'c2' and day = '2026-03-07'", {'ssi_change_28': none}) }}
