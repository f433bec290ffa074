{{ holds(ref('salesnav__inmail_cohorts'), "contract = 'c1' and seat_id = 4 and sent_week = '2026-01-05'", {'other': 1, 'acceptance_rate': 0, 'response_rate': 0}) }}
