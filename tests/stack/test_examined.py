"""`postern doctor` on a mail server that runs: real Postfix, real Dovecot, and all of it as `./demo` sets it up."""

import json


def findings(stack, section=None):
    done = stack.postern("doctor", "--json", "--config", f"{stack.directory}/postern.conf", check=False)
    found = json.loads(done.stdout)["findings"]
    return [one for one in found if section is None or one["section"] == section]


def test_a_running_server_is_healthy(stack):
    """What the doctor sees is right: mail was sent and read here with it."""
    for section in ("daemon", "sockets", "dovecot", "postfix"):
        looked = findings(stack, section)
        assert looked and all(one["level"] == "ok" for one in looked), looked
    assert not [one for one in findings(stack, "configuration") if one["level"] == "bad"]


def test_connections_do_not_disturb(stack):
    """Looking at the sockets is not a login, and breaks none."""
    user = stack.account("examined")
    mark = stack.log_mark()
    with stack.signed_in(user) as imap:
        findings(stack)
        assert imap.subjects() == []
    assert not stack.log_lines(mark, r"login_(refused|malformed|unavailable|abandoned)|peer_refused|panic|fatal|error:")


def test_a_good_token_would_sign_in(stack):
    user = stack.account("examined")
    done = stack.postern("token", "check", "--user", user, "--protocol", "imap", line=stack.token(user) + "\n")
    assert done.stdout.splitlines()[-1] == f"accepted: signs in as {user}, and binds the account"
    with stack.signed_in(user):
        pass
    done = stack.postern("token", "check", "--user", user, line=stack.token(user) + "\n")
    assert done.stdout.splitlines()[-1] == f"accepted: signs in as {user}"
