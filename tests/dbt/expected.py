"""What the marts must hold, by SQL of its own over the raw tables, in DuckDB's dialect and another style than the models'."""

ENUM = """
CASE activity_type WHEN 'SEARCH_PERFORMED' THEN 'search' WHEN 'PROFILE_VIEWED' THEN 'profile_view'
 WHEN 'PROFILE_VIEW' THEN 'profile_view'
 WHEN 'SAVED_LEAD' THEN 'save_lead' WHEN 'SAVED_ACCOUNT' THEN 'save_account' WHEN 'INMAIL_SENT' THEN 'inmail'
 WHEN 'MESSAGE_SENT' THEN 'message' WHEN 'CONNECTION_MADE' THEN 'connection' ELSE 'other' END
"""

SCORES = ("ssi", "ssi_brand", "ssi_find", "ssi_engage", "ssi_build")

BASE = f"""
WITH acts AS (SELECT *, {ENUM} AS g FROM salesnav.activities),
known AS (
  SELECT contract, seat_id, min(d) AS first_day FROM (
    SELECT contract, seat_id, activity_date AS d FROM acts UNION ALL SELECT contract, seat_id, snapshot_date FROM salesnav.seats
  ) GROUP BY ALL),
ends AS (
  SELECT contract,
    greatest(max(window_end) FILTER (export = 'activities'),
             (SELECT max(activity_date) FROM acts a WHERE a.contract = j.contract)) AS last_act,
    greatest(max(window_end) FILTER (export = 'activity_outcomes'),
      (SELECT max((created_at AT TIME ZONE 'UTC')::date)
       FROM salesnav.activity_outcomes o WHERE o.contract = j.contract)) AS last_out,
    greatest(max(window_end) FILTER (export IN ('activities', 'seats')),
             (SELECT max(snapshot_date) FROM salesnav.seats s WHERE s.contract = j.contract)) AS last_day
  FROM salesnav.export_jobs j WHERE error IS NULL GROUP BY contract),
weeks AS (
  SELECT contract, unnest(generate_series(
    date_trunc('week', (SELECT min(first_day) FROM known k WHERE k.contract = e.contract)),
    last_act - 6, INTERVAL 7 DAY))::date AS week FROM ends e),
first_out AS (
  SELECT contract, activity_id, arg_min(struct_pack(t := activity_type, at := created_at),
    (coalesce(epoch_us(created_at), 9000000000000000000), activity_type)) AS o FROM salesnav.activity_outcomes GROUP BY ALL),
mails AS (
  SELECT a.*, o.o.t AS ot, o.o.at AS oat,
    CASE WHEN o.o.t IS NULL THEN 'none' WHEN o.o.t ILIKE '%accept%' THEN 'accepted'
      WHEN o.o.t ILIKE '%declin%' OR o.o.t ILIKE '%reject%' THEN 'declined' ELSE 'other' END AS og,
    coalesce(activity_date + 14 < last_out, false) AS mature
  FROM acts a JOIN ends USING (contract) LEFT JOIN first_out o USING (contract, activity_id) WHERE g = 'inmail')
"""

MARTS = {
    "activity_daily": "SELECT contract, seat_id, activity_date, activity_type, g, count(*) FROM acts GROUP BY ALL",
    "seat_daily": """
        SELECT k.contract, k.seat_id, d::date, count(a.g),
          count(*) FILTER (g = 'search'), count(*) FILTER (g = 'profile_view'), count(*) FILTER (g = 'save_lead'),
          count(*) FILTER (g = 'save_account'), count(*) FILTER (g = 'inmail'), count(*) FILTER (g = 'message'),
          count(*) FILTER (g = 'connection'), count(*) FILTER (g = 'other'),
          count(a.g) > 0, dayofweek(d) BETWEEN 1 AND 5,
          d::date - (SELECT max(activity_date) FROM acts b
            WHERE b.contract = k.contract AND b.seat_id = k.seat_id AND b.activity_date <= d::date),
          (SELECT seat_status FROM salesnav.seats z WHERE z.contract = k.contract AND z.seat_id = k.seat_id
            AND z.snapshot_date <= d::date ORDER BY snapshot_date DESC LIMIT 1),
          any_value(s.ssi), any_value(s.ssi_brand), any_value(s.ssi_find), any_value(s.ssi_engage), any_value(s.ssi_build)
        FROM known k JOIN ends e ON e.contract = k.contract
        CROSS JOIN LATERAL (
          SELECT unnest(generate_series(k.first_day::timestamp, e.last_day::timestamp, INTERVAL 1 DAY)) AS d) days
        LEFT JOIN acts a ON a.contract = k.contract AND a.seat_id = k.seat_id AND a.activity_date = d::date
        LEFT JOIN salesnav.seats s ON s.contract = k.contract AND s.seat_id = k.seat_id AND s.snapshot_date = d::date
        GROUP BY k.contract, k.seat_id, d""",
    "seats": """
        SELECT k.contract, k.seat_id, s.first_name, s.last_name, s.first_name || ' ' || s.last_name, s.email, s.seat_status,
          p.lo, p.hi, q.lo, q.hi, q.lo - p.lo, coalesce(q.days, 0), last_act - coalesce(q.hi, p.lo), coalesce(q.days, 0) > 0,
          last_act - coalesce(q.hi, p.lo) >= 28, s.ssi, s.ssi - t.ssi, s.total_connections, s.total_saved_leads
        FROM known k JOIN ends USING (contract)
        LEFT JOIN (SELECT contract, seat_id, min(snapshot_date) AS lo, max(snapshot_date) AS hi FROM salesnav.seats
          GROUP BY ALL) p ON p.contract = k.contract AND p.seat_id = k.seat_id
        LEFT JOIN (SELECT contract, seat_id, min(activity_date) AS lo, max(activity_date) AS hi,
            count(DISTINCT activity_date) FILTER (activity_date > last_act - 28) AS days
          FROM acts JOIN ends USING (contract) GROUP BY ALL) q ON q.contract = k.contract AND q.seat_id = k.seat_id
        LEFT JOIN salesnav.seats s ON s.contract = k.contract AND s.seat_id = k.seat_id AND s.snapshot_date = p.hi
        LEFT JOIN salesnav.seats t ON t.contract = k.contract AND t.seat_id = k.seat_id AND t.snapshot_date = p.hi - 28""",
    "adoption_weekly": """
        SELECT contract, week, seats, act, new, act - new - kept, before - kept, act / seats, mau,
          CASE WHEN mau > 0 THEN act / mau END, CASE WHEN act > 0 THEN workdays / act END,
          CASE WHEN week > min(week) OVER (PARTITION BY contract) THEN act - before END
        FROM (SELECT contract, week,
          (SELECT count(*) FROM known k WHERE k.contract = w.contract AND first_day < week + 7) AS seats,
          (SELECT count(DISTINCT seat_id) FROM acts a WHERE a.contract = w.contract
            AND activity_date >= week AND activity_date < week + 7) AS act,
          (SELECT count(*) FROM (SELECT contract, seat_id, min(activity_date) AS f FROM acts GROUP BY ALL) a
            WHERE a.contract = w.contract AND f >= week AND f < week + 7) AS new,
          (SELECT count(DISTINCT a.seat_id) FROM acts a JOIN acts b USING (contract, seat_id) WHERE a.contract = w.contract
            AND a.activity_date >= week AND a.activity_date < week + 7
            AND b.activity_date >= week - 7 AND b.activity_date < week) AS kept,
          (SELECT count(DISTINCT seat_id) FROM acts a WHERE a.contract = w.contract
            AND activity_date >= week - 7 AND activity_date < week) AS before,
          (SELECT count(DISTINCT seat_id) FROM acts a WHERE a.contract = w.contract
            AND activity_date > week + 6 - 28 AND activity_date <= week + 6) AS mau,
          (SELECT count(DISTINCT (seat_id, activity_date)) FROM acts a WHERE a.contract = w.contract
            AND activity_date >= week AND activity_date < week + 5) AS workdays
        FROM weeks w)""",
    "adoption_cohorts": """
        WITH firsts AS (SELECT contract, seat_id, date_trunc('week', min(activity_date))::date AS c FROM acts GROUP BY ALL)
        SELECT contract, c, (week - c) // 7, n, act, act / n FROM (
          SELECT f.contract, f.c, w.week, count(DISTINCT f.seat_id) AS n, count(DISTINCT a.seat_id) AS act
          FROM firsts f JOIN weeks w ON w.contract = f.contract AND w.week >= f.c
          LEFT JOIN acts a ON a.contract = f.contract AND a.seat_id = f.seat_id
            AND date_trunc('week', a.activity_date)::date = w.week GROUP BY ALL)""",
    "funnel_weekly": """
        SELECT contract, seat_id, date_trunc('week', activity_date)::date AS w, count(*) FILTER (g = 'search'),
          count(*) FILTER (g = 'profile_view'), count(*) FILTER (g = 'save_lead'), count(*) FILTER (g = 'inmail'),
          count(*) FILTER (activity_id IN (
            SELECT activity_id FROM mails m WHERE m.contract = acts.contract AND og = 'accepted')),
          count(*) FILTER (g = 'connection'), rank() OVER (PARTITION BY contract, w ORDER BY count(*) DESC)
        FROM acts GROUP BY contract, seat_id, w""",
    "inmails": """
        SELECT contract, activity_id, seat_id, created_at, (created_at AT TIME ZONE 'UTC')::date,
          hour(created_at AT TIME ZONE 'UTC'), isodow(created_at AT TIME ZONE 'UTC'), og, ot, oat,
          (epoch(oat) - epoch(created_at)) / 3600, mature FROM mails""",
    "inmail_cohorts": """
        SELECT contract, seat_id, date_trunc('week', activity_date)::date AS w, count(*), count(*) FILTER (og = 'accepted'),
          count(*) FILTER (og = 'declined'), count(*) FILTER (og = 'other'), count(*) FILTER (og = 'none'),
          count(*) FILTER (mature), count(*) FILTER (mature AND og = 'accepted'),
          avg((og = 'accepted')::int) FILTER (mature), avg((og IN ('accepted', 'declined'))::int) FILTER (mature)
        FROM mails GROUP BY contract, seat_id, w""",
    "ssi_daily": "SELECT a.contract, a.seat_id, a.snapshot_date, {scores}, {changes},"
    " (SELECT avg(ssi) FROM salesnav.seats m WHERE m.contract = a.contract AND m.snapshot_date = a.snapshot_date)"
    " FROM salesnav.seats a WHERE a.ssi IS NOT NULL".format(
        scores=", ".join(SCORES),
        changes=", ".join(
            f"{score} - (SELECT {score} FROM salesnav.seats b WHERE b.contract = a.contract AND b.seat_id = a.seat_id"
            f" AND b.snapshot_date = a.snapshot_date - {days})"
            for score in SCORES
            for days in (7, 28, 90)
        ),
    ),
    "contract_overview": """
        SELECT contract, name,
          (SELECT count(*) FROM known k WHERE k.contract = c.contract),
          (SELECT count(DISTINCT seat_id) FROM acts JOIN ends e USING (contract)
            WHERE contract = c.contract AND activity_date > last_act - 28),
          (SELECT count(*) FROM known k JOIN ends e USING (contract) WHERE contract = c.contract AND last_act - first_day >= 28
            AND NOT EXISTS (FROM acts a WHERE a.contract = k.contract AND a.seat_id = k.seat_id
              AND activity_date > last_act - 28)),
          (SELECT avg((og = 'accepted')::int) FROM mails m WHERE mature AND m.contract = c.contract),
          (SELECT avg(ssi) FROM salesnav.seats s WHERE s.contract = c.contract AND snapshot_date = (
            SELECT max(snapshot_date) FROM salesnav.seats t WHERE t.contract = c.contract AND t.ssi IS NOT NULL)),
          NULL, NULL, NULL, NULL
        FROM salesnav.contracts c""",
    "export_coverage": """
        WITH spans AS (SELECT contract, min(window_start) AS lo, max(window_end) AS hi FROM salesnav.export_jobs GROUP BY ALL)
        SELECT contract, export, d::date, CASE WHEN loaded THEN 'loaded' WHEN last_status LIKE '%DELAY%' THEN 'open'
          WHEN last_status IS NULL THEN 'open' ELSE 'failed' END, read_at, coalesce(rejected, 0)
        FROM (SELECT x.contract, x.export, d, coalesce(bool_or(error IS NULL) FILTER (job_id IS NOT NULL), false) AS loaded,
            arg_max(status, completed_at) AS last_status, max(completed_at) FILTER (error IS NULL) AS read_at,
            arg_max(rows_rejected, ((error IS NULL)::int, completed_at)) AS rejected
          FROM (SELECT DISTINCT contract, export FROM salesnav.export_jobs) x JOIN spans USING (contract)
          CROSS JOIN LATERAL (SELECT unnest(generate_series(lo::timestamp, hi::timestamp, INTERVAL 1 DAY)) AS d) days
          LEFT JOIN salesnav.export_jobs j ON j.contract = x.contract AND j.export = x.export
            AND d::date BETWEEN window_start AND window_end GROUP BY ALL)""",
}


def query(mart: str) -> str:
    """Returns the query of a mart's rows."""
    body = MARTS[mart].strip()
    return BASE + (", " + body[len("WITH ") :] if body.startswith("WITH ") else body)
