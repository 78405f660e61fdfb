"""The names of blocks, and what a list of them amounts to. Nothing here needs a server."""

from __future__ import annotations

import base64

from storagedriver.drivers.azure.blocks import Block, BlockName, newest

ETAG = '"0x8D1"'


def block(name: BlockName, ordinal: int, size: int = 10) -> Block:
    return Block(name.at(ordinal).id, size)


def sizes(blocks: list[Block], version: str = ETAG) -> list[int] | None:
    found = newest(blocks, version)
    return None if found is None else [item.size for item in found.run]


def test_names_have_one_length_and_fit() -> None:
    name = BlockName.begin(ETAG)
    names = [name, name.at(50_000), name.resumed(49_999).at(50_000), BlockName.begin("", appends=True)]
    assert {len(base64.b64decode(each.id)) for each in names} == {54}
    assert {len(each.id) for each in names} == {72}
    for each in names:
        assert BlockName.parse(each.id) == each


def test_names_of_others_are_not_ours() -> None:
    for foreign in (b"0" * 54, b"block-000001", b"\xff" * 54, b"", b"sd" + b"r" * 52):
        assert BlockName.parse(base64.b64encode(foreign).decode()) is None
    assert BlockName.parse("no base64") is None
    assert newest([Block(base64.b64encode(b"\xff" * 54).decode(), 1)], ETAG) is None


def test_marker_alone_is_an_empty_upload() -> None:
    assert sizes([block(BlockName.begin(ETAG), 0, 1)]) == []
    assert sizes([]) is None


def test_blocks_are_put_in_order_and_counted_once() -> None:
    name = BlockName.begin(ETAG)
    assert sizes([block(name, 3, 30), block(name, 0, 1), block(name, 1, 10), block(name, 2, 20)]) == [10, 20, 30]


def test_blocks_behind_a_gap_are_dropped() -> None:
    name = BlockName.begin(ETAG)
    assert sizes([block(name, 0, 1), block(name, 1), block(name, 3)]) == [10]
    assert sizes([block(name, 0, 1), block(name, 2), block(name, 3)]) == []


def test_what_was_behind_a_gap_never_comes_back() -> None:
    first = BlockName.begin(ETAG)
    lost = [block(first, 0, 1), block(first, 1, 10), block(first, 3, 99)]
    second = first.resumed(2)
    assert sizes([*lost, block(second, 2, 20)]) == [10, 20], "a block of the first session was taken for the second's"
    third = second.resumed(3)
    assert sizes([*lost, block(second, 2, 20), block(second, 4, 98), block(third, 3, 30)]) == [10, 20, 30]


def test_late_block_of_an_earlier_session_is_void() -> None:
    first = BlockName.begin(ETAG)
    second = first.resumed(2)
    arrived = [block(first, 0, 1), block(first, 1, 10), block(first, 2, 99), block(second, 3, 30)]
    assert sizes(arrived) == [10]


def test_two_sessions_that_resumed_the_same_are_never_merged() -> None:
    first = BlockName.begin(ETAG)
    one, other = first.resumed(2), first.resumed(2)
    begun = [block(first, 0, 1), block(first, 1, 10)]
    both = [*begun, block(one, 2, 21), block(one, 3, 31), block(other, 2, 22), block(other, 3, 32)]
    assert sizes(both) in ([10, 21, 31], [10, 22, 32])


def test_two_uploads_are_never_merged_and_the_newest_wins() -> None:
    older = BlockName.begin(ETAG)
    begun = [block(older, 0, 1), block(older, 1, 10), block(older, 2, 10)]
    newer = BlockName.begin(ETAG, after=begun)
    assert sizes([*begun, block(newer, 0, 1), block(newer, 1, 77)]) == [77]


def test_newest_does_not_depend_on_clocks() -> None:
    future = BlockName(appends=False, start=1 << 51, session=0, first=1, nonce="0" * 8, base="0" * 16, ordinal=0)
    assert BlockName.begin(ETAG, after=[block(future, 0)]).start == future.start + 1


def test_upload_over_other_content_is_over() -> None:
    name = BlockName.begin(ETAG)
    blocks = [block(name, 0, 1), block(name, 1)]
    assert sizes(blocks, "0x8D1") == [10], "quotes are no part of an ETag"
    assert sizes(blocks, '"0x8D2"') is None
    assert sizes(blocks, "") is None
    assert sizes([block(BlockName.begin(""), 0, 1)], "") == []


def test_upload_without_marker_and_first_block_never_was() -> None:
    older, newer = BlockName.begin(ETAG), BlockName.begin(ETAG, appends=True)
    assert sizes([block(newer, 2), block(newer, 3)]) is None
    assert sizes([block(older, 1, 11), block(newer, 2), block(newer, 3)]) == [11]
    assert sizes([block(newer, 1, 12)]) == [12]
