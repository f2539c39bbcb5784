/* admin_findings.c - findings as JSON. */
#include "admin/admin_findings.h"

struct json *admin_findings(const struct finding_list *findings)
{
    struct json *list = json_new_array();
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        struct json *item = json_new_object();
        json_put_text(item, "level", span_of(finding_level_name(finding->level)));
        json_put_text(item, "code", span_of(finding->code));
        json_put_text(item, "text", span_of(finding->text));
        if (finding->remedy != NULL) {
            json_put_text(item, "remedy", span_of(finding->remedy));
        }
        json_append(list, item);
    }
    return list;
}
