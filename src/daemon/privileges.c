/* privileges.c - what each process may do: the parent three things, the worker nothing. */
#include "daemon/privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static const int kept[] = {CAP_SETUID, CAP_SETGID, CAP_KILL};

/* Both sets that count now; what may be inherited is always empty. */
static bool set_capabilities(uint64_t capabilities)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};
    for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
        data[i].effective = data[i].permitted = (uint32_t)(capabilities >> (32 * i));
    }
    return syscall(SYS_capset, &header, data) == 0;
}

bool privileges_keep_few(struct error *error)
{
    uint64_t capabilities = 0;
    if (geteuid() != 0) {
        return true;
    }
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        capabilities |= UINT64_C(1) << kept[i];
    }
    /* What an exec of root would bring back is the bounding set; EINVAL: beyond this kernel's last one. */
    for (int i = 0; i < 64; i++) {
        bool keep = (capabilities >> i & 1) != 0;
        if (!keep && prctl(PR_CAPBSET_DROP, i, 0, 0, 0) != 0 && errno != EINVAL && errno != EPERM) {
            return error_set(error, "capability %d cannot be dropped: %s", i, strerror(errno));
        }
    }
    if (!set_capabilities(capabilities)) {
        return error_set(error,
                         "posternd needs the capabilities SETUID, SETGID and KILL and may not have "
                         "them: %s",
                         strerror(errno));
    }
    return true;
}

bool privileges_become(uid_t uid, gid_t gid, struct error *error)
{
    if (geteuid() != 0) {
        return geteuid() == uid || error_set(error, "only root can become uid %u", (unsigned)uid);
    }
    if (uid == 0 || gid == 0) {
        return error_set(error, "the worker never runs as root");
    }
    if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0) {
        return error_set(error, "cannot become uid %u, gid %u: %s", (unsigned)uid, (unsigned)gid,
                         strerror(errno));
    }
    if (setresuid(0, 0, 0) == 0 || geteuid() != uid || getegid() != gid) {
        return error_set(error, "uid %u could become root again", (unsigned)uid);
    }
    return true;
}

bool privileges_give_up(struct error *error)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 || !set_capabilities(0)) {
        return error_set(error, "privileges cannot be given up: %s", strerror(errno));
    }
    return true;
}

/* The leak checker reads its own process as a debugger does. */
#if defined(__SANITIZE_ADDRESS__)
enum { LEAKS_ARE_CHECKED = 1 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
enum { LEAKS_ARE_CHECKED = 1 };
#else
enum { LEAKS_ARE_CHECKED = 0 };
#endif
#else
enum { LEAKS_ARE_CHECKED = 0 };
#endif

bool privileges_hide(struct error *error)
{
    struct rlimit none = {0, 0};
    /* The parent-death signal is forgotten whenever credentials change, so it comes after them. */
    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 ||
        prctl(PR_SET_DUMPABLE, LEAKS_ARE_CHECKED, 0, 0, 0) != 0) {
        return error_set(error, "the worker cannot hide its memory: %s", strerror(errno));
    }
    return true;
}

size_t privileges_raise_files(size_t wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 0;
    }
    rlim_t most = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    if (limit.rlim_cur < most) {
        struct rlimit raised = {most, limit.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &raised) == 0) {
            return (size_t)most;
        }
    }
    return (size_t)limit.rlim_cur;
}
