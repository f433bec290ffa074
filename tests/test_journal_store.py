"""The store of the journal by itself, in a folder and on an S3 server: one worker at a time, and nothing lost."""

import contextlib
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import fsspec
import pytest
from emulators import servers
from emulators.faulty import TFault, Way, way_to
from fsspec.implementations.local import LocalFileSystem

from salesnav_source.exceptions import (
    ConfigurationError,
    JournalError,
    JournalUnreachableError,
    LeaseLostError,
    PipelineBusyError,
)
from salesnav_source.jobs.journal import JournalStore, StoredJournal, TContent, bucket
from salesnav_source.jobs.journal import lease as journal_store

PIPELINE = "salesnav_to_duckdb"
ONE_JOB: TContent = {"jobs": [[1]], "records": [], "loads": [], "verified": []}
EMPTY: TContent = {"jobs": [], "records": [], "loads": [], "verified": [["w", "l", "k"]]}


class Time:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def pass_lease(self) -> None:
        self.now += journal_store.LEASE_SECONDS + 1


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(journal_store, "_now", lambda: time.now)
    # the thread that gives signs of life sleeps by the machine's clock, and would wake up while others watch
    monkeypatch.setattr(JournalStore, "_renew", lambda store: None)
    # while a worker watches another, time passes
    monkeypatch.setattr(journal_store.time, "sleep", lambda seconds: setattr(time, "now", time.now + 10))
    return time


@pytest.fixture(params=["folder", "s3", "gcs", "azure"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    kind = request.param
    if kind == "folder":
        return str(tmp_path / "journal")
    port = request.getfixturevalue(kind)
    for name, value in servers.bucket_environment(kind, port).items():
        monkeypatch.setenv(name, value)
    return f"{servers.make_bucket(kind, port, f'b{uuid.uuid4().hex}')}/journal"


@pytest.fixture
def make(url: str) -> Iterator[Callable[[], JournalStore]]:
    made: list[JournalStore] = []

    def store() -> JournalStore:
        made.append(JournalStore(url, PIPELINE))
        return made[-1]

    yield store
    for one in made:
        one._ended.set()


TMake = Callable[[], JournalStore]


def go_on(stored: StoredJournal | None) -> TContent:
    return stored.content if stored else {}


def held(make: TMake, content: TContent | None = None, ended: set[str] | None = None) -> JournalStore:
    store = make()
    store.acquire(ended or set(), go_on)
    if content is not None:
        store.save(lambda: content)
    return store


def objects(store: JournalStore) -> int:
    return len(store._bucket.numbers())


def test_what_one_worker_leaves_the_next_one_finds(make: TMake, time: Time) -> None:
    held(make, ONE_JOB).release()
    second = make()
    found: list[StoredJournal | None] = []
    second.acquire(set(), lambda stored: (found.append(stored), go_on(stored))[1])
    assert [stored.content for stored in found if stored] == [ONE_JOB]
    assert objects(second) == 1


def test_nothing_is_left_where_nothing_is_in_flight(make: TMake, time: Time) -> None:
    store = held(make, ONE_JOB)
    store.save(lambda: EMPTY)
    store.release()
    assert objects(store) == 0
    assert make().peek() is None


def test_while_one_works_another_is_told_who_does(make: TMake, time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    first = held(make, ONE_JOB)

    def sleep(seconds: float) -> None:
        time.now += 10
        first.save(lambda: ONE_JOB)

    monkeypatch.setattr(journal_store.time, "sleep", sleep)
    with pytest.raises(PipelineBusyError, match=r"process \d+ on .*, since .* UTC \(it has leased the journal at"):
        held(make)
    first.require_surely()


def test_one_that_gives_no_sign_of_life_is_taken_over_and_writes_nothing_more(make: TMake, time: Time) -> None:
    first = held(make, ONE_JOB)
    second = held(make)
    assert second._content == ONE_JOB
    second.save(lambda: {"jobs": [[2]]})
    for _ in range(2):
        with pytest.raises(LeaseLostError, match=f"Another worker has taken over pipeline {PIPELINE}"):
            first.save(lambda: EMPTY)
    for step in (first.require, first.require_surely):
        with pytest.raises(LeaseLostError):
            step()
    first.release()
    stored = second.peek()
    assert stored is not None and stored.content == {"jobs": [[2]]}
    second.require_surely()


@pytest.mark.parametrize("step", ["save", "require", "require_surely"])
def test_one_that_wakes_up_when_its_follower_has_ended_does_nothing_either(make: TMake, time: Time, step: str) -> None:
    first = held(make, ONE_JOB)
    second = held(make)
    second.save(lambda: EMPTY)
    second.release()
    time.pass_lease()
    with pytest.raises(LeaseLostError):
        first.save(lambda: ONE_JOB) if step == "save" else getattr(first, step)()
    assert objects(first) == 0


def test_one_that_stood_still_and_was_not_followed_goes_on(make: TMake, time: Time) -> None:
    first = held(make, ONE_JOB)
    time.pass_lease()
    first.require_surely()
    first.save(lambda: EMPTY)
    first.release()
    assert objects(first) == 0


def test_one_that_is_followed_while_it_looks_whether_it_is_does_nothing_more(make: TMake, time: Time) -> None:
    first, followers = held(make, ONE_JOB), list[JournalStore]()
    remove = first._remove_older

    def slow() -> None:
        remove()
        if not followers:
            followers.append(held(make))

    first._remove_older = slow  # type: ignore[method-assign]
    with pytest.raises(LeaseLostError):
        first.require(at_once=True)


def test_a_write_that_was_given_up_and_comes_late_is_removed_at_the_end(make: TMake, time: Time) -> None:
    store = held(make, ONE_JOB)
    store._bucket.create(1, b"{}")
    store.save(lambda: EMPTY)
    store.release()
    assert objects(store) == 0


def test_a_hold_that_is_known_to_have_ended_is_followed_at_once(make: TMake, time: Time) -> None:
    first = held(make, ONE_JOB)
    before = time.now
    second = held(make, ended={first.holder})
    assert time.now == before and second._content == ONE_JOB


def test_one_that_looked_before_another_followed_and_ended_does_not_begin_with_old_news(
    make: TMake, time: Time
) -> None:
    held(make, ONE_JOB).release()
    late, quick = make(), make()
    look = late._wait_for_turn

    def slow(ended: Any) -> StoredJournal | None:
        found = look(ended)
        quick.acquire(set(), go_on)
        quick.save(lambda: EMPTY)
        quick.release()
        return found

    late._wait_for_turn = slow  # type: ignore[method-assign]
    with pytest.raises(PipelineBusyError):
        late.acquire(set(), go_on)
    assert objects(late) == 0


def test_one_that_stood_still_at_its_first_write_while_another_worked_does_not_blame_the_store(
    make: TMake, time: Time
) -> None:
    late, quick = make(), make()
    create = late._create

    def slow(released: bool) -> None:
        create(released)
        quick.acquire(set(), go_on)
        quick.save(lambda: EMPTY)
        quick.release()

    late._create = slow  # type: ignore[method-assign]
    with pytest.raises(PipelineBusyError, match=f"Another run of pipeline {PIPELINE} is at work"):
        late.acquire(set(), go_on)
    assert objects(late) == 0


def test_of_many_that_begin_at_once_one_works(make: TMake, time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    stores = [make() for _ in range(8)]
    barrier = threading.Barrier(len(stores))

    def begin(store: JournalStore) -> bool:
        barrier.wait()
        with contextlib.suppress(PipelineBusyError):
            store.acquire(set(), go_on)
            return True
        return False

    passing = threading.Lock()

    def sleep(seconds: float) -> None:
        # two threads at once would let time run back otherwise
        with passing:
            time.now += 1

    # nobody gives a sign of life here, so that who is late has to find out by itself
    monkeypatch.setattr(journal_store.time, "sleep", sleep)
    with ThreadPoolExecutor(len(stores)) as pool:
        began = list(pool.map(begin, stores))
    working = []
    for store in [store for store, has in zip(stores, began) if has]:
        with contextlib.suppress(LeaseLostError):
            store.require(at_once=True)
            working.append(store)
    # of those that stood still for long in their first steps each may leave it to another, whose next run works
    assert len(working) <= 1
    for store in stores:
        store.release()
    held(make)


def test_who_begins_late_where_another_is_ahead_leaves_it_alone(make: TMake, time: Time) -> None:
    late, early = make(), make()
    create = late._create

    def after_the_other(released: bool) -> None:
        early.acquire(set(), go_on)
        early.save(lambda: ONE_JOB, must=True)
        create(released)

    late._create = after_the_other  # type: ignore[method-assign]
    with pytest.raises(PipelineBusyError, match=f"Another run of pipeline {PIPELINE} is at work"):
        late.acquire(set(), go_on)
    early.save(lambda: ONE_JOB, must=True)
    assert objects(early) == 1


def test_of_many_that_write_the_same_object_at_once_one_does(make: TMake) -> None:
    stores = [make() for _ in range(8)]
    barrier = threading.Barrier(len(stores))

    def put(store: JournalStore) -> bool:
        barrier.wait()
        return store._bucket.create(1, b"{}")

    with ThreadPoolExecutor(len(stores)) as pool:
        for _ in range(20):
            assert sum(pool.map(put, stores)) == 1
            stores[0]._bucket.remove(1)


class LooksFirst(fsspec.AbstractFileSystem):  # type: ignore[misc]
    """A store that has nothing of its own to create a file only if it is absent, as FTP."""

    protocol = "looks-first"


def test_a_place_where_fsspec_looks_first_and_writes_then_is_refused() -> None:
    fsspec.register_implementation("looks-first", LooksFirst, clobber=True)
    with pytest.raises(ConfigurationError, match="cannot keep two workers apart"):
        JournalStore("looks-first://journal", PIPELINE)


def test_a_write_whose_answer_was_lost_counts(make: TMake, time: Time) -> None:
    store = held(make)
    create = store._bucket._create_file

    def lose(*args: Any) -> None:
        create(*args)
        store._bucket._create_file = create  # type: ignore[method-assign]
        raise OSError("the answer was lost")

    store._bucket._create_file = lose  # type: ignore[method-assign]
    with pytest.raises(JournalUnreachableError, match="out of reach: the answer was lost"):
        store.save(lambda: ONE_JOB, must=True)
    store.save(lambda: ONE_JOB, must=True)
    stored = make().peek()
    assert stored is not None and stored.content == ONE_JOB and objects(store) == 1


def test_an_outage_prevents_what_must_be_written_and_puts_off_the_rest(make: TMake, time: Time) -> None:
    store = held(make, EMPTY)
    good = store._bucket._fs

    class Gone:
        def __getattr__(self, name: str) -> Any:
            raise OSError("no route to the store")

    store._bucket._fs = Gone()
    with pytest.raises(JournalUnreachableError, match="no route to the store"):
        store.save(lambda: ONE_JOB, must=True)
    store.save(lambda: ONE_JOB)
    time.pass_lease()
    store.require()
    store.require(at_once=True)
    with pytest.raises(JournalUnreachableError):
        store.require_surely()
    store._bucket._fs = good
    time.pass_lease()
    store.require(at_once=True)
    stored = make().peek()
    assert stored is not None and stored.content == ONE_JOB
    assert store.note is not None and "out of reach for a while" in store.note


def test_a_store_that_cannot_be_reached_at_the_start_is_said(make: TMake, time: Time) -> None:
    store = make()
    store._bucket._fs = None
    with pytest.raises(JournalError, match=r"out of reach: .* Nothing was asked of LinkedIn"):
        store.acquire(set(), go_on)


@pytest.fixture
def way(s3: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Way]:
    # between its own tries botocore waits a second or two
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *args: 0.0)
    with way_to(s3) as way:
        for name, value in servers.s3_environment(way.port).items():
            monkeypatch.setenv(name, value)
        yield way


@pytest.fixture
def over_the_way(way: Way) -> Iterator[TMake]:
    bucket = f"b{uuid.uuid4().hex}"
    fsspec.filesystem("s3", skip_instance_cache=True).mkdir(bucket)
    with contextlib.ExitStack() as ended:

        def store() -> JournalStore:
            made = JournalStore(f"s3://{bucket}/journal", PIPELINE)
            ended.callback(made._ended.set)
            return made

        yield store


FAULTS: list[tuple[str, TFault, int, bool]] = [
    ("PUT", "409 ConditionalRequestConflict", 2, False),
    ("PUT", "503 SlowDown", 2, False),
    ("PUT", "500 InternalError", 1, True),
    ("PUT", "500 InternalError", 2, True),
    ("PUT", "cut off", 1, False),
    ("PUT", "cut off", 1, True),
    ("GET", "503 SlowDown", 2, False),
    ("GET", "cut off", 1, False),
    ("DELETE", "503 SlowDown", 4, False),
    ("DELETE", "500 InternalError", 1, True),
    ("DELETE", "cut off", 1, True),
]
"""A method, what is answered, how often, and whether the request is taken all the same."""


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: "{} {}, {} times, taken: {}".format(*fault))
def test_what_s3_answers_now_and_then_holds_nothing_up(
    way: Way, over_the_way: TMake, time: Time, fault: tuple[str, TFault, int, bool]
) -> None:
    def spoil() -> None:
        way.mend()
        way.spoil(*fault)

    spoil()
    first = held(over_the_way)
    spoil()
    first.save(lambda: ONE_JOB, must=True)
    spoil()
    first.require_surely()
    first.require(at_once=True)
    spoil()
    first.release()
    spoil()
    second = held(over_the_way)
    assert second._content == ONE_JOB
    spoil()
    second.save(lambda: EMPTY)
    way.mend()
    second.release()
    assert first.note is second.note is None
    assert objects(second) == 0


@pytest.mark.parametrize("fault", ["409 ConditionalRequestConflict", "503 SlowDown", "500 InternalError", "cut off"])
def test_what_s3_goes_on_to_answer_is_an_outage(way: Way, over_the_way: TMake, time: Time, fault: TFault) -> None:
    store = held(over_the_way, EMPTY)
    way.spoil("PUT", fault, times=100)
    with pytest.raises(JournalUnreachableError, match="is out of reach"):
        store.save(lambda: ONE_JOB, must=True)
    other = over_the_way()
    with pytest.raises(JournalError, match=r"is out of reach: .* Nothing was asked of LinkedIn"):
        other.acquire({store.holder}, go_on)
    way.mend()
    store.save(lambda: ONE_JOB, must=True)
    store.release()
    stored = store.peek()
    assert stored is not None and stored.content == ONE_JOB and objects(store) == 1


@pytest.mark.parametrize("kind", servers.BUCKETS)
def test_a_server_that_takes_the_connection_and_says_nothing_is_an_outage(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheme, _, module = servers.BUCKETS[kind]
    pytest.importorskip(module)
    monkeypatch.setattr(bucket, "ANSWER_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for name, value in servers.bucket_environment(kind, silent.getsockname()[1]).items():
            monkeypatch.setenv(name, value)
        store = JournalStore(f"{scheme}://bucket/journal", PIPELINE)
        # the client's own timeouts do not bound a PUT
        with pytest.raises(JournalUnreachableError, match=r"is out of reach: no answer for 0\.5 s\."):
            store.save(lambda: ONE_JOB, must=True)


def test_a_server_that_does_not_say_which_condition_failed_keeps_two_workers_apart(
    way: Way, over_the_way: TMake, time: Time
) -> None:
    way.bare = True
    first = held(over_the_way, ONE_JOB)
    second = held(over_the_way)
    with pytest.raises(LeaseLostError):
        first.save(lambda: EMPTY)
    second.release()


def test_several_pipelines_share_a_place(url: str, time: Time) -> None:
    names = ("one", "one.000000000001", "one_more")
    stores = [JournalStore(url, name) for name in names]
    for store in stores:
        store.acquire(set(), go_on)
    assert [objects(store) for store in stores] == [1, 1, 1]
    for store in stores:
        store.release()
        assert objects(store) == 0


def test_a_file_that_is_cut_short_is_passed_over(tmp_path: Path, time: Time) -> None:
    store = JournalStore(str(tmp_path), PIPELINE)
    store.acquire(set(), go_on)
    store.save(lambda: ONE_JOB)
    store._ended.set()
    Path(store._bucket.path(store._number + 1)).write_bytes(b'{"holder": "x", "jo')
    second = JournalStore(str(tmp_path), PIPELINE)
    second.acquire(set(), go_on)
    assert second._content == ONE_JOB and objects(second) == 1
    second.release()


class Heedless(LocalFileSystem):
    """A store that overwrites what it should create only if it is absent."""

    protocol = "heedless"

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **options: Any) -> None:
        super().pipe_file(path, value, mode="overwrite", **options)

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(path.removeprefix("heedless://")))


def test_a_store_that_does_not_keep_the_condition_is_refused(tmp_path: Path, time: Time) -> None:
    fsspec.register_implementation("heedless", Heedless, clobber=True)
    store = JournalStore(f"heedless://{tmp_path}", PIPELINE)
    with pytest.raises(ConfigurationError, match="cannot keep two workers apart"):
        store.acquire(set(), go_on)
    assert objects(store) == 0


def test_a_kind_of_place_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="journal_url = 'nonsense://somewhere' is not a folder or bucket"):
        JournalStore("nonsense://somewhere", PIPELINE)
