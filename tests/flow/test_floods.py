"""Many at once on one connection: there is a bound, a temporary answer beyond it, and a way back."""

import daemon as daemons
import ends

USER = "hello@example.com"
BOUND = 1000


def test_silent_exchanges(daemon):
    """A login process whose clients all fall silent in their exchange: those who speak, or leave, are heard all the same."""
    with daemon.dovecot() as end:
        for _ in range(BOUND):
            end.auth("XOAUTH2")
        for number in range(1, BOUND + 1):
            assert end.hear()[:2] == ["CONT", str(number)]
        assert end.login("XOAUTH2", ends.xoauth2(USER, daemons.token())).temporary
        end.say("CONT", 5, ends.xoauth2(USER, daemons.token()))
        assert end.hear()[:2] == ["OK", "5"]
        assert end.login("XOAUTH2", ends.xoauth2(USER, daemons.token())).ok
        end.auth("XOAUTH2")
        assert end.hear()[0] == "CONT"
        assert end.login("XOAUTH2", ends.xoauth2(USER, daemons.token())).temporary
        end.say("CANCEL", 7)
        assert end.login("XOAUTH2", ends.xoauth2(USER, daemons.token())).ok
    with daemon.dovecot() as end:
        assert end.login("XOAUTH2", ends.xoauth2(USER, daemons.token())).ok
