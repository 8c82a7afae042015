"""`python -m tests.chaos --kills N --seed S`."""

import sys

from tests.chaos.chaos import main

sys.exit(main())
