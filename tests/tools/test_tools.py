"""The tools refuse what is wrong: a checker that cannot fail is none.

Each test builds a small tree in which one thing is wrong and expects exactly that to be named.
"""
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
TOOLS = TOP / "tools"

LAYERS = """\
layer base            # memory
layer wire            # formats (pure)
layer net             # the loop
layer token account   # whose token? | who exists?
layer auth            # may it proceed?
use event2/   net/loop.c
use jansson.h wire/json.c
pure wire/ account/account.c
"""


@pytest.fixture
def tree():
    path = pathlib.Path(tempfile.mkdtemp(prefix="pt-"))
    put(path, "src/LAYERS", LAYERS)
    yield path
    shutil.rmtree(path)


def put(tree, name, text, mode=0o644):
    path = tree / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)


def tool(tree, name, *arguments, env=None):
    return subprocess.run([TOOLS / name, *arguments], cwd=tree, env=env, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8")


# check-layers

ALLOWED = [
    ("base/text.c", '#include "base/text.h"\n#include <string.h>\n#include <time.h>\n'),
    ("wire/json.c", "#include <jansson.h>\n#include <stdio.h>\nint f(void) { return snprintf(b, 2, s); }\n"),
    ("wire/http.c", "/* time(0), getenv(\n   printf(\"x\") */ const char *a = \"time(NULL) // open(\";\n"),
    ("wire/http.c", "int a = b.time(1) + c->open(2) + uptime(3);\n"),
    ("net/loop.c", '#include <event2/event.h>\n#include "wire/http.h"\n#include <sys/socket.h>\n'),
    ("auth/login.c", '#include "token/check.h"\n#include "account/account.h"\n'),
    ("account/account_rows.c", "#include <time.h>\nlong f(void) { return time(0); }\n"),
    ("wire/http.c", "static struct answer *accept(int a)\n{\n}\nint b = accept(1);\n"),
    ("account/account.h", "/* <time.h>: #include <unistd.h> */\n"),
]

REFUSED = [
    ("base/text.c", 'int a;\n#include "wire/json.h"\n', 2, "wire/ is a layer below base/"),
    ("token/check.c", '#include "account/account.h"\n', 1, "neighbours"),
    ("token/check.c", '#  include  "check.h"\n', 1, 'write "folder/file.h"'),
    ("token/check.c", '#include "../base/text.h"\n', 1, 'write "folder/file.h"'),
    ("token/check.c", '/* a\n b */ #include "check.h"\n', 2, 'write "folder/file.h"'),
    ("token/check.c", "#include <base/text.h>\n", 1, "no `use` line"),
    ("token/check.c", '#include "elsewhere/text.h"\n', 1, "in no layer"),
    ("token/check.c", "#include HEADER\n", 1, "no header's name"),
    ("token/check.c", "#include \\\n\"check.h\"\n", 1, "no header's name"),
    ("token/check.c", "#include <event2/event.h>\n", 1, "for net/loop.c only"),
    ("net/loop.h", "#include <event2/event.h>\n", 1, "for net/loop.c only"),
    ("token/check.c", "#include <jansson.h>\n", 1, "for wire/json.c only"),
    ("token/check.c", "#include <pcre2.h>\n", 1, "no `use` line"),
    ("wire/http.c", "\n\n#include <time.h>\n", 3, "pure"),
    ("wire/http.h", "#include <sys/socket.h>\n", 1, "pure"),
    ("wire/http.c", "#include <unistd.h>\n", 1, "pure"),
    ("wire/http.c", '#include "base/log.h"\n', 1, "pure"),
    ("account/account.c", '#include "net/loop.h"\n', 1, "pure"),
    ("account/account.h", "#include <fcntl.h>\n", 1, "pure"),
    ("wire/http.c", "\nlong f(void) { return time(0); }\n", 2, "`time` in a pure file"),
    ("wire/http.c", "long f(void) { return clock_gettime(0, p); }\n", 1, "`clock_gettime`"),
    ("wire/http.c", 'char *f(void) { return getenv ("A"); }\n', 1, "`getenv`"),
    ("wire/http.c", 'void f(void) { printf("A"); }\n', 1, "`printf`"),
    ("wire/http.c", 'void f(void) { log_info(log, "A"); }\n', 1, "`log_info`"),
    ("wire/http.c", 'char *s = "/*"; void f(void) { open("A"); }\n', 1, "`open`"),
    ("wire/http.c", "void f(void) { fprintf(stderr, s); }\n", 1, "`stderr`"),
    ("wire/http.c", "void f(void) { secret_random(s); }\n", 1, "`secret_random`"),
    ("wire/http.c", "static int f(void) { return accept(1, 0, 0); }\n", 1, "`accept`"),
    ("other/file.c", "\n", 1, "no folder of a layer"),
    ("wire/deep/file.c", "\n", 1, "no folder of a layer"),
]


@pytest.mark.parametrize("name, text", ALLOWED)
def test_layers_allow(tree, name, text):
    put(tree, "src/" + name, text)
    done = tool(tree, "check-layers", "src/LAYERS", "src/" + name)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("name, text, line, message", REFUSED)
def test_layers_refuse(tree, name, text, line, message):
    put(tree, "src/" + name, text)
    done = tool(tree, "check-layers", "src/LAYERS", "src/" + name)
    assert done.returncode == 1
    assert f"src/{name}:{line}: " in done.stdout and message in done.stdout


def test_layers_names_every_violation(tree):
    put(tree, "src/base/text.c", '#include "wire/a.h"\n#include "text.h"\n')
    put(tree, "src/base/good.c", '#include "base/text.h"\n')
    done = tool(tree, "check-layers", "src/LAYERS", "src/base/good.c", "src/base/text.c")
    assert done.returncode == 1
    assert [line.split(" ")[0] for line in done.stdout.splitlines()] == [
        "src/base/text.c:1:", "src/base/text.c:2:"]


@pytest.mark.parametrize("line", ["layers base", "layer base", "use x.h", "use x.h other/file.c",
                                  "use x.h base/", "pure other/", "pure account/account"])
def test_layers_refuses_rules_that_mean_nothing(tree, line):
    put(tree, "src/LAYERS", LAYERS + line + "\n")
    assert tool(tree, "check-layers", "src/LAYERS").returncode == 2


def test_layers_of_a_file_that_is_gone(tree):
    done = tool(tree, "check-layers", "src/LAYERS", "src/wire/gone.c")
    assert done.returncode == 1 and done.stdout == "src/wire/gone.c:1: No such file or directory\n"


def test_layers_of_this_project_are_understood():
    done = tool(TOP, "check-layers", "src/LAYERS")
    assert (done.returncode, done.stdout) == (0, "")


# check-names

def build_of(tree, sources):
    """A project of these files in one library, built."""
    names = [name for name in sources if name.endswith(".c")]
    put(tree, "meson.build", "project('sample', 'c')\nstatic_library('sample', %s)\n" % names)
    for name, text in sources.items():
        put(tree, name, text)
    for command in (["meson", "setup", "b"], ["ninja", "-C", "b"]):
        subprocess.run(command, cwd=tree, check=True, stdout=subprocess.DEVNULL)


GOOD_NAMES = {
    "src/base/text.c": "/* text.c - texts. */\nint text_trim(void) { return 0; }\nint text = 1;\n"
                       "int texts_count(void) { return 0; }\n"
                       "static int help(void) { return 1; }\nint main(void) { return help(); }\n",
    "src/base/text.h": "/* text.h - texts,\n * and more. */\n",
}


def test_names_allow(tree):
    build_of(tree, GOOD_NAMES)
    done = tool(tree, "check-names", "b")
    assert (done.returncode, done.stdout) == (0, "")


def test_names_refuse(tree):
    build_of(tree, {
        **GOOD_NAMES,
        "src/base/span.c": "/* span.c - views. */\nint trim(void) { return 0; }\n"
                           "int spanner(void) { return 0; }\nint count;\nint span_is(void) { return 1; }\n",
        "src/base/first.c": "\n/* first.c - late. */\nint first_is(void) { return 1; }\n",
        "src/base/second.c": "/* third.c - other. */\nint second_is(void) { return 1; }\n",
        "src/base/plain.h": "/* plain.h */\n",
        "tests/unit/test_text.c": "#include <assert.h>\n",
    })
    put(tree, "src/base/unused.c", "/* unused.c - in no target. */\n")
    done = tool(tree, "check-names", "b")
    assert done.returncode == 1
    named = [tuple(line.split(" ")[:2]) for line in done.stdout.splitlines()]
    assert named == [
        ("src/base/first.c:1:", "the"), ("src/base/plain.h:1:", "the"),
        ("src/base/second.c:1:", "the"), ("src/base/span.c:1:", "`count`"),
        ("src/base/span.c:1:", "`spanner`"), ("src/base/span.c:1:", "`trim`"),
        ("src/base/unused.c:1:", "is"), ("tests/unit/test_text.c:1:", "the")]


def test_names_need_a_build(tree):
    assert tool(tree, "check-names", "b").returncode == 2


# map

def test_map_is_written_and_checked(tree):
    put(tree, "src/base/text.c", "/* text.c - texts. */\n")
    put(tree, "src/base/text.h", "/* text.h - declared. */\n")
    put(tree, "src/account/account.h", "/* account.h - who\n * exists */\n")
    put(tree, "docs/A.md", "above\n<!-- map -->\nold\n<!-- /map -->\nbelow\n")
    assert tool(tree, "map", "--check", "docs/A.md").returncode == 1
    assert tool(tree, "map", "--write", "docs/A.md").returncode == 0
    assert tool(tree, "map", "--check", "docs/A.md").returncode == 0
    text = (tree / "docs/A.md").read_text(encoding="utf-8")
    assert text.startswith("above\n<!-- map -->\n") and text.endswith("\n<!-- /map -->\nbelow\n")
    assert "| `text` | texts |" in text and "| `account.h` | who |" in text
    assert "**`src/account/`** who exists?" in text and "old" not in text
    put(tree, "src/base/text.c", "/* text.c - letters. */\n")
    assert tool(tree, "map", "--check", "docs/A.md").returncode == 1


@pytest.mark.parametrize("text", ["", "<!-- map -->\n", "<!-- /map -->\n<!-- map -->\n"])
def test_map_needs_its_markers(tree, text):
    put(tree, "docs/A.md", text)
    assert tool(tree, "map", "--write", "docs/A.md").returncode == 1
    assert (tree / "docs/A.md").read_text(encoding="utf-8") == text


# check-manual

PAGE_5 = """\
.Dd $Mdocdate$
.Dt POSTERN.CONF 5
.Os
.Sh NAME
.Nm postern.conf
.Nd settings
.Sh DESCRIPTION
.Bl -tag -width Ds
.It Cm server.name Ar text
Its name.
.El
.Ss Settings outside any section
.Bl -tag -width Ds
.It Cm user Ar name
Who runs it.
.El
.Ss provider
.Bl -tag -width Ds
.It Cm issuer Ar url
Who it is:
.Bl -tag -width Ds
.It Cm nobody
No one.
.El
.El
"""
PAGE_1 = """\
.Dd $Mdocdate$
.Dt POSTERN 1
.Os
.Sh NAME
.Nm postern
.Nd commands
.Sh DESCRIPTION
.Bl -tag -width Ds
.It Fl -json
As JSON.
.It Cm account add Ar address
Adds.
.It Cm status
Says.
.El
"""


def manual(tree, page5=PAGE_5, page1=PAGE_1, settings="user\\ttext\\n server.name\\ttext\\n provider.issuer\\ttext\\n",
           verbs="account add\\n status\\n"):
    put(tree, "man/postern.conf.5", page5.replace("$Mdocdate$", "January 2, 2026"))
    put(tree, "man/postern.1", page1.replace("$Mdocdate$", "January 2, 2026"))
    put(tree, "b/src/daemon/posternd", "#!/bin/sh\nprintf '%s'\n" % settings.replace(" ", ""), 0o755)
    put(tree, "b/src/cli/postern", "#!/bin/sh\nprintf '%s'\n" % verbs.replace("\\n ", "\\n"), 0o755)
    return tool(tree, "check-manual", "b")


def test_manual_allows(tree):
    done = manual(tree)
    assert (done.stdout, done.returncode) == ("", 0)


@pytest.mark.parametrize("change, message", [
    ({"settings": "server.name\\nprovider.issuer\\n"}, "there is no setting `user`"),
    ({"settings": "user\\nport\\nserver.name\\nprovider.issuer\\n"}, "setting `port` is not described"),
    ({"settings": "user\\nserver.name\\ttext\\n"}, "there is no setting `provider.issuer`"),
    ({"settings": "server.name\\nserver.port\\nprovider.issuer\\n"}, "`server.port` is not described"),
    ({"page5": PAGE_5.replace(".It Cm issuer", ".It Cm issuers")}, "`provider.issuer` is not described"),
    ({"page5": PAGE_5.replace(".It Cm server.name", ".It Cm server.title")}, "no setting `server.title`"),
    ({"verbs": "account add\\naccount list\\nstatus\\n"}, "verb `account list` is not described"),
    ({"page1": PAGE_1.replace("Cm account add", "Cm account create")}, "no verb `account create`"),
    ({"page1": PAGE_1.replace(".El\n", "")}, "postern.1:"),
    ({"page1": PAGE_1.replace(".Sh NAME", ".Sx NAME\n.Bogus")}, "postern.1:"),
])
def test_manual_refuses(tree, change, message):
    done = manual(tree, **change)
    assert done.returncode == 1 and message in done.stdout, done.stdout


def test_manual_refuses_an_empty_table(tree):
    assert manual(tree, settings="").returncode == 2


# check-findings

FINDINGS = """\
| code | what |
|---|---|
| `token-expired` | it is not over |
| `config` | it can be read |
"""
FINDERS = """\
void f(void) { finding_good(list, "config", "x"); finding_bad(&of->list, "token-expired", "do", "x"); }
"""


def test_findings_that_are_explained(tree):
    put(tree, "docs/findings.md", FINDINGS)
    put(tree, "src/cli/doctor.c", FINDERS)
    put(tree, "src/daemon/sockets.c", 'const char *a = "token-login"; /* "token-comment" */\n')
    done = tool(tree, "check-findings")
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("name, text, said", [
    ("src/cli/doctor.c", FINDERS + 'int g(void) { finding_warning(\n list,\n "daemon-gone", "do", "x"); }\n',
     "src/cli/doctor.c: `daemon-gone` is not explained in docs/findings.md"),
    ("src/token/claims.c", 'const char *a = "token-bound";\n', "src/token/claims.c: `token-bound` is not explained in docs/findings.md"),
    ("docs/findings.md", FINDINGS + "| `token-lost` | nobody looks |\n", "docs/findings.md:5: nothing finds `token-lost`"),
])
def test_findings_that_are_not(tree, name, text, said):
    put(tree, "docs/findings.md", FINDINGS)
    put(tree, "src/cli/doctor.c", FINDERS)
    put(tree, name, text)
    done = tool(tree, "check-findings")
    assert (done.returncode, done.stdout.strip()) == (1, said)


# count-tests

@pytest.mark.parametrize("status, name, text, counts", [
    ("0", "r.xml", "<testsuites><testsuite><testcase/><testcase><skipped/></testcase></testsuite></testsuites>",
     "1 0 1"),
    ("1", "r.xml", "<testsuite><testcase><failure/></testcase><testcase><error/></testcase></testsuite>", "0 2 0"),
    ("1", "r.xml", "<testsuite><testcase/></testsuite>", "1 1 0"),
    ("0", "r.xml", "<testsuite><testcase/>", "0 1 0"),
    ("0", "r.json", '{"result": "OK", "stdout": "1..2\\nok 1 - a\\nok 2 - b # SKIP c\\n# ok - d\\n"}\n', "1 0 1"),
    ("1", "r.json", '{"result": "FAIL", "stdout": "1..2\\nok 1 - a\\nnot ok 2 - b\\n"}\n', "1 1 0"),
    ("1", "r.json", '{"result": "ERROR", "stdout": "1..2\\nok 1 - a\\n"}\n', "1 1 0"),
    ("1", "r.json", '{"result": "TIMEOUT"}\n{"result": "OK"}\n', "1 1 0"),
    ("5", "absent.xml", None, "0 1 0"),
])
def test_counts(tree, status, name, text, counts):
    if text is not None:
        put(tree, name, text)
    assert tool(tree, "count-tests", status, name).stdout.splitlines()[-1] == counts


# packages

def packages(tree, installed, *arguments):
    """Runs tools/packages on a machine that has these packages: {name: what it provides}."""
    rows = "".join(f"installed|{name}|{provides}\n" for name, provides in installed.items())
    put(tree, "rows", rows)
    put(tree, "bin/dpkg-query", "#!/bin/sh\ncase $3 in *Provides*) cat %s/rows ;;\n"
        "*) sed 's/^installed|\\([^|]*\\)|.*/installed \\1/' %s/rows ;; esac\n" % (tree, tree), 0o755)
    put(tree, "bin/apt-get", '#!/bin/sh\necho "$*" >>%s/apt\n'
        'case "$*" in *-s*) cat %s/removals ;; esac\n' % (tree, tree), 0o755)
    put(tree, "bin/debconf-set-selections", "#!/bin/sh\ncat >%s/preseed\n" % tree, 0o755)
    put(tree, "removals", "Remv victim [1]\n")
    env = {**os.environ, "PATH": f"{tree}/bin:{os.environ['PATH']}", "POSTERN_UNITS": str(tree / "units")}
    return tool(tree, "packages", *arguments, env=env)


def all_packages():
    done = tool(TOP, "packages", "list", "build", "run", "test")
    return {name: "" for name in done.stdout.split()}


def test_packages_are_instant_when_nothing_is_missing(tree):
    done = packages(tree, all_packages(), "install", "build", "run", "test")
    assert (done.returncode, done.stdout) == (0, "") and not (tree / "apt").exists()


def test_packages_name_what_is_missing(tree):
    have = all_packages()
    del have["dovecot-core"]
    done = packages(tree, have, "missing", "run")
    assert done.stdout.split() == ["dovecot-core"]


def test_packages_never_replace_a_mail_server(tree):
    have = {**all_packages(), "exim4-daemon-light": "default-mta, mail-transport-agent"}
    del have["postfix"]
    done = packages(tree, have, "install", "run")
    assert done.returncode == 1 and "exim4-daemon-light" in done.stdout
    assert not (tree / "apt").exists()


def test_packages_never_remove_anything(tree):
    have = all_packages()
    del have["rsyslog"]
    done = packages(tree, have, "install", "run")
    assert done.returncode == 1
    if os.getuid() == 0:
        assert "would remove victim" in done.stdout
    assert not (tree / "units").exists() and not (tree / "preseed").exists()


@pytest.mark.parametrize("arguments", [(), ("install",), ("install", "everything"), ("remove", "run")])
def test_packages_refuse_other_words(tree, arguments):
    assert packages(tree, all_packages(), *arguments).returncode == 1
    assert not (tree / "apt").exists()


# check

@pytest.mark.parametrize("arguments", [("units",), ("fuzz", "long"), ("fuzz", "0"), ("unit", "base"), ("-x",)])
def test_check_refuses_other_words(arguments):
    done = subprocess.run([TOP / "check", *arguments], check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, encoding="utf-8")
    assert done.returncode == 2 and "usage" in done.stdout


def test_check_explains_itself():
    done = subprocess.run([TOP / "check", "help"], check=False, stdout=subprocess.PIPE, encoding="utf-8")
    assert done.returncode == 0 and "./check stack" in done.stdout
