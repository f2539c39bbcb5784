"""One login through the files, watched by a debugger: the walk that docs/ARCHITECTURE.md describes."""

import os
import re
import subprocess

import daemon as daemons
import ends

HERE = os.path.dirname(os.path.abspath(__file__))
HELLO = "hello@example.com"
WALK = ["login_start", "sasl_read", "token_check_lookup", "token_check_start", "token_way_next", "fetch_start", "userinfo_read",
        "claims_identify", "directory_login", "policy_decide", "pending_login_add", "pending_login_take"]
REMEMBERED = ["login_start", "sasl_read", "token_check_lookup", "directory_login", "policy_decide", "pending_login_add",
              "pending_login_take"]
# Who keeps something of a login for longer than a call: its state, or a callback of it. The loop keeps timers for whoever asks.
HOLDERS = {"mail/auth_server.c", "auth/login.c", "token/token_check.c", "net/fetch.c", "mail/pending_login.c"}
ASKING = {"token/token_check.c", "net/fetch.c"}
BINDING = "auth/change.c"      # a first login only
# What serves connections and calls of any kind, and keeps nothing of a login.
ANY = ("admin/", "daemon/", "wire/", "net/loop.c", "net/stream.c", "net/http_server.c", "net/listener.c", "net/fetch_", "net/log_sink.c",
       "mail/door.c", "store/", "token/token_cache.c", "account/account_cache.c")


def trace(daemon, work):
    """What gdb saw of the worker while `work` ran: (file, function) in order, and the files that allocated."""
    with subprocess.Popen(["gdb", "-q", "-nx", "-batch", "-p", str(daemon.wait_worker()), "-x", f"{HERE}/trace_login.gdb.py"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as gdb:
        seen = []
        for line in gdb.stdout:
            seen.append(line.rstrip())
            if line.startswith("READY"):
                work()
                daemon.postern("domain", "list")
    calls = [tuple(line.split()[1:]) for line in seen if line.startswith("call ")]
    states = {line.split()[1] for line in seen if line.startswith("state ")}
    assert calls and states, "\n".join(seen)
    return calls, {file for file in states if not file.startswith(ANY)}


def sign_in(daemon, bearer=None):
    with daemon.dovecot() as door, daemon.master() as master:
        answer = door.login("OAUTHBEARER", ends.bearer(HELLO, bearer or daemons.token()))
        assert answer.ok, answer
        assert master.request(door, 1)[0] == "USER"


def documented():
    with open(os.path.join(daemons.ROOT, "docs/ARCHITECTURE.md"), encoding="utf-8") as page:
        walk = page.read().split("## One login, through the files")[1].split("\n## ")[0]
    return set(re.findall(r"`([a-z]+/[a-z_]+\.c)`", walk))


def in_order(walk, calls):
    functions = [function for _, function in calls]
    places = [functions.index(function) for function in walk]
    return places == sorted(places)


def test_walk(make_daemon):
    daemon = make_daemon(worker={"heartbeat_timeout": "60s"}, login={"deadline": "9s"}, provider_more="cache_lifetime = 60s")
    first_calls, first_states = trace(daemon, lambda: sign_in(daemon))
    sign_in(daemon)  # the account was changed by its binding
    remembered, states_of_remembered = trace(daemon, lambda: sign_in(daemon))
    calls, states = trace(daemon, lambda: sign_in(daemon, daemons.token(f"{HELLO}|{HELLO}")))
    functions = [function for _, function in calls]

    assert in_order(WALK, calls), calls
    assert states == HOLDERS
    assert BINDING not in states and BINDING in first_states
    assert len(HOLDERS) + 1 <= 6
    assert "change_start" in [function for _, function in first_calls] and "change_start" not in functions

    # What the caches remember is asked of nobody.
    assert in_order(REMEMBERED, remembered), remembered
    assert states_of_remembered == HOLDERS - ASKING
    assert not {"token_check_start", "fetch_start", "store_lookup"} & {function for _, function in remembered}

    walked = {file for file, function in calls if function in WALK}
    assert walked | HOLDERS | {BINDING} <= documented()
