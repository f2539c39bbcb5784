/* doctor_postfix_maps.h - do Postfix's maps and paths lead to posternd, and its transport to Dovecot? */
#ifndef CLI_DOCTOR_POSTFIX_MAPS_H
#define CLI_DOCTOR_POSTFIX_MAPS_H

#include "base/arena.h"
#include "cli/doctor.h"
#include "cli/doctor_postconf.h"

struct doctor_postfix_patient {
    const struct doctor *doctor;
    const struct config *config;
    const struct doctor_postconf *postconf;
    struct finding_list *found;
    struct arena arena;
};

enum doctor_postfix_reach {
    REACH_OTHER,  /* leads somewhere else */
    REACH_HIDDEN, /* ours, or meant to be, but not to be seen from inside the chroot */
    REACH_OURS,
};

/* Whether `path`, as Postfix reads it, is posternd's socket `file` ("auth", "map", "policy"). */
enum doctor_postfix_reach doctor_postfix_maps_reach(struct doctor_postfix_patient *patient,
                                                    struct span path, const char *file,
                                                    bool chroot);
/* Says so: `setting` of `service` leads out of the chroot; `right` is what to write. */
void doctor_postfix_maps_hidden(struct doctor_postfix_patient *patient,
                                const struct doctor_postconf_service *service, const char *setting,
                                struct span path, const char *right);
bool doctor_postfix_maps_same_file(const char *one, const char *other);
/* All of main.cf that says who is here and where mail goes. `chrooted` is any smtpd that runs in the chroot; NULL: none. */
void doctor_postfix_maps(struct doctor_postfix_patient *patient,
                         const struct doctor_postconf_service *chrooted);

#endif
