"""Print the figures that need peers."""

from tests.bench.peers.compare import main

if __name__ == "__main__":
    main()
