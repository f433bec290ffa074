-- The former holder stopped on 8 February; the present one has sent an InMail on 5 March, and her score is compared with nobody's.
{{ holds(ref('salesnav__seats'), "contract = 'c1' and seat_id = 1", {'full_name': 'New Holder', 'email': 'new@example.com', 'first_snapshot': '2026-01-05', 'holder_number': 2, 'holder_since': '2026-03-01', 'first_activity_date': '2026-03-05', 'days_to_first_activity': 4, 'active_days_28': 1, 'ssi_change_28': none, 'team': 'North', 'target_ssi': 60, 'license_state': 'used', 'cost_per_year': 100}) }}
union all
{{ holds(ref('salesnav__holders'), "contract = 'c1' and seat_id = 1 and holder_number = 1", {'full_name': 'Old Holder', 'last_day': '2026-02-28', 'last_activity_date': '2026-02-08', 'active_days': 6, 'team': none, 'is_first_day_known': false}) }}
union all
{{ holds(ref('salesnav__seat_daily'), "contract = 'c1' and seat_id = 1 and day = '2026-03-01'", {'holder_number': 2, 'days_since_active': none}) }}
