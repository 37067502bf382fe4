"""Hashes and digests of content."""

from __future__ import annotations

from collections import Counter
from subprocess import run

from hypothesis import given
from hypothesis import strategies as st

from app.fleet.hashes import Digest, hash_of


OBJECTS = st.dictionaries(st.integers(0, 20), st.binary(max_size=4), max_size=8)


def test_the_hash_is_blake2b_as_coreutils_has_it() -> None:
    command = ["/usr/bin/b2sum", "--length=64"]
    found = run(command, input=b'7\0{"a":1}', capture_output=True, check=True)

    assert hash_of(7, b'{"a":1}').hex() == found.stdout.split()[0].decode()


@given(OBJECTS, OBJECTS)
def test_a_digest_that_is_kept_is_that_of_the_content(
    before: dict[int, bytes], after: dict[int, bytes]
) -> None:
    kept = Digest(hash_of(number, json) for number, json in before.items())
    kept = Digest(count=kept.count, text=kept.text)  # as stored
    old, new = (Counter(hash_of(*each) for each in some.items()) for some in (before, after))
    for each in (old - new).elements():
        kept.remove(each)
    for each in (new - old).elements():
        kept.add(each)

    made = Digest(hash_of(number, json) for number, json in after.items())
    assert (kept.count, kept.text) == (made.count, made.text)


@given(OBJECTS, OBJECTS)
def test_different_content_has_another_digest(
    one: dict[int, bytes], other: dict[int, bytes]
) -> None:
    digests = [Digest(hash_of(*each) for each in some.items()) for some in (one, other)]

    assert (digests[0].text == digests[1].text) == (one == other)
