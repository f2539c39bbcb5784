# shellcheck shell=bash
# stack.bash - one private mail server: provider, log, Postern, Dovecot and Postfix in one directory, on high
# ports of loopback, beside an untouched system. Sourced by ./demo and by tests/stack; needs root.
#
# Set before sourcing, if the defaults do not fit:
#   STACK_DIR        its directory: short, below a directory everybody may enter   /run/postern-demo
#   STACK_BUILD      Meson build directory of posternd and postern                 build/plain
#   STACK_BASE       ports are this plus the well-known ones (10143 is IMAP)       10000
#   STACK_USERINFO   userinfo address of another provider; empty: the demo's own is started
#   STACK_EXTRA      lines added to postern.conf
#
# Nobody's mail and nobody's daemon: uid 5000 owns the mail, 5001 is the worker of posternd; neither needs a name.
#
# stack_up and stack_down do everything; the steps between have functions of their own, so that a test
# can stop and start one daemon. Each returns when the daemon answers, or fails with a reason on stderr.

STACK_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
STACK_DIR=${STACK_DIR:-/run/postern-demo}
STACK_BUILD=${STACK_BUILD:-$STACK_ROOT/build/plain}
STACK_BASE=${STACK_BASE:-10000}
STACK_USERINFO=${STACK_USERINFO:-}
STACK_EXTRA=${STACK_EXTRA:-}
STACK_LOG=$STACK_DIR/log/mail.log
STACK_POSTFIX_CONF=$STACK_DIR/postfix
STACK_DOVECOT_CONF=$STACK_DIR/dovecot.conf
POSTERND=$STACK_BUILD/src/daemon/posternd
POSTERN=$STACK_BUILD/src/cli/postern

declare -A STACK_PORT=(
    [smtp]=$((STACK_BASE + 25)) [submission]=$((STACK_BASE + 587)) [submissions]=$((STACK_BASE + 465))
    [imap]=$((STACK_BASE + 143)) [imaps]=$((STACK_BASE + 993)) [pop3]=$((STACK_BASE + 110)) [pop3s]=$((STACK_BASE + 995))
    [sieve]=$((STACK_BASE + 4190)) [sieves]=$((STACK_BASE + 4191)) [provider]=$((STACK_BASE + 880))
    [http]=$((STACK_BASE + 825)))

stack_fail() {
    printf '%s\n' "demo: $1" "${@:2}" >&2
    return 1
}

# Waits up to $1 seconds for a command to succeed.
stack_wait() {
    local until=$((SECONDS + $1))
    shift
    until "$@" 2>/dev/null; do
        [ $SECONDS -lt $until ] || return 1
        sleep 0.05
    done
}

# "localhost" is ::1 as well where there is IPv6, and some clients try no other address.
stack_loopback() {
    if grep -q '^0\{31\}1 ' /proc/net/if_inet6 2>/dev/null; then
        echo "127.0.0.1, ::1"
    else
        echo "127.0.0.1"
    fi
}

stack_port_open() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# A pid file holds "PID START": the start time tells our process from a later one with the same number.
stack_started_at() {
    local stat fields
    read -r stat 2>/dev/null <"/proc/$1/stat" || return 1
    read -ra fields <<<"${stat##*) }"
    [ "${fields[0]}" != Z ] && echo "${fields[19]}"
}

stack_keep_pid() {
    echo "$2 $(stack_started_at "$2")" >"$STACK_DIR/$1.pid"
}

# Prints the process id of a daemon that is still the one we started.
stack_pid() {
    stack_pid_in "$STACK_DIR/$1.pid"
}

stack_pid_in() {
    local pid start
    read -r pid start 2>/dev/null <"$1" || return 1
    [ "$(stack_started_at "$pid")" = "$start" ] && echo "$pid"
}

stack_gone() {
    ! stack_pid "$1" >/dev/null
}

# Starts a command in a session of its own, so that Ctrl-C reaches only ./demo. Descriptor 9 is ./demo's lock.
stack_spawn() {
    local name=$1
    shift
    setsid "$@" >>"$STACK_DIR/log/$name.out" 2>&1 </dev/null 9>&- &
    stack_keep_pid "$name" $!
}

stack_end() {
    local pid
    pid=$(stack_pid "$1") || { rm -f "$STACK_DIR/$1.pid"; return 0; }
    kill "$pid" 2>/dev/null || true
    if ! stack_wait 5 stack_gone "$1"; then
        kill -9 "$pid" 2>/dev/null || true
        stack_wait 5 stack_gone "$1" || true
    fi
    rm -f "$STACK_DIR/$1.pid"
}

# ---- what lies in the directory ----

# Everything but the program goes: a trial starts from nothing.
stack_prepare() {
    local dir
    case $STACK_DIR in
    /run/postern-* | /tmp/postern-*) ;;
    *) stack_fail "$STACK_DIR: a trial's directory is named /run/postern-... or /tmp/postern-..." || return 1 ;;
    esac
    [ ${#STACK_DIR} -le 40 ] || stack_fail "$STACK_DIR is too long a name: sockets below it would not fit" || return 1
    [ ! -L "$STACK_DIR" ] || stack_fail "$STACK_DIR is a link" || return 1
    rm -rf "$STACK_DIR"
    (umask 022 && mkdir "$STACK_DIR") || return 1
    for dir in log logroot/dev tls provider spool pdata dovecot dstate mail lib; do
        (umask 022 && mkdir -p "$STACK_DIR/$dir")
    done
    chown postfix: "$STACK_DIR/pdata"
    chown 5000:5000 "$STACK_DIR/mail"
    chmod 0750 "$STACK_DIR/mail"
    chown nobody: "$STACK_DIR/provider"
    chown 5001:5001 "$STACK_DIR/lib"
    chmod 0700 "$STACK_DIR/provider" "$STACK_DIR/lib"
    stack_chroot_files
    stack_certificates || return 1
    stack_rsyslog_conf
    stack_postern_conf
}

# What Postfix needs inside its chroot to know this machine's own name.
stack_chroot_files() {
    local file
    mkdir -p "$STACK_DIR/spool/etc"
    for file in hosts services resolv.conf nsswitch.conf localtime; do
        [ ! -e "/etc/$file" ] || cp -L "/etc/$file" "$STACK_DIR/spool/etc/$file"
    done
}

# A certification authority for this trial, and a certificate for localhost.
stack_certificates() (
    cd "$STACK_DIR/tls" || exit 1
    umask 077
    cat >server.ext <<-'EXT'
	subjectAltName = DNS:localhost, DNS:mail.example.com, IP:127.0.0.1, IP:::1
	basicConstraints = CA:FALSE
	keyUsage = digitalSignature
	extendedKeyUsage = serverAuth
	EXT
    {
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca-key.pem -out ca.pem -days 30 \
            -subj "/CN=Postern demo CA" -addext keyUsage=critical,keyCertSign,cRLSign &&
            openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out server.csr -subj /CN=localhost &&
            openssl x509 -req -in server.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -out cert.pem -days 30 -extfile server.ext
    } >openssl.out 2>&1 || { cat openssl.out >&2; exit 1; }
    rm -f ca-key.pem server.csr server.ext openssl.out
    chmod 644 ca.pem cert.pem
)

# The log as a system has it, without touching the system's own: Dovecot and Postern write to this socket.
stack_rsyslog_conf() {
    cat >"$STACK_DIR/rsyslog.conf" <<-CONF
	global(workDirectory="$STACK_DIR" maxMessageSize="16k")
	module(load="imuxsock" SysSock.Use="off")
	input(type="imuxsock" Socket="$STACK_DIR/logroot/dev/log" RateLimit.Interval="0")
	template(name="mail" type="string" string="%timestamp% %hostname% %syslogtag%%msg:::sp-if-no-1st-sp%%msg:::drop-last-lf%\n")
	action(type="omfile" file="$STACK_LOG" fileCreateMode="0644" template="mail")
	CONF
}

# ---- configuration ----

# The demo's own provider by its issuer, as one would write it for a real one; introspection is for docker-mailserver's opaque
# token, and sees within five seconds that a token was revoked.
stack_provider_settings() {
    if [ -n "$STACK_USERINFO" ]; then
        printf '  userinfo = "%s"\n' "$STACK_USERINFO"
        return
    fi
    cat <<-CONF
	  issuer  = {"http://127.0.0.1:${STACK_PORT[provider]}"}
	  clients = {"postern-demo"}
	  recheck = 5s
	  introspection {
	    id     = "postern"
	    secret = "demo-introspection"
	  }
	CONF
}

stack_postern_conf() {
    local name
    (umask 077 && cat >"$STACK_DIR/postern.conf") <<-CONF
	# Written by ./demo for its own directory; a real one is shorter, see postern.conf(5).
	user          = "5001"
	group         = "5001"
	run_directory = "$STACK_DIR"
	log_socket    = "$STACK_DIR/logroot/dev/log"
	provider "demo" {
	$(stack_provider_settings)
	  domains = {"example.com"}
	}
	accounts { store = "sqlite:$STACK_DIR/lib/accounts.db" }
	http     { public = "127.0.0.1:${STACK_PORT[http]}" }
	login    { cleartext_from_loopback = yes }
	mail     { root = "$STACK_DIR/mail" }
	dovecot {
	  base_dir = "$STACK_DIR/dovecot"
	  config   = "$STACK_DOVECOT_CONF"
	}
	postfix {
	  queue_directory = "$STACK_DIR/spool"
	  config          = "$STACK_DIR/postfix"
	}
	stack {
	  hostname           = "mail.example.com"
	  public             = no
	  tls_cert           = "$STACK_DIR/tls/cert.pem"
	  tls_key            = "$STACK_DIR/tls/key.pem"
	$(for name in smtp submission submissions imap imaps pop3 pop3s sieve sieves; do
        printf '  port_%s = %s\n' "$name" "${STACK_PORT[$name]}"
    done)
	  postfix_data       = "$STACK_DIR/pdata"
	  postfix_log        = "$STACK_LOG"
	  dovecot_state      = "$STACK_DIR/dstate"
	  dovecot_listen     = "$(stack_loopback)"
	  dovecot_log_chroot = "$STACK_DIR/logroot"
	}
	$STACK_EXTRA
	CONF
}

stack_render() {
    "$POSTERN" stack render --config "$STACK_DIR/postern.conf" --root "$STACK_DIR" >"$STACK_DIR/log/render.out" 2>&1 &&
        "$POSTERN" stack check --root "$STACK_DIR" >>"$STACK_DIR/log/render.out" 2>&1 && return 0
    cat "$STACK_DIR/log/render.out" >&2
    stack_fail "the configuration of Postfix and Dovecot could not be written"
}

# ---- daemons, one by one ----

stack_rsyslog_start() {
    stack_spawn rsyslog rsyslogd -n -f "$STACK_DIR/rsyslog.conf" -i "$STACK_DIR/rsyslogd.pid"
    stack_wait 10 test -S "$STACK_DIR/logroot/dev/log" || stack_fail "rsyslogd does not start; see $STACK_DIR/log/rsyslog.out"
}

# Runs as nobody, from a copy: the checkout may lie where nobody may look.
stack_provider_start() {
    [ -z "$STACK_USERINFO" ] || return 0
    install -m 755 "$STACK_ROOT/share/demo/provider.py" "$STACK_ROOT/share/demo/scim_client.py" "$STACK_DIR/"
    stack_spawn provider setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs /usr/bin/python3 -I \
        "$STACK_DIR/provider.py" serve --listen "127.0.0.1:${STACK_PORT[provider]}" --control "$STACK_DIR/provider/control"
    stack_wait 10 stack_port_open "${STACK_PORT[provider]}" ||
        stack_fail "the provider does not start; see $STACK_DIR/log/provider.out"
}

# Without our environment: POSTERN_... variables are settings of posternd.
stack_posternd_start() {
    local name unset=()
    for name in "${!POSTERN@}"; do
        unset+=(-u "$name")
    done
    stack_spawn posternd env "${unset[@]}" "$POSTERND" --config "$STACK_DIR/postern.conf"
    stack_wait 15 stack_posternd_settled || true
    stack_posternd_answers 2>/dev/null || {
        tail -n 5 "$STACK_DIR/log/posternd.out" "$STACK_LOG" >&2
        stack_fail "posternd does not start; see $STACK_DIR/log/posternd.out"
    }
}

# It answers, or it is gone.
stack_posternd_settled() {
    stack_posternd_answers || stack_gone posternd
}

stack_posternd_answers() {
    stack_pid posternd >/dev/null && stack_postern domain list >/dev/null
}

stack_posternd_stop() {
    stack_end posternd
}

stack_dovecot_start() {
    setsid dovecot -c "$STACK_DOVECOT_CONF" >>"$STACK_DIR/log/dovecot.out" 2>&1 9>&- || {
        cat "$STACK_DIR/log/dovecot.out" >&2
        stack_fail "Dovecot does not start" || return 1
    }
    stack_wait 10 stack_port_open "${STACK_PORT[imap]}" || stack_fail "Dovecot does not listen; see $STACK_LOG"
}

stack_dovecot_pid() {
    local pid
    read -r pid 2>/dev/null <"$STACK_DIR/dovecot/master.pid" || return 1
    tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF "$STACK_DOVECOT_CONF" && echo "$pid"
}

stack_dovecot_gone() {
    ! stack_dovecot_pid >/dev/null
}

stack_dovecot_stop() {
    stack_dovecot_pid >/dev/null || return 0
    doveadm -c "$STACK_DOVECOT_CONF" stop >/dev/null 2>&1 || true
    stack_wait 5 stack_dovecot_gone || kill -9 "$(stack_dovecot_pid)" 2>/dev/null || true
}

stack_postfix_start() {
    setsid postfix -c "$STACK_POSTFIX_CONF" start >>"$STACK_DIR/log/postfix.out" 2>&1 9>&- || {
        cat "$STACK_DIR/log/postfix.out" >&2
        stack_fail "Postfix does not start; see $STACK_LOG" || return 1
    }
    stack_wait 10 stack_port_open "${STACK_PORT[submission]}" || stack_fail "Postfix does not listen; see $STACK_LOG"
}

stack_postfix_stop() {
    [ -e "$STACK_POSTFIX_CONF/main.cf" ] || return 0
    setsid postfix -c "$STACK_POSTFIX_CONF" stop >>"$STACK_DIR/log/postfix.out" 2>&1 9>&- || true
}

# ---- all of it ----

stack_ports_free() {
    local name taken=
    for name in "${!STACK_PORT[@]}"; do
        [ "$name" != provider ] || [ -z "$STACK_USERINFO" ] || continue
        ! stack_port_open "${STACK_PORT[$name]}" || taken+=" ${STACK_PORT[$name]} ($name)"
    done
    [ -z "$taken" ] || stack_fail "these ports of 127.0.0.1 are in use by another program:$taken"
}

stack_start() {
    stack_rsyslog_start && stack_provider_start && stack_posternd_start && stack_dovecot_start && stack_postfix_start
}

stack_up() {
    stack_down && stack_prepare && stack_ports_free && stack_render && stack_start
}

# Also after a kill -9 of everything: stops what still runs by what the directory says.
stack_down() {
    local postfix dovecot
    stack_postfix_stop &
    postfix=$!
    stack_dovecot_stop &
    dovecot=$!
    wait "$postfix" "$dovecot" || true
    stack_end posternd
    stack_end provider
    stack_end rsyslog
}

stack_postern() {
    # These read the configuration themselves, so they have to be told which.
    case ${1:-} in doctor | purge) set -- "$@" --config "$STACK_DIR/postern.conf" ;; esac
    POSTERN_SOCKET=$STACK_DIR/admin.sock "$POSTERN" "$@"
}

# What happens to people at the demo's provider: join, leave, return, delete.
stack_person() {
    /usr/bin/python3 -I "$STACK_ROOT/share/demo/provider.py" "$1" --control "$STACK_DIR/provider/control" "$2"
}

# From now on the demo's provider keeps our accounts in step over SCIM. Prints how many people it has.
stack_provision() {
    stack_postern scim-token create provider --domains example.com --provider demo 2>"$STACK_DIR/log/scim-token.out" |
        /usr/bin/python3 -I "$STACK_ROOT/share/demo/provider.py" provision --control "$STACK_DIR/provider/control" \
            --url "http://127.0.0.1:${STACK_PORT[http]}/scim/v2"
}

stack_token() {
    /usr/bin/python3 -I "$STACK_ROOT/share/demo/provider.py" token --control "$STACK_DIR/provider/control" "$@"
}
