import numpy as np
import pytest

from optimize.philox import fill_stream, fill_words

PI = (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344)


# The known answers that Random123 publishes for philox4x32, 10 rounds (tests/kat_vectors).
@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ((0,) * 4, (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        (
            (0xFFFFFFFF,) * 4,
            (0xFFFFFFFF, 0xFFFFFFFF),
            (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
        ),
        (PI, (0xA4093822, 0x299F31D0), (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)),
    ],
)
def test_philox_gives_the_published_known_answers(counter, key, expected):
    # Alone, one that is left over of vectors of eight, and the last of a vector.
    for lead in (0, 19, 23):
        first, second = np.zeros(lead + 1, np.uint64), np.zeros(lead + 1, np.uint64)
        position = (counter[0] - lead) % 2**32
        fill_words(np.uint64(key[1] << 32 | key[0]), position, *counter[1:], first, second)
        words = (*divmod(int(first[-1]), 2**32), *divmod(int(second[-1]), 2**32))
        assert words == expected


def test_a_word_depends_on_where_it_stands_and_not_on_what_is_asked_with_it():
    whole = np.zeros((2, 101), np.uint64)
    fill_stream(9, 1, 5, 2, 0, 0, whole[0], whole[1])
    for start, stop in [(0, 1), (1, 8), (8, 64), (64, 101)]:
        part = np.zeros((2, stop - start), np.uint64)
        fill_stream(9, 1, 5, 2, 0, start, part[0], part[1])
        np.testing.assert_array_equal(part, whole[:, start:stop])


def test_seed_round_draw_stream_and_attempt_each_give_other_words():
    seen = []
    for where in [
        (1, 0, 0, 1, 0), (2, 0, 0, 1, 0), (1 + 2**32, 0, 0, 1, 0), (1, 1, 0, 1, 0),
        (1, 0, 1, 1, 0), (1, 0, 0, 2, 0), (1, 0, 0, 1, 1), (2**63 - 1, 0, 0, 1, 0),
    ]:  # fmt: skip
        words = np.zeros((2, 200), np.uint64)
        fill_stream(*where, 0, words[0], words[1])
        seen.append(words)
    assert len(np.unique(seen)) == np.size(seen)


def test_words_of_a_generated_run_are_even_in_every_bit():
    words = np.zeros((2, 50_000), np.uint64)
    fill_stream(3, 0, 0, 1, 0, 0, words[0], words[1])
    bits = np.unpackbits(words.reshape(-1).view(np.uint8)).reshape(-1, 64)
    # Standard deviation of a share of 100 000 fair bits: 0.0016.
    assert np.abs(bits.mean(axis=0) - 0.5).max() < 5 * 0.0016
