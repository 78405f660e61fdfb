"""Real servers for the tests, all on 127.0.0.1.

`run` starts a server once for the whole test run, whichever process needs it
first; `base` is what the servers have in common; `plugin` holds the fixtures.
A further server is one module with a subclass of `base.Server` and a fixture
that says ``shared(request, ThatServer)``.
"""
