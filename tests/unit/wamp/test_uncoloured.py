"""Words in log lines nobody sees stay plain."""

from autobahn import util

from heddle.wamp.uncoloured import leave_uncoloured


def test_words_are_no_longer_coloured() -> None:
    leave_uncoloured()
    assert (util.hlval(7), util.hlid(8)) == ("7", "8")
    assert util.hl("word", bold=True, color="red") == "word"
