"""What ``pytest --pyargs storagedriver.testsuites`` runs: the suites of `register_suite`."""

import pytest

from storagedriver.testsuites import registered_suites

globals().update(registered_suites())

if not registered_suites():

    def test_a_suite_is_registered() -> None:
        """Running nothing must not look like passing."""
        pytest.fail(
            "no driver is registered, so nothing was tested: call storagedriver.testsuites.register_suite(...) in a "
            "module that is given to pytest as -p MODULE, or in the conftest.py of the directory pytest is started in",
            pytrace=False,
        )
