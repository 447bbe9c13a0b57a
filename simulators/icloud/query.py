"""Answers records/query and the counts: which records a question selects; it changes nothing."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from simulators.icloud.behaviour import Behaviour
from simulators.icloud.indexes import CONTAINER, CONTAINER_BY_POSITION, COUNT_NAMES, LISTS, Indexes
from simulators.icloud.photo_records import ROOT_FOLDERS, relation_name
from simulators.icloud.records import Field, Json, Record, int64, string
from simulators.icloud.zone import Zone

PAGE_LIMIT = 200
_ALBUM_PAGE = 198
_CONTAINERS = (CONTAINER, CONTAINER_BY_POSITION)


class BadQuery(ValueError):
    """The question is not one that the Photos container answers."""


@dataclass(frozen=True)
class Question:
    """A query with its EQUALS filters by field name, the page size and the continuation."""

    kind: str
    filters: dict[str, str]
    limit: int
    marker: str = ""

    def number(self, name: str) -> int:
        """Read a filter as a number, 0 when it is absent; raises BadQuery for other text."""
        try:
            return int(self.filters.get(name) or 0)
        except ValueError as error:
            raise BadQuery(f"{name} must be a number") from error


@dataclass(frozen=True)
class Answer:
    """The records of one page, and the marker by which the next is had, empty at the end."""

    records: list[Record]
    marker: str = ""


def parse_question(body: dict[str, Json]) -> Question:
    """Read a request; raises BadQuery."""
    query = body.get("query")
    if not isinstance(query, dict) or not query.get("recordType"):
        raise BadQuery("missing required field 'query.recordType'")
    limit = body.get("resultsLimit")
    size = limit if isinstance(limit, int) and limit > 0 else PAGE_LIMIT
    marker = str(body.get("continuationMarker") or "")
    kind = str(query["recordType"])
    return Question(kind, dict(_filters(query.get("filterBy"))), min(size, PAGE_LIMIT), marker)


def _filters(raw: Json) -> Iterator[tuple[str, str]]:
    for item in raw if isinstance(raw, list) else []:
        value = item.get("fieldValue") if isinstance(item, dict) else None
        if isinstance(item, dict) and isinstance(value, dict):
            yield str(item.get("fieldName")), str(value.get("value"))


def answer(zone: Zone, indexes: Indexes, question: Question, behaviour: Behaviour) -> Answer:
    """Select one page; raises BadQuery for an unknown kind of question."""
    if question.kind == "CheckIndexingState":
        return Answer([_indexing_state(zone, behaviour)])
    if question.kind == "CPLAlbumByPositionLive":
        return _albums(zone, question)
    if question.kind in LISTS:
        return _assets(zone, indexes, question)
    raise BadQuery(f"Unknown recordType {question.kind}")


def _indexing_state(zone: Zone, behaviour: Behaviour) -> Record:
    fields = {
        "state": string(behaviour.indexing),
        "progress": Field("DOUBLE", float(behaviour.progress)),
    }
    return Record(f"_{zone.name}-indexing-state", "CheckIndexingState", fields)


def _albums(zone: Zone, question: Question) -> Answer:
    parent = question.filters.get("parentId", "")
    found = [album for album in zone.of_type("CPLAlbum") if _is_child(album, parent)]
    found.sort(key=lambda album: (album.number("position"), album.name))
    start = int(question.marker) if question.marker.isdigit() else 0
    end = start + min(question.limit, _ALBUM_PAGE)
    return Answer(found[start:end], str(end) if end < len(found) else "")


def _is_child(album: Record, parent: str) -> bool:
    if album.number("isDeleted"):
        return False
    if album.name in ROOT_FOLDERS:
        return not parent
    return (album.text("parentId") or ROOT_FOLDERS[0]) == (parent or ROOT_FOLDERS[0])


def _assets(zone: Zone, indexes: Indexes, question: Question) -> Answer:
    in_album = question.kind in _CONTAINERS
    argument = question.filters.get("parentId" if in_album else "smartAlbum", "")
    chosen = indexes.select(question.kind, argument)
    if wanted := question.filters.get("recordName"):
        chosen = chosen.only(wanted)
    ranks = _ranks(question, len(chosen), records_each=3 if in_album else 2)
    page = [chosen[rank] for rank in ranks]
    relations = _relations(zone, page, argument) if in_album else []
    return Answer([*relations, *_masters(zone, page), *page], _next(ranks, len(chosen)))


def _ranks(question: Question, total: int, records_each: int) -> range:
    """Ranks count assets, the limit counts records; DESCENDING walks down from startRank."""
    count = max(1, question.limit // records_each)
    start = int(question.marker) if question.marker.isdigit() else question.number("startRank")
    if question.filters.get("direction") == "DESCENDING":
        last = min(start, total - 1)
        return range(last, max(last - count, -1), -1)
    return range(min(start, total), min(start + count, total))


def _next(ranks: range, total: int) -> str:
    following = ranks[-1] + ranks.step if ranks else -1
    return str(following) if 0 <= following < total else ""


def _masters(zone: Zone, assets: Iterable[Record]) -> list[Record]:
    names = dict.fromkeys(asset.master_name for asset in assets)
    return [master for name in names if (master := zone.get(name))]


def _relations(zone: Zone, assets: Iterable[Record], album: str) -> list[Record]:
    found = (zone.get(relation_name(asset.name, album)) for asset in assets)
    return [relation for relation in found if relation]


def count_records(indexes: Indexes, wanted: Iterable[str], off_by: int = 0) -> list[Record]:
    """Answer a HyperionIndexCountLookup: one record for each index name, 0 for unknown ones."""
    counts = {name: max(_count(indexes, name) + off_by, 0) for name in wanted}
    return [
        Record(name, "HyperionIndexCountLookup", {"itemCount": int64(count)})
        for name, count in counts.items()
    ]


def _count(indexes: Indexes, name: str) -> int:
    index, _, argument = name.partition(":")
    kind = COUNT_NAMES.get(index)
    return len(indexes.select(kind, argument)) if kind else 0
