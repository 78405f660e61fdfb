"""``python -m storagedriver`` is the command ``storagedriver``."""

from storagedriver.cli import main

raise SystemExit(main())
