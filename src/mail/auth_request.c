/* auth_request.c - the AUTH requests of one connection that are not answered yet. */
#include "mail/auth_request.h"

#include "base/memory.h"

struct auth_request *auth_request_find(const struct auth_request_list *list, uint32_t id)
{
    if (id > list->highest_id) {
        return NULL; /* ids grow: the usual case */
    }
    struct auth_request *request = list->newest;
    while (request != NULL && request->id != id) {
        request = request->older;
    }
    return request;
}

struct auth_request *auth_request_new(struct auth_request_list *list,
                                      const struct dovecot_line *line, void *connection)
{
    struct auth_request *request = MEMORY_NEW(struct auth_request);
    request->connection = connection;
    request->list = list;
    request->id = line->id;
    request->nologin = line->nologin;
    request->pending.mechanism = span_copy(&request->arena, line->mechanism);
    request->pending.service = span_copy(&request->arena, line->service);
    request->pending.session = span_copy(&request->arena, line->session);
    request->older = list->newest;
    if (request->older != NULL) {
        request->older->newer = request;
    }
    list->newest = request;
    list->highest_id = request->id > list->highest_id ? request->id : list->highest_id;
    list->count++;
    return request;
}

void auth_request_free(struct auth_request *request)
{
    struct auth_request_list *list = request->list;
    login_cancel(request->login);
    if (request->older != NULL) {
        request->older->newer = request->newer;
    }
    *(request->newer != NULL ? &request->newer->older : &list->newest) = request->older;
    list->count--;
    arena_done(&request->arena);
    memory_free(request);
}
