"""``heddle up`` for a soak: what is killed a hundred times is started again at once."""

import sys

from heddle.cli.__main__ import main
from heddle.local import supervise

if __name__ == "__main__":
    supervise.FIRST_PAUSE_S = supervise.LONGEST_PAUSE_S = 0.2
    sys.argv[0] = "heddle"
    main()
