"""Jobs in flight, and records of jobs that no load has written yet. Both survive a crash.

`journal` has what is noted, and `database` is its SQLite file. With `journal_url`, a folder or a bucket has a copy: `lease`
decides which worker may write it, and `bucket` creates, lists, reads and removes its objects.
"""

from salesnav_source.jobs.journal.database import TContent
from salesnav_source.jobs.journal.journal import JobInFlight, Journal, LoadOutcome, peek
from salesnav_source.jobs.journal.lease import JournalStore, StoredJournal

__all__ = ["JobInFlight", "Journal", "JournalStore", "LoadOutcome", "StoredJournal", "TContent", "peek"]
