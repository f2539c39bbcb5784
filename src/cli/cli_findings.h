/* cli_findings.h - findings as people read them, one after another. */
#ifndef CLI_CLI_FINDINGS_H
#define CLI_CLI_FINDINGS_H

#include "base/finding.h"
#include "wire/json.h"

/* One line "  ok       code   what was seen", and under a warning or a fault what to do. */
void cli_findings_show(const struct finding_list *list);
/* What the daemon found ("findings" of its answer) as a list of our own, for printing and counting. What is malformed
 * in it is left out. */
struct finding_list cli_findings_read(const struct json *answer);

#endif
