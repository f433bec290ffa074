{{ holds(ref('salesnav__seats'), "contract = 'c1' and seat_id = 1", {'full_name': 'New Holder', 'email': 'new@example.com', 'first_snapshot': '2026-01-05'}) }}
