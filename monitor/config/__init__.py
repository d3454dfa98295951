"""Settings as data.

Rule: every setting says its default, its meaning and its unit once, in `settings`; what
reads, checks, prints or documents them is derived from there. Precedence: defaults <
YAML file < environment < command line.
"""

from monitor.config.loading import Loaded, load, read
from monitor.config.problems import ConfigurationError, Problem
from monitor.config.settings import Settings
from monitor.config.values import split_address

__all__ = [
    "ConfigurationError",
    "Loaded",
    "Problem",
    "Settings",
    "load",
    "read",
    "split_address",
]
