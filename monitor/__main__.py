"""`python -m monitor` is `ccmon`."""

import sys

from monitor.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
