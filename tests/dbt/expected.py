"""What the marts must hold, by SQL of its own over the raw tables, in DuckDB's dialect and another style than the models'."""

ENUM = """
CASE activity_type WHEN 'SEARCH_PERFORMED' THEN 'search' WHEN 'PROFILE_VIEWED' THEN 'profile_view'
 WHEN 'PROFILE_VIEW' THEN 'profile_view'
 WHEN 'SAVED_LEAD' THEN 'save_lead' WHEN 'SAVED_ACCOUNT' THEN 'save_account' WHEN 'INMAIL_SENT' THEN 'inmail'
 WHEN 'MESSAGE_SENT' THEN 'message' WHEN 'CONNECTION_MADE' THEN 'connection' ELSE 'other' END
"""

SCORES = ("ssi", "ssi_brand", "ssi_find", "ssi_engage", "ssi_build")

COUNTS = ("searches", "profile_views", "leads_saved", "accounts_saved", "inmails_sent", "messages_sent")
GROUPS = ("search", "profile_view", "save_lead", "save_account", "inmail", "message")
COUNTED = ", ".join(f"count(*) FILTER (g = '{group}') AS {name}" for name, group in zip(COUNTS, GROUPS, strict=True))
COUNTED += ", count(*) FILTER (g = 'connection') AS connections_made, count(*) FILTER (g = 'other') AS other_activities"
COUNTED += ", count(*) AS activities, count(DISTINCT activity_date) AS active_days"
ALL_COUNTS = (*COUNTS, "connections_made", "other_activities")


def wilson(part: str, whole: str) -> str:
    """Returns both ends of the interval, as the textbooks have it: the centre, less and plus its half width."""
    share, square = f"({part} / {whole})", "1.96 ^ 2"
    centre = f"({share} + {square} / (2 * {whole})) / (1 + {square} / {whole})"
    half = f"1.96 / (1 + {square} / {whole}) * sqrt({share} * (1 - {share}) / {whole} + {square} / (4 * {whole} ^ 2))"
    return ", ".join(
        f"CASE WHEN {whole} > 0 THEN {bound}({centre} {sign} {half}, {limit}) END"
        for bound, sign, limit in (("greatest", "-", 0), ("least", "+", 1))
    )


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
firsts AS (SELECT contract, min(d) AS first_act FROM (
    SELECT contract, window_start AS d FROM salesnav.export_jobs WHERE export = 'activities' AND error IS NULL
    UNION ALL SELECT contract, activity_date FROM acts) GROUP BY ALL),
told AS (SELECT *, lower(trim(first_name || ' ' || last_name)) AS who, lower(email) AS mail FROM salesnav.seats),
-- the names of this world are never missing
turns AS (SELECT *, (who <> lag(who) OVER w AND mail <> lag(mail) OVER w) IS TRUE AS turn FROM told
  WINDOW w AS (PARTITION BY contract, seat_id ORDER BY snapshot_date)),
stretches AS (SELECT *, 1 + sum(turn::int) OVER (PARTITION BY contract, seat_id ORDER BY snapshot_date) AS n FROM turns),
begun AS (SELECT k.contract, k.seat_id, coalesce(n, 1)::bigint AS n,
    min(CASE WHEN coalesce(n, 1) = 1 THEN k.first_day ELSE snapshot_date END) AS lo,
    min(snapshot_date) AS s_lo, max(snapshot_date) AS s_hi,
    arg_max(first_name, snapshot_date) AS first_name, arg_max(last_name, snapshot_date) AS last_name,
    arg_max(email, snapshot_date) AS email, bool_or(ssi IS NOT NULL OR total_connections IS NOT NULL) AS figures
  FROM known k LEFT JOIN stretches s ON s.contract = k.contract AND s.seat_id = k.seat_id GROUP BY ALL),
people AS (SELECT b.*, coalesce(lead(lo) OVER w - 1, e.last_day) AS hi, lead(lo) OVER w IS NULL AS present,
    coalesce(n > 1 OR first_value(s_lo) OVER w > min(s_lo) OVER (PARTITION BY b.contract), false) AS since_known
  FROM begun b JOIN ends e USING (contract) WINDOW w AS (PARTITION BY b.contract, b.seat_id ORDER BY n)),
deeds AS (SELECT a.*, p.n FROM acts a JOIN people p
  ON p.contract = a.contract AND p.seat_id = a.seat_id AND a.activity_date BETWEEN p.lo AND p.hi),
scores AS (SELECT s.*, p.n FROM salesnav.seats s JOIN people p
  ON p.contract = s.contract AND p.seat_id = s.seat_id AND s.snapshot_date BETWEEN p.lo AND p.hi WHERE s.ssi IS NOT NULL),
weeks AS (
  SELECT contract, unnest(generate_series(
    date_trunc('week', (SELECT min(first_day) FROM known k WHERE k.contract = e.contract)),
    last_act - 6, INTERVAL 7 DAY))::date AS week FROM ends e),
first_out AS (
  SELECT contract, activity_id, arg_min(struct_pack(t := activity_type, at := created_at),
    (coalesce(epoch_us(created_at), 9000000000000000000), activity_type)) AS o FROM salesnav.activity_outcomes GROUP BY ALL),
coverage AS (
  SELECT contract, export, d::date AS day, CASE WHEN loaded THEN 'loaded' WHEN last_status LIKE '%DELAY%' THEN 'open'
      WHEN last_status IS NULL THEN 'open' ELSE 'failed' END AS state, read_at, coalesce(rejected, 0) AS rejected,
    CASE export WHEN 'seats' THEN (SELECT count(*) FROM salesnav.seats s WHERE s.contract = q.contract AND snapshot_date = d::date)
      WHEN 'activities' THEN (SELECT count(*) FROM acts a WHERE a.contract = q.contract AND activity_date = d::date)
      ELSE (SELECT count(*) FROM salesnav.activity_outcomes o WHERE o.contract = q.contract
        AND (created_at AT TIME ZONE 'UTC')::date = d::date) END AS held
  FROM (SELECT x.contract, x.export, d, coalesce(bool_or(error IS NULL) FILTER (job_id IS NOT NULL), false) AS loaded,
      arg_max(status, completed_at) AS last_status, max(completed_at) FILTER (error IS NULL) AS read_at,
      arg_max(rows_rejected, ((error IS NULL)::int, completed_at)) AS rejected
    FROM (SELECT DISTINCT contract, export FROM salesnav.export_jobs) x
    JOIN (SELECT contract, min(window_start) AS lo, max(window_end) AS hi FROM salesnav.export_jobs GROUP BY ALL) USING (contract)
    CROSS JOIN LATERAL (SELECT unnest(generate_series(lo::timestamp, hi::timestamp, INTERVAL 1 DAY)) AS d) days
    LEFT JOIN salesnav.export_jobs j ON j.contract = x.contract AND j.export = x.export
      AND d::date BETWEEN window_start AND window_end GROUP BY ALL) q),
states AS (
  SELECT contract, export, day, CASE WHEN state = 'loaded' AND held = 0 AND day > first_held AND often THEN 'empty'
    ELSE state END AS state, read_at, rejected, held
  FROM (SELECT *, min(day) FILTER (held > 0) OVER (PARTITION BY contract, export) AS first_held FROM coverage) y
  CROSS JOIN LATERAL (SELECT avg((x.held > 0)::int) >= 0.5 AND (y.export = 'seats' OR avg(x.held) FILTER (x.held > 0) >= 10)
      AS often FROM coverage x WHERE x.contract = y.contract AND x.export = y.export AND x.state = 'loaded'
      AND x.day >= first_held AND (isodow(x.day) < 6) = (isodow(y.day) < 6))),
-- days of which nothing is known, and those of which no more is known than that no rows came
blank AS (SELECT contract, export, day, state <> 'empty' AS lost FROM states WHERE state <> 'loaded' AND held = 0),
mails AS (
  SELECT a.*, o.o.t AS ot, o.o.at AS oat,
    CASE WHEN o.o.t IS NULL THEN 'none' WHEN o.o.t ILIKE '%accept%' THEN 'accepted'
      WHEN o.o.t ILIKE '%declin%' OR o.o.t ILIKE '%reject%' THEN 'declined' ELSE 'other' END AS og,
    coalesce(activity_date + 14 < last_out, false) AND NOT EXISTS (FROM blank b WHERE b.contract = a.contract
      AND export = 'activity_outcomes' AND lost AND day - activity_date BETWEEN 0 AND 14) AS mature
  FROM deeds a JOIN ends USING (contract) LEFT JOIN first_out o USING (contract, activity_id) WHERE g = 'inmail'),
rests AS (SELECT contract, seat_id, n, last_act - since AS days,
    (SELECT count(*) FROM blank b WHERE b.contract = r.contract AND export = 'activities' AND day > since AND day <= last_act) AS blanks,
    EXISTS (FROM blank b WHERE b.contract = r.contract AND export = 'activities' AND lost AND day >= since
      AND last_act - day BETWEEN 0 AND 27) AS veiled
  FROM (SELECT p.*, last_act, coalesce((SELECT max(activity_date) FROM deeds d
      WHERE d.contract = p.contract AND d.seat_id = p.seat_id AND d.n = p.n), greatest(lo, first_act)) AS since
    FROM people p JOIN ends USING (contract) JOIN firsts USING (contract)) r),
holder_weeks AS (SELECT * FROM (
    SELECT contract, seat_id, n, date_trunc('week', activity_date)::date AS week, {COUNTED} FROM deeds GROUP BY ALL)
  FULL JOIN (SELECT contract, seat_id, n, date_trunc('week', snapshot_date)::date AS week, count(*) AS scored,
      {", ".join(f"sum({score}) AS {score}" for score in SCORES)} FROM scores GROUP BY ALL) USING (contract, seat_id, n, week)
  LEFT JOIN (SELECT contract, seat_id, n, date_trunc('week', activity_date)::date AS week,
      count(*) FILTER (og = 'accepted') AS accepted, count(*) FILTER (mature) AS ripe,
      count(*) FILTER (mature AND og = 'accepted') AS ripe_accepted
    FROM mails GROUP BY ALL) USING (contract, seat_id, n, week))
"""

WAIT = """
CASE WHEN NOT EXISTS (FROM blank b WHERE b.contract = p.contract AND export = 'activities' AND lost AND day >= p.lo AND day < q.lo)
  THEN q.lo - p.lo END
"""

LOST = "(SELECT count(*) FROM blank b WHERE b.contract = w.contract AND export = 'activities' AND lost AND day - week BETWEEN {} AND {})"
"""How many days are lost around a Monday."""

MARTS = {
    "activity_daily": "SELECT contract, seat_id, activity_date, activity_type, g, count(*) FROM acts GROUP BY ALL",
    "seat_daily": """
        SELECT k.contract, k.seat_id, d::date, count(a.g),
          count(*) FILTER (g = 'search'), count(*) FILTER (g = 'profile_view'), count(*) FILTER (g = 'save_lead'),
          count(*) FILTER (g = 'save_account'), count(*) FILTER (g = 'inmail'), count(*) FILTER (g = 'message'),
          count(*) FILTER (g = 'connection'), count(*) FILTER (g = 'other'),
          count(a.g) > 0, dayofweek(d) BETWEEN 1 AND 5,
          d::date - (SELECT max(activity_date) FROM acts b
            WHERE b.contract = k.contract AND b.seat_id = k.seat_id AND b.activity_date BETWEEN k.lo AND d::date),
          (SELECT seat_status FROM salesnav.seats z WHERE z.contract = k.contract AND z.seat_id = k.seat_id
            AND z.snapshot_date <= d::date ORDER BY snapshot_date DESC LIMIT 1),
          any_value(s.ssi), any_value(s.ssi_brand), any_value(s.ssi_find), any_value(s.ssi_engage), any_value(s.ssi_build),
          k.n
        FROM people k
        CROSS JOIN LATERAL (
          SELECT unnest(generate_series(k.lo::timestamp, k.hi::timestamp, INTERVAL 1 DAY)) AS d) days
        LEFT JOIN acts a ON a.contract = k.contract AND a.seat_id = k.seat_id AND a.activity_date = d::date
        LEFT JOIN salesnav.seats s ON s.contract = k.contract AND s.seat_id = k.seat_id AND s.snapshot_date = d::date
        GROUP BY k.contract, k.seat_id, k.n, k.lo, d""",
    "seats": f"""
        SELECT p.contract, p.seat_id, p.first_name, p.last_name, p.first_name || ' ' || p.last_name, p.email, s.seat_status,
          z.lo, z.hi, q.lo, q.hi, {WAIT}, coalesce(q.days, 0),
          CASE WHEN NOT veiled THEN rests.days - blanks END AS idle,
          CASE WHEN q.days > 0 THEN true WHEN NOT veiled THEN false END AS active,
          CASE WHEN rests.days < 28 THEN false ELSE idle >= 28 END, s.ssi,
          CASE WHEN z.hi - 28 >= p.lo THEN s.ssi - t.ssi END, s.total_connections, s.total_saved_leads,
          p.n, p.lo, p.since_known, true, q.hi IS NOT NULL OR p.figures,
          CASE WHEN active THEN 'used' WHEN active IS NULL THEN 'unknown' WHEN q.hi IS NOT NULL OR p.figures THEN 'activated' ELSE 'assigned' END,
          false, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, coalesce(q.sent, 0), coalesce(q.saved, 0),
          coalesce(m.ripe, 0), coalesce(m.yes, 0), m.yes / m.ripe, {wilson("m.yes", "m.ripe")}, NULL, NULL
        FROM people p JOIN ends USING (contract) JOIN rests USING (contract, seat_id, n)
        LEFT JOIN (SELECT contract, seat_id, min(snapshot_date) AS lo, max(snapshot_date) AS hi FROM salesnav.seats
          GROUP BY ALL) z ON z.contract = p.contract AND z.seat_id = p.seat_id
        LEFT JOIN (SELECT contract, seat_id, n, min(activity_date) AS lo, max(activity_date) AS hi,
            count(DISTINCT activity_date) FILTER (activity_date > last_act - 28) AS days,
            count(*) FILTER (activity_date > last_act - 28 AND g = 'inmail') AS sent,
            count(*) FILTER (activity_date > last_act - 28 AND g = 'save_lead') AS saved
          FROM deeds JOIN ends USING (contract) GROUP BY ALL) q ON q.contract = p.contract AND q.seat_id = p.seat_id AND q.n = p.n
        LEFT JOIN (SELECT contract, seat_id, n, count(*) AS ripe, count(*) FILTER (og = 'accepted') AS yes
          FROM mails WHERE mature GROUP BY ALL) m ON m.contract = p.contract AND m.seat_id = p.seat_id AND m.n = p.n
        LEFT JOIN salesnav.seats s ON s.contract = p.contract AND s.seat_id = p.seat_id AND s.snapshot_date = z.hi
        LEFT JOIN salesnav.seats t ON t.contract = p.contract AND t.seat_id = p.seat_id AND t.snapshot_date = z.hi - 28
        WHERE p.present""",
    "holders": f"""
        SELECT p.contract, p.seat_id, p.n, p.lo, p.hi, p.present, p.since_known, p.first_name, p.last_name,
          p.first_name || ' ' || p.last_name, p.email, p.s_lo, p.s_hi, q.lo, q.hi, p.hi - p.lo + 1, coalesce(q.days, 0),
          coalesce(q.acts, 0), {WAIT}, false, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
        FROM people p LEFT JOIN (
          SELECT contract, seat_id, n, min(activity_date) AS lo, max(activity_date) AS hi,
            count(DISTINCT activity_date) AS days, count(*) AS acts FROM deeds GROUP BY ALL
        ) q ON q.contract = p.contract AND q.seat_id = p.seat_id AND q.n = p.n""",
    "adoption_weekly": f"""
        SELECT contract, week, seats, act, CASE WHEN known THEN new END,
          CASE WHEN lost_before = 0 THEN act_people - new - kept END,
          CASE WHEN lost_before + lost_now = 0 THEN before_people - kept END,
          act / seats, mau, CASE WHEN mau > 0 THEN act / mau END, CASE WHEN act > 0 THEN workdays / act END,
          CASE WHEN week > min(week) OVER (PARTITION BY contract) THEN act - before END, act_people, known,
          (SELECT count(*) FILTER (state = 'loaded') FROM coverage c WHERE c.contract = r.contract AND export = 'activities'
            AND day BETWEEN week AND week + 6)
        FROM (SELECT contract, week, week >= first_act + 28 AND {LOST.format(-28, -1)} = 0 AS known,
          {LOST.format(-7, -1)} AS lost_before, {LOST.format(0, 6)} AS lost_now,
          (SELECT count(*) FROM known k WHERE k.contract = w.contract AND first_day < week + 7) AS seats,
          (SELECT count(DISTINCT seat_id) FROM acts a WHERE a.contract = w.contract
            AND activity_date >= week AND activity_date < week + 7) AS act,
          (SELECT count(DISTINCT (seat_id, n)) FROM deeds a WHERE a.contract = w.contract
            AND activity_date >= week AND activity_date < week + 7) AS act_people,
          (SELECT count(*) FROM (SELECT contract, seat_id, n, min(activity_date) AS f FROM deeds GROUP BY ALL) a
            WHERE a.contract = w.contract AND f >= week AND f < week + 7) AS new,
          (SELECT count(DISTINCT (a.seat_id, a.n)) FROM deeds a JOIN deeds b USING (contract, seat_id, n) WHERE a.contract = w.contract
            AND a.activity_date >= week AND a.activity_date < week + 7
            AND b.activity_date >= week - 7 AND b.activity_date < week) AS kept,
          (SELECT count(DISTINCT seat_id) FROM acts a WHERE a.contract = w.contract
            AND activity_date >= week - 7 AND activity_date < week) AS before,
          (SELECT count(DISTINCT (seat_id, n)) FROM deeds a WHERE a.contract = w.contract
            AND activity_date >= week - 7 AND activity_date < week) AS before_people,
          (SELECT count(DISTINCT seat_id) FROM acts a WHERE a.contract = w.contract
            AND activity_date > week + 6 - 28 AND activity_date <= week + 6) AS mau,
          (SELECT count(DISTINCT (seat_id, activity_date)) FROM acts a WHERE a.contract = w.contract
            AND activity_date >= week AND activity_date < week + 5) AS workdays
        FROM weeks w JOIN firsts USING (contract)) r""",
    "adoption_cohorts": f"""
        WITH begun_in AS (
          SELECT contract, seat_id, n, date_trunc('week', min(activity_date))::date AS c FROM deeds GROUP BY ALL)
        SELECT contract, c, (week - c) // 7, people, act, act / people, {wilson("act", "(CASE WHEN act IS NOT NULL THEN people END)")},
          c >= first_act + 28 AND NOT EXISTS (FROM blank b WHERE b.contract = r.contract AND export = 'activities' AND lost
            AND c - day BETWEEN 1 AND 28) FROM (
          SELECT contract, c, week, people, CASE WHEN week = c OR {LOST.format(0, 6)} = 0 THEN acting END AS act FROM (
          SELECT f.contract, f.c, w.week, count(DISTINCT (f.seat_id, f.n)) AS people,
            count(DISTINCT (a.seat_id, a.n)) FILTER (a.seat_id IS NOT NULL) AS acting
          FROM begun_in f JOIN weeks w ON w.contract = f.contract AND w.week >= f.c
          LEFT JOIN deeds a ON a.contract = f.contract AND a.seat_id = f.seat_id AND a.n = f.n
            AND date_trunc('week', a.activity_date)::date = w.week GROUP BY ALL) w) r JOIN firsts USING (contract)""",
    "funnel_weekly": """
        SELECT contract, seat_id, week, searches, profile_views, leads_saved, inmails_sent, coalesce(accepted, 0),
          connections_made, rank() OVER (PARTITION BY contract, week ORDER BY activities DESC), n, messages_sent,
          coalesce(ripe, 0), coalesce(ripe_accepted, 0)
        FROM holder_weeks WHERE activities > 0""",
    "inmails": """
        SELECT contract, activity_id, seat_id, created_at, (created_at AT TIME ZONE 'UTC')::date,
          hour(created_at AT TIME ZONE 'UTC'), isodow(created_at AT TIME ZONE 'UTC'), og, ot, oat,
          (epoch(oat) - epoch(created_at)) / 3600, mature, n, (oat AT TIME ZONE 'UTC')::date FROM mails""",
    "inmail_cohorts": f"""
        SELECT *, {wilson("yes", "ripe")}, {wilson("answers", "ripe")} FROM (
          SELECT contract, seat_id, date_trunc('week', activity_date)::date AS w, count(*), count(*) FILTER (og = 'accepted'),
            count(*) FILTER (og = 'declined'), count(*) FILTER (og = 'other'), count(*) FILTER (og = 'none'),
            count(*) FILTER (mature) AS ripe, count(*) FILTER (mature AND og = 'accepted') AS yes,
            avg((og = 'accepted')::int) FILTER (mature), avg((og IN ('accepted', 'declined'))::int) FILTER (mature), n,
            count(*) FILTER (mature AND og IN ('accepted', 'declined')) AS answers
          FROM mails GROUP BY contract, seat_id, n, w)""",
    "ssi_daily": "SELECT a.contract, a.seat_id, a.snapshot_date, {scores}, {changes},"
    " (SELECT avg(ssi) FROM salesnav.seats m WHERE m.contract = a.contract AND m.snapshot_date = a.snapshot_date),"
    " a.n FROM scores a".format(
        scores=", ".join(SCORES),
        changes=", ".join(
            f"{score} - (SELECT {score} FROM scores b WHERE b.contract = a.contract AND b.seat_id = a.seat_id AND b.n = a.n"
            f" AND b.snapshot_date = a.snapshot_date - {days})"
            for score in SCORES
            for days in (7, 28, 90)
        ),
    ),
    "ssi_means": """
        WITH days AS (SELECT contract, unnest(generate_series(min(snapshot_date)::timestamp, max(snapshot_date)::timestamp,
            INTERVAL 1 DAY))::date AS day FROM scores GROUP BY contract),
        per_day AS (SELECT d.contract, d.day, count(ssi) AS seats, {means} FROM days d
          LEFT JOIN scores s ON s.contract = d.contract AND snapshot_date = d.day GROUP BY d.contract, d.day),
        moved AS (SELECT a.contract, a.snapshot_date AS day, {moves}
          FROM scores a GROUP BY a.contract, a.snapshot_date)
        SELECT contract, 'No team', day, seats, {parts}, coalesce(c7, 0), coalesce(c28, 0), coalesce(c90, 0),
          s7, s28, s90, b28, f28, e28, u28,
          seats > 0 AND seats * 10 >= 9 * max(seats) OVER (PARTITION BY contract ORDER BY day
            RANGE BETWEEN INTERVAL 14 DAY PRECEDING AND INTERVAL 14 DAY FOLLOWING)
        FROM per_day LEFT JOIN moved USING (contract, day)""".format(
        means=", ".join(f"avg({score}) AS {score}" for score in SCORES),
        parts=", ".join(SCORES),
        moves=", ".join(
            f"{how}(a.{score} - (SELECT b.{score} FROM scores b WHERE b.contract = a.contract AND b.seat_id = a.seat_id"
            f" AND b.n = a.n AND b.snapshot_date = a.snapshot_date - {days})) AS {name}{days}"
            for how, score, name, spans in (
                ("count", "ssi", "c", (7, 28, 90)),
                ("avg", "ssi", "s", (7, 28, 90)),
                ("avg", "ssi_brand", "b", (28,)),
                ("avg", "ssi_find", "f", (28,)),
                ("avg", "ssi_engage", "e", (28,)),
                ("avg", "ssi_build", "u", (28,)),
            )
            for days in spans
        ),
    ),
    "teams_weekly": f"""
        SELECT w.contract, 'No team', w.week,
          (SELECT count(*) FROM people p WHERE p.contract = w.contract AND w.week + 6 BETWEEN lo AND hi),
          count(DISTINCT seat_id) FILTER (activities > 0), coalesce(sum(activities), 0),
          coalesce(sum(active_days), 0),
          {", ".join(f"coalesce(sum({name}), 0)" for name in ALL_COUNTS)},
          coalesce(sum(ripe), 0) AS r, coalesce(sum(ripe_accepted), 0) AS y, CASE WHEN r > 0 THEN y / r END, {wilson("y", "r")},
          avg(h.ssi / scored), count(scored),
          (SELECT count(*) FILTER (state = 'loaded') FROM coverage c WHERE c.contract = w.contract AND export = 'activities'
            AND day BETWEEN w.week AND w.week + 6)
        FROM weeks w LEFT JOIN holder_weeks h ON h.contract = w.contract AND h.week = w.week GROUP BY w.contract, w.week""",
    "send_times": """
        SELECT contract, CASE grouping(sent_hour) + 2 * grouping(weekday) WHEN 0 THEN 'weekday_hour' WHEN 1 THEN 'weekday'
            ELSE 'hour' END, weekday, sent_hour, count(*) AS sent, count(*) FILTER (og = 'accepted') AS yes,
          count(*) FILTER (og IN ('accepted', 'declined')) AS answers, sent >= 20, {}
        FROM (SELECT *, isodow(created_at AT TIME ZONE 'UTC') AS weekday, hour(created_at AT TIME ZONE 'UTC') AS sent_hour
          FROM mails WHERE mature)
        GROUP BY GROUPING SETS ((contract, weekday), (contract, sent_hour), (contract, weekday, sent_hour))""".format(
        ", ".join(
            f"CASE WHEN sent >= 20 THEN {part} / sent END, {wilson(part, '(CASE WHEN sent >= 20 THEN sent END)')}"
            for part in ("yes", "answers")
        )
    ),
    "leads": """
        WITH nobody AS (SELECT contract, mode(member_identity_key) AS k FROM acts WHERE g = 'search' GROUP BY contract),
        work AS (SELECT * FROM acts WHERE g IN ('save_lead', 'inmail', 'message', 'connection') AND member_identity_key NOT NULL
          AND (contract, member_identity_key) NOT IN (SELECT (contract, k) FROM nobody WHERE k NOT NULL))
        SELECT contract, member_identity_key, bool_or(g = 'save_lead'), min(activity_date) FILTER (g = 'save_lead'),
          max(activity_date) FILTER (g = 'save_lead') AS saved, count(*) FILTER (g = 'save_lead') AS saves,
          bool_or(g <> 'save_lead'), min(activity_date) FILTER (g <> 'save_lead'), max(activity_date) FILTER (g <> 'save_lead'),
          count(*) FILTER (g <> 'save_lead') AS contacts, any_value(last_act) - saved, saves > 0 AND contacts = 0,
          count(DISTINCT seat_id) AS seats, count(DISTINCT seat_id) FILTER (activity_date > last_act - 28), seats > 1,
          arg_min(seat_id, (activity_date, seat_id)), arg_max(seat_id, (activity_date, seat_id)),
          arg_max(seat_id, (activity_date, -seat_id)) FILTER (g = 'save_lead'), max(activity_date)
        FROM work JOIN ends USING (contract) GROUP BY contract, member_identity_key""",
    "contract_overview": f"""
        SELECT contract, name, seats, CASE WHEN told THEN active END AS used, CASE WHEN told THEN idle END, yes / nullif(ripe, 0), ssi_mean, NULL, NULL, NULL, NULL, has_reporting_access, 28, 14, NULL,
          seats, CASE WHEN told THEN activated END, used, seats, 0, handed_on, 0, seats, ripe, yes, {wilson("yes", "ripe")}, scored,
          NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, unknown
        FROM (SELECT contract, name, has_reporting_access, contract IN (SELECT contract FROM firsts) AS told,
          (SELECT count(*) FROM known k WHERE k.contract = c.contract) AS seats,
          (SELECT count(DISTINCT seat_id) FROM deeds JOIN ends e USING (contract) JOIN people p USING (contract, seat_id, n)
            WHERE contract = c.contract AND p.present AND activity_date > last_act - 28) AS active,
          (SELECT count(*) FROM rests r WHERE r.contract = c.contract AND NOT veiled AND days - blanks >= 28) AS idle,
          (SELECT count(*) FROM rests r JOIN ends USING (contract) WHERE r.contract = c.contract AND veiled AND NOT EXISTS (
            FROM deeds d WHERE d.contract = r.contract AND d.seat_id = r.seat_id AND d.n = r.n
              AND activity_date > last_act - 28)) AS unknown,
          (SELECT count(*) FROM people p WHERE p.contract = c.contract AND present AND (figures OR EXISTS (
            FROM deeds a WHERE a.contract = p.contract AND a.seat_id = p.seat_id AND a.n = p.n))) AS activated,
          (SELECT count(*) FROM people p WHERE p.contract = c.contract AND present AND n > 1) AS handed_on,
          (SELECT count(*) FROM mails m WHERE mature AND m.contract = c.contract) AS ripe,
          (SELECT count(*) FROM mails m WHERE mature AND og = 'accepted' AND m.contract = c.contract) AS yes,
          (SELECT avg(ssi) FROM salesnav.seats s WHERE s.contract = c.contract AND snapshot_date = (
            SELECT max(snapshot_date) FROM salesnav.seats t WHERE t.contract = c.contract AND t.ssi IS NOT NULL)) AS ssi_mean,
          (SELECT count(ssi) FROM salesnav.seats s WHERE s.contract = c.contract AND snapshot_date = (
            SELECT max(snapshot_date) FROM salesnav.seats t WHERE t.contract = c.contract AND t.ssi IS NOT NULL)) AS scored
        FROM salesnav.contracts c)""",
    "export_coverage": "SELECT * FROM states",
}
"""The marts of which each row is computed anew; `salesnav__contract_terms` is empty without terms."""


def query(mart: str) -> str:
    """Returns the query of a mart's rows."""
    body = MARTS[mart].strip()
    return BASE + (", " + body[len("WITH ") :] if body.startswith("WITH ") else body)
