"""`python -m nearkeep` is `nearkeep`."""

from nearkeep.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
