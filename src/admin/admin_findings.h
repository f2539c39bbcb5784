/* admin_findings.h - findings as JSON. Internal to admin/. */
#ifndef ADMIN_ADMIN_FINDINGS_H
#define ADMIN_ADMIN_FINDINGS_H

#include "base/finding.h"
#include "wire/json.h"

/* [{"level": "bad", "code": "token-expired", "text": "…", "remedy": "…"}, …] in their order. */
struct json *admin_findings(const struct finding_list *findings);

#endif
