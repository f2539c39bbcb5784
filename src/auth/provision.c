/* provision.c - what a provisioning client wants, copied for as long as the change takes. */
#include "auth/provision.h"

const char *provision_addresses_attribute(const struct provision_addresses *addresses, size_t index)
{
    if (index == 0) {
        return addresses->primary;
    }
    return addresses->aliases_at > 0 && index >= addresses->aliases_at ? "aliases"
                                                                       : addresses->others;
}

static void copy_list(struct arena *arena, struct provision_list *list)
{
    struct span *items = arena_new(arena, list->count * sizeof *items + 1);
    for (size_t i = 0; i < list->count; i++) {
        items[i] = span_copy(arena, list->items[i]);
    }
    list->items = items;
}

static void copy_texts(struct arena *arena, struct span *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        *texts[i] = span_copy(arena, *texts[i]);
    }
}

static void copy_resource(struct arena *arena, struct provision_resource *resource)
{
    struct span *const texts[] = {&resource->id,       &resource->external_id, &resource->name,
                                  &resource->name_key, &resource->display_key, &resource->document};
    copy_texts(arena, texts, sizeof texts / sizeof texts[0]);
    copy_list(arena, &resource->email_keys);
}

struct provision_user *provision_user_copy(struct arena *arena, const struct provision_user *user)
{
    struct provision_user *copy = arena_new(arena, sizeof *copy);
    *copy = *user;
    struct span *const texts[] = {&copy->password_hash, &copy->full_name, &copy->login_name,
                                  &copy->login_attribute};
    copy_texts(arena, texts, sizeof texts / sizeof texts[0]);
    copy_resource(arena, &copy->resource);
    copy_list(arena, &copy->addresses.list);
    copy_list(arena, &copy->forward_to);
    copy_list(arena, &copy->send_as);
    copy->before = user->before == NULL ? NULL : provision_user_copy(arena, user->before);
    return copy;
}

static const struct provision_member *copy_members(struct arena *arena,
                                                   const struct provision_member *members,
                                                   size_t count)
{
    struct provision_member *copies = arena_new(arena, count * sizeof *copies + 1);
    for (size_t i = 0; i < count; i++) {
        copies[i] = members[i];
        copies[i].id = span_copy(arena, members[i].id);
    }
    return copies;
}

struct provision_group *provision_group_copy(struct arena *arena,
                                             const struct provision_group *group)
{
    struct provision_group *copy = arena_new(arena, sizeof *copy);
    *copy = *group;
    copy_resource(arena, &copy->resource);
    copy_list(arena, &copy->addresses.list);
    copy_list(arena, &copy->owners);
    copy_list(arena, &copy->external);
    copy->remove = copy_members(arena, group->remove, group->remove_count);
    copy->add = copy_members(arena, group->add, group->add_count);
    return copy;
}
