/* issuer_settings.c - an issuer's settings: kept as a copy, and compared with those of a reload. */
#include "token/issuer_settings.h"

#include "base/memory.h"

#include <assert.h>
#include <string.h>

enum { RETRY_MIN_MS = 1000, RETRY_MAX_MS = 60 * 1000 };

static int64_t or_default(int64_t ms, int64_t usual)
{
    return ms > 0 ? ms : usual;
}

static void set_text(char **kept, const char **view, const char *text)
{
    *kept = text != NULL ? memory_text(text) : NULL;
    *view = *kept;
}

void issuer_settings_copy(struct issuer_settings_copy *copy, const struct issuer_settings *settings)
{
    assert(settings->refresh_ms > 0 && settings->max_age_ms > 0);
    struct issuer_settings *own = &copy->settings;
    *own = *settings;
    set_text(&copy->texts[0], &own->provider, settings->provider);
    set_text(&copy->texts[1], &own->issuer, settings->issuer);
    set_text(&copy->texts[2], &own->jwks, settings->jwks);
    set_text(&copy->texts[3], &own->connect_to, settings->connect_to);
    set_text(&copy->texts[4], &own->ca_file, settings->ca_file);
    own->retry_min_ms = or_default(settings->retry_min_ms, RETRY_MIN_MS);
    own->retry_max_ms = or_default(settings->retry_max_ms, RETRY_MAX_MS);
}

void issuer_settings_done(struct issuer_settings_copy *copy)
{
    for (size_t i = 0; i < ISSUER_SETTINGS_TEXTS; i++) {
        memory_free(copy->texts[i]);
    }
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_times(const struct issuer_settings *a, const struct issuer_settings *b)
{
    return a->refresh_ms == b->refresh_ms && a->cooldown_ms == b->cooldown_ms &&
           a->max_age_ms == b->max_age_ms &&
           a->retry_min_ms == or_default(b->retry_min_ms, RETRY_MIN_MS) &&
           a->retry_max_ms == or_default(b->retry_max_ms, RETRY_MAX_MS);
}

bool issuer_settings_same(const struct issuer_settings_copy *copy,
                          const struct issuer_settings *settings)
{
    const struct issuer_settings *own = &copy->settings;
    return same_text(own->provider, settings->provider) &&
           same_text(own->issuer, settings->issuer) && same_text(own->jwks, settings->jwks) &&
           same_text(own->connect_to, settings->connect_to) &&
           same_text(own->ca_file, settings->ca_file) && same_times(own, settings) &&
           own->needs_keys == settings->needs_keys;
}
