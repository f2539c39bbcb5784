/* stream_tls.c - the TLS of one connection, server side: bytes of the wire in, bytes of the peer out, and back. */
#include "net/stream_tls.h"

#include "base/memory.h"

#include <assert.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdlib.h>

/* What OpenSSL keeps for a context is counted by itself. */
struct stream_tls_identity {
    SSL_CTX *context;
    size_t users;
};

struct stream_tls {
    struct stream_tls_identity *identity;
    SSL *ssl;
    BIO *in, *out; /* the wire's side; the SSL's to free */
};

static const char CIPHERS[] = "ECDHE+AESGCM:ECDHE+CHACHA20";
static const unsigned char HTTP_1_1[] = "\x08http/1.1";

/* ---- who we are ---- */

/* RFC 7301, 3.2: no protocol in common ends the handshake. */
static int on_alpn(SSL *ssl, const unsigned char **chosen, unsigned char *chosen_length,
                   const unsigned char *offered, unsigned offered_length, void *context)
{
    unsigned char *protocol;
    (void)ssl, (void)context;
    int answer = SSL_select_next_proto(&protocol, chosen_length, HTTP_1_1, sizeof HTTP_1_1 - 1,
                                       offered, offered_length);
    *chosen = protocol;
    return answer == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static SSL_CTX *new_context(void)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context == NULL || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(context, CIPHERS) != 1) {
        abort();
    }
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_CLEANSE_PLAINTEXT);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 0);
    /* An idle connection keeps no buffers of records. */
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_alpn_select_cb(context, on_alpn, NULL);
    return context;
}

static BIO *text_open(struct span text)
{
    assert(text.length <= INT_MAX);
    BIO *bio = BIO_new_mem_buf(text.at == NULL ? "" : text.at, (int)text.length);
    if (bio == NULL) {
        abort();
    }
    return bio;
}

static bool take_certificates(SSL_CTX *context, struct span text, struct error *error)
{
    BIO *bio = text_open(text);
    X509 *own = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL);
    bool good = own != NULL && SSL_CTX_use_certificate(context, own) == 1;
    X509_free(own);
    if (!good) {
        BIO_free(bio);
        return error_set(error, "there is no certificate in it that can be used (PEM, a key of "
                                "at least 2048 bits)");
    }
    X509 *next;
    while (good && (next = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        good = SSL_CTX_add0_chain_cert(context, next) == 1;
        if (!good) {
            X509_free(next);
        }
    }
    /* The end of the text is told as an error too. */
    bool ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    BIO_free(bio);
    return (good && ended) || error_set(error, "a certificate of its chain cannot be read");
}

/* Nobody is asked for a password. */
static int no_password(char *room, int size, int writes, void *context)
{
    (void)room, (void)size, (void)writes, (void)context;
    return 0;
}

static bool take_key(SSL_CTX *context, struct span text, struct error *error)
{
    BIO *bio = text_open(text);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
    BIO_free(bio);
    if (key == NULL) {
        return error_set(error, "the key cannot be read: it must be PEM, without a password");
    }
    bool fits =
        SSL_CTX_use_PrivateKey(context, key) == 1 && SSL_CTX_check_private_key(context) == 1;
    EVP_PKEY_free(key);
    return fits || error_set(error, "the key is not the one of the certificate");
}

struct stream_tls_identity *stream_tls_identity_new(struct span certificates, struct span key,
                                                    struct error *error)
{
    SSL_CTX *context = new_context();
    ERR_clear_error();
    bool good = take_certificates(context, certificates, error) && take_key(context, key, error);
    ERR_clear_error();
    if (!good) {
        SSL_CTX_free(context);
        return NULL;
    }
    struct stream_tls_identity *identity = MEMORY_NEW(struct stream_tls_identity);
    *identity = (struct stream_tls_identity){context, 1};
    return identity;
}

struct stream_tls_identity *stream_tls_identity_keep(struct stream_tls_identity *identity)
{
    identity->users++;
    return identity;
}

void stream_tls_identity_free(struct stream_tls_identity *identity)
{
    if (identity == NULL || --identity->users > 0) {
        return;
    }
    SSL_CTX_free(identity->context);
    memory_free(identity);
}

/* ---- one connection ---- */

struct stream_tls *stream_tls_new(struct stream_tls_identity *identity)
{
    struct stream_tls *tls = MEMORY_NEW(struct stream_tls);
    *tls = (struct stream_tls){.identity = stream_tls_identity_keep(identity),
                               .ssl = SSL_new(identity->context),
                               .in = BIO_new(BIO_s_mem()),
                               .out = BIO_new(BIO_s_mem())};
    if (tls->ssl == NULL || tls->in == NULL || tls->out == NULL) {
        abort();
    }
    BIO_set_mem_eof_return(tls->in, -1); /* empty is not the end */
    SSL_set_bio(tls->ssl, tls->in, tls->out);
    SSL_set_accept_state(tls->ssl);
    return tls;
}

void stream_tls_free(struct stream_tls *tls)
{
    if (tls != NULL) {
        SSL_free(tls->ssl);
        stream_tls_identity_free(tls->identity);
        memory_free(tls);
    }
}

/* A memory BIO takes all of it. */
void stream_tls_receive(struct stream_tls *tls, struct span bytes)
{
    size_t taken = 0;
    if (bytes.length > 0 &&
        (BIO_write_ex(tls->in, bytes.at, bytes.length, &taken) != 1 || taken != bytes.length)) {
        abort();
    }
}

enum stream_tls_answer stream_tls_read(struct stream_tls *tls, char *room, size_t size,
                                       size_t *length)
{
    ERR_clear_error();
    if (SSL_read_ex(tls->ssl, room, size, length) == 1) {
        return STREAM_TLS_BYTES;
    }
    int error = SSL_get_error(tls->ssl, 0);
    ERR_clear_error();
    *length = 0;
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        return STREAM_TLS_MORE;
    }
    return error == SSL_ERROR_ZERO_RETURN ? STREAM_TLS_CLOSED : STREAM_TLS_BROKEN;
}

void stream_tls_write(struct stream_tls *tls, struct span bytes)
{
    size_t taken = 1;
    ERR_clear_error();
    while (stream_tls_ready(tls) && bytes.length > 0 && taken > 0) {
        taken = 0;
        (void)SSL_write_ex(tls->ssl, bytes.at, bytes.length, &taken);
        bytes = span_from(bytes, taken);
    }
    ERR_clear_error();
}

void stream_tls_close(struct stream_tls *tls)
{
    ERR_clear_error();
    if (stream_tls_ready(tls)) {
        (void)SSL_shutdown(tls->ssl);
    }
    ERR_clear_error();
}

void stream_tls_take(struct stream_tls *tls, struct buffer *out)
{
    size_t waiting = BIO_ctrl_pending(tls->out), taken = 0;
    char *room = waiting == 0 ? NULL : buffer_room(out, waiting);
    if (room != NULL && BIO_read_ex(tls->out, room, waiting, &taken) == 1) {
        buffer_took(out, taken);
    }
}

bool stream_tls_ready(const struct stream_tls *tls)
{
    return SSL_is_init_finished(tls->ssl) == 1;
}
