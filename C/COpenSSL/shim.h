// SPDX-License-Identifier: Apache-2.0
// OpenSSL 3.0 for TLS: what Swift does not see because it is a macro or a callback, and one way
// for bytes to and from a socket.
//
// The way (a BIO) never asks OpenSSL to write again: what the socket does not take stays with the
// connection, up to a bound. So a write that was accepted is accepted, as with a plain socket, and
// the rule that a failed SSL_write must be repeated with the same bytes never comes into play.
#pragma once
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/ocsp.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

struct mt_tickets;

// What the next connection to the same server resumes; it belongs to one thread.
typedef struct mt_resumption {
    SSL_SESSION *session;
    uint64_t generation;  // sessions of connections of an older one are not kept
} mt_resumption;

// What callbacks need to know of the server side; lives as long as its SSL_CTX.
typedef struct mt_server {
    struct mt_tickets *tickets;
    uint8_t takes_early;  // requests may come before the end of the handshake
    uint8_t protocol_length;
    uint8_t protocols[31];
} mt_server;

// One connection: the SSL object, and the bytes that the socket has not taken.
typedef struct mt_tls {
    SSL *ssl;
    mt_server *server;
    int fd;
    int error;            // errno of the socket call that failed
    uint8_t is_drained;   // the last read took all that the socket had
    uint8_t is_ended;     // the peer has finished sending
    uint8_t is_corked;    // bytes are collected, and sent in one call later
    uint8_t is_asking;    // a client hello waits for a certificate
    uint8_t is_chosen;    // the certificate has been chosen
    uint8_t is_refused;   // the name is unknown here
    uint8_t is_broken;    // no close_notify may follow
    uint8_t is_full;      // the peer makes us answer and takes nothing
    uint8_t is_server;
    uint8_t is_established;
    uint8_t is_deferred;  // what waits may wait for the first response: tickets
    uint8_t may_sign;     // the costly step of a full handshake has been allowed
    uint8_t is_slow;      // that step may take milliseconds
    uint8_t is_away;      // another thread has it: nobody else may touch it
    uint8_t awaits_early; // the handshake may begin with early data
    uint8_t is_early;     // more of it may come
    uint8_t had_early;    // some has come: who sent it is not known to be here until all is agreed
    uint32_t early_start, early_end;
    uint8_t *early;       // what came of it with the handshake
    mt_resumption *resumption;  // where a client's sessions are kept; NULL for nowhere
    uint64_t generation;
    uint16_t name_length;
    char *name;           // what the client hello asked for, in lower case
    uint8_t *out;
    uint32_t out_start, out_end, out_capacity;
} mt_tls;

// A peer that sends what has to be answered, and reads nothing, ends here.
#define MT_BACKLOG_LIMIT (192u << 10)
// Bytes that a client may send before the end of its handshake: one record, some requests.
#define MT_EARLY_LIMIT (16u << 10)

// MARK: Bytes

static inline long mt_tls_backlog(const mt_tls *t) { return (long)(t->out_end - t->out_start); }

// Sends what was kept back. 1: nothing is left, 0: the socket is full, -1: it is broken.
static inline int mt_tls_flush(mt_tls *t) {
    while (t->out_end > t->out_start) {
        ssize_t n = send(t->fd, t->out + t->out_start, t->out_end - t->out_start,
                         MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0) {
            if (errno == EINTR) continue;
            if (errno == EAGAIN) return 0;
            t->error = errno;
            t->is_broken = 1;
            return -1;
        }
        t->out_start += (uint32_t)n;
    }
    free(t->out);
    t->out = NULL;
    t->out_start = t->out_end = t->out_capacity = 0;
    return 1;
}

static inline int mt_tls_keep(mt_tls *t, const char *bytes, size_t length) {
    uint32_t waiting = t->out_end - t->out_start;
    if (length > MT_BACKLOG_LIMIT - waiting) {
        t->is_full = 1;
        return 0;
    }
    if (t->out_end + length > t->out_capacity) {
        uint32_t capacity = waiting + (uint32_t)length;
        if (capacity < 4096) capacity = 4096;
        uint8_t *grown = malloc(capacity);
        if (!grown) return 0;
        if (waiting) memcpy(grown, t->out + t->out_start, waiting);
        free(t->out);
        t->out = grown;
        t->out_start = 0;
        t->out_end = waiting;
        t->out_capacity = capacity;
    }
    memcpy(t->out + t->out_end, bytes, length);
    t->out_end += (uint32_t)length;
    return 1;
}

static inline int mt_bio_write(BIO *bio, const char *bytes, size_t length, size_t *count) {
    mt_tls *t = BIO_get_data(bio);
    size_t sent = 0;
    BIO_clear_retry_flags(bio);
    *count = 0;
    if (!t->is_corked && t->out_end == t->out_start) {
        ssize_t n = send(t->fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            t->error = errno;
            t->is_broken = 1;
            return 0;
        }
        sent = n < 0 ? 0 : (size_t)n;
    }
    if (sent < length && !mt_tls_keep(t, bytes + sent, length - sent)) return 0;
    *count = length;
    return 1;
}

static inline int mt_bio_read(BIO *bio, char *bytes, size_t length, size_t *count) {
    mt_tls *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *count = 0;
    ssize_t n = recv(t->fd, bytes, length, MSG_DONTWAIT);
    if (n > 0) {
        t->is_drained = (size_t)n < length;
        *count = (size_t)n;
        return 1;
    }
    t->is_drained = 1;
    if (n == 0) {
        t->is_ended = 1;
    } else if (errno == EAGAIN || errno == EINTR) {
        BIO_set_retry_read(bio);
    } else {
        t->error = errno;
        t->is_broken = 1;
    }
    return 0;
}

static inline long mt_bio_ctrl(BIO *bio, int command, long number, void *pointer) {
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static inline int mt_bio_create(BIO *bio) {
    BIO_set_init(bio, 1);
    return 1;
}

static inline BIO_METHOD *mt_bio_method(void) {
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "martlet");
    if (!method) return NULL;
    BIO_meth_set_write_ex(method, mt_bio_write);
    BIO_meth_set_read_ex(method, mt_bio_read);
    BIO_meth_set_ctrl(method, mt_bio_ctrl);
    BIO_meth_set_create(method, mt_bio_create);
    return method;
}

// MARK: Session tickets

// RFC 5077 §4: a name that finds the key, a key to encrypt and one to authenticate.
typedef struct mt_ticket_key {
    uint8_t name[16];
    uint8_t cipher[32];
    uint8_t digest[32];
} mt_ticket_key;

#define MT_TICKET_KEYS 4
typedef struct mt_ticket_set {
    int count;  // the first one issues, all are accepted
    mt_ticket_key keys[MT_TICKET_KEYS];
} mt_ticket_set;

// Never freed: callbacks of connections may look at it for as long as the process lives. A set
// that has been replaced is wiped at the next exchange, long after anyone could still look at it.
typedef struct mt_tickets {
    _Atomic(mt_ticket_set *) current;
    mt_ticket_set *former;
    EVP_CIPHER *cipher;
} mt_tickets;

static inline mt_tickets *mt_tickets_new(void) {
    mt_tickets *tickets = calloc(1, sizeof *tickets);
    if (tickets) tickets->cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
    return tickets;
}

static inline int mt_tickets_exchange(mt_tickets *tickets, const mt_ticket_set *set) {
    mt_ticket_set *fresh = malloc(sizeof *fresh);
    if (!fresh) return 0;
    *fresh = *set;
    mt_ticket_set *old = atomic_exchange(&tickets->current, fresh);
    if (tickets->former) {
        OPENSSL_cleanse(tickets->former, sizeof *tickets->former);
        free(tickets->former);
    }
    tickets->former = old;
    return 1;
}

static inline int mt_tickets_begin(EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, const EVP_CIPHER *form,
                                   const mt_ticket_key *key, const uint8_t *iv, int enc) {
    OSSL_PARAM parameters[3] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)key->digest, 32),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
        OSSL_PARAM_construct_end(),
    };
    if (!EVP_MAC_CTX_set_params(mac, parameters)) return 0;
    return EVP_CipherInit_ex2(cipher, form, key->cipher, iv, enc, NULL);
}

// MARK: Contexts

static inline void mt_server_free(void *parent, void *pointer, CRYPTO_EX_DATA *data, int index,
                                  long number, void *argument) {
    (void)parent, (void)data, (void)index, (void)number, (void)argument;
    free(pointer);
}
static inline int mt_server_index(void) {
    return SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, mt_server_free);
}

static inline int mt_ticket_callback(SSL *ssl, unsigned char *name, unsigned char *iv,
                                     EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int enc) {
    mt_tls *t = SSL_get_app_data(ssl);
    mt_tickets *tickets = t->server ? t->server->tickets : NULL;
    mt_ticket_set *set = tickets ? atomic_load(&tickets->current) : NULL;
    if (!set || set->count < 1) return 0;
    if (enc) {
        if (RAND_bytes(iv, 16) != 1) return -1;
        memcpy(name, set->keys[0].name, 16);
        return mt_tickets_begin(cipher, mac, tickets->cipher, &set->keys[0], iv, 1) ? 1 : -1;
    }
    for (int i = 0; i < set->count; i++) {
        if (CRYPTO_memcmp(name, set->keys[i].name, 16) != 0) continue;
        if (!mt_tickets_begin(cipher, mac, tickets->cipher, &set->keys[i], iv, 0)) return -1;
        return i == 0 ? 1 : 2;
    }
    return 0;
}

static inline int mt_alpn_callback(SSL *ssl, const unsigned char **chosen, unsigned char *length,
                                   const unsigned char *offered, unsigned int offered_length,
                                   void *argument) {
    (void)argument;
    mt_tls *t = SSL_get_app_data(ssl);
    mt_server *server = t->server;
    unsigned char *out = NULL;
    if (SSL_select_next_proto(&out, length, server->protocols, server->protocol_length, offered,
                              offered_length) != OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;  // RFC 7301 §3.2
    }
    *chosen = out;
    return SSL_TLSEXT_ERR_OK;
}

// MARK: Stapled OCSP responses

// Hangs on its certificate, so that whoever shows the one has the other at hand.
typedef struct mt_staple {
    int64_t ends;  // nextUpdate, in seconds since 1970
    int length;
    uint8_t bytes[];
} mt_staple;

static inline void mt_staple_free(void *parent, void *pointer, CRYPTO_EX_DATA *data, int index,
                                  long number, void *argument) {
    (void)parent, (void)data, (void)index, (void)number, (void)argument;
    free(pointer);
}
// A copy of the certificate goes without: two owners would free one response.
static inline int mt_staple_dup(CRYPTO_EX_DATA *to, const CRYPTO_EX_DATA *from, void **pointer,
                                int index, long number, void *argument) {
    (void)to, (void)from, (void)index, (void)number, (void)argument;
    *pointer = NULL;
    return 1;
}
static inline int mt_staple_index(void) {
    return X509_get_ex_new_index(0, NULL, NULL, mt_staple_dup, mt_staple_free);
}
static inline int mt_staple_attach(X509 *leaf, int index, const uint8_t *bytes, long length,
                                   int64_t ends) {
    if (length <= 0 || length > (1 << 20)) return 0;
    mt_staple *staple = malloc(sizeof *staple + (size_t)length);
    if (!staple) return 0;
    staple->ends = ends;
    staple->length = (int)length;
    memcpy(staple->bytes, bytes, (size_t)length);
    if (X509_set_ex_data(leaf, index, staple)) return 1;
    free(staple);
    return 0;
}

// RFC 6066 section 8, RFC 8446 section 4.4.2.1: for the certificate that is about to be shown.
static inline int mt_staple_callback(SSL *ssl, void *argument) {
    X509 *leaf = SSL_get_certificate(ssl);
    mt_staple *staple = leaf ? X509_get_ex_data(leaf, (int)(intptr_t)argument) : NULL;
    // A response whose time is over does more harm than none.
    if (!staple || (int64_t)time(NULL) >= staple->ends) return SSL_TLSEXT_ERR_NOACK;
    uint8_t *copy = OPENSSL_memdup(staple->bytes, (size_t)staple->length);
    if (!copy) return SSL_TLSEXT_ERR_NOACK;
    if (SSL_set_tlsext_status_ocsp_resp(ssl, copy, staple->length)) return SSL_TLSEXT_ERR_OK;
    OPENSSL_free(copy);
    return SSL_TLSEXT_ERR_NOACK;
}
static inline void mt_ctx_staple(SSL_CTX *ctx, int index) {
    SSL_CTX_set_tlsext_status_cb(ctx, mt_staple_callback);
    SSL_CTX_set_tlsext_status_arg(ctx, (void *)(intptr_t)index);
}

static inline int mt_name_callback(SSL *ssl, int *alert, void *argument) {
    (void)ssl, (void)alert, (void)argument;
    return SSL_TLSEXT_ERR_OK;
}

// RFC 6066 §3: a list with one entry of type host_name.
static inline void mt_read_name(mt_tls *t, const unsigned char *bytes, size_t length) {
    if (length < 5 || bytes[2] != 0) return;
    size_t list = (size_t)bytes[0] << 8 | bytes[1], count = (size_t)bytes[3] << 8 | bytes[4];
    if (list + 2 != length || count + 5 > length || count == 0 || count > 255) return;
    char *name = malloc(count);
    if (!name) return;
    for (size_t i = 0; i < count; i++) {
        unsigned char c = bytes[5 + i];
        if (c >= 'A' && c <= 'Z') c += 32;
        // What cannot be a host is nobody's name: it may stand in logs and in no certificate.
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_')) {
            free(name);
            return;
        }
        name[i] = (char)c;
    }
    if (name[count - 1] == '.') count--;  // §3: without the trailing dot; some send it
    t->name = name;
    t->name_length = (uint16_t)count;
}

// Stops the handshake once, so that the certificate can be chosen outside of any callback.
static inline int mt_hello_callback(SSL *ssl, int *alert, void *argument) {
    (void)argument;
    mt_tls *t = SSL_get_app_data(ssl);
    if (t->is_refused) {
        *alert = SSL_AD_UNRECOGNIZED_NAME;
        return SSL_CLIENT_HELLO_ERROR;
    }
    if (t->is_chosen) return SSL_CLIENT_HELLO_SUCCESS;
    const unsigned char *bytes;
    size_t length;
    if (!t->name && SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &bytes, &length)) {
        mt_read_name(t, bytes, length);
    }
    t->is_asking = 1;
    return SSL_CLIENT_HELLO_RETRY;
}

// Stops a handshake that resumes nothing once, before its signature.
static inline int mt_cert_callback(SSL *ssl, void *argument) {
    (void)argument;
    mt_tls *t = SSL_get_app_data(ssl);
    return t->may_sign ? 1 : -1;
}

static inline void mt_ctx_defaults(SSL_CTX *ctx) {
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE
                              | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_SSLv3
                                 | SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1
                                 | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_read_ahead(ctx, 1);
    // Sessions live in tickets: a store would be one lock for all workers.
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
}

static inline int mt_ctx_versions(SSL_CTX *ctx, int least, int most) {
    return SSL_CTX_set_min_proto_version(ctx, least) && SSL_CTX_set_max_proto_version(ctx, most);
}
static inline int mt_ctx_groups(SSL_CTX *ctx, const char *list) {
    return (int)SSL_CTX_set1_groups_list(ctx, list);
}

static inline int mt_ctx_server(SSL_CTX *ctx, int index, mt_tickets *tickets, int takes_early,
                                const uint8_t *protocols, size_t length) {
    mt_server *server = calloc(1, sizeof *server);
    if (!server || length > sizeof server->protocols) {
        free(server);
        return 0;
    }
    server->tickets = tickets;
    server->takes_early = tickets && takes_early;
    server->protocol_length = (uint8_t)length;
    memcpy(server->protocols, protocols, length);
    if (!SSL_CTX_set_ex_data(ctx, index, server)) {
        free(server);
        return 0;
    }
    SSL_CTX_set_app_data(ctx, server);
    SSL_CTX_set_client_hello_cb(ctx, mt_hello_callback, NULL);
    SSL_CTX_set_cert_cb(ctx, mt_cert_callback, NULL);
    SSL_CTX_set_tlsext_servername_callback(ctx, mt_name_callback);
    if (length > 0) SSL_CTX_set_alpn_select_cb(ctx, mt_alpn_callback, NULL);
    if (tickets) {
        SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, mt_ticket_callback);
        SSL_CTX_set_num_tickets(ctx, 1);
        if (takes_early) {
            SSL_CTX_set_max_early_data(ctx, MT_EARLY_LIMIT);
            SSL_CTX_set_recv_max_early_data(ctx, MT_EARLY_LIMIT);
            // OpenSSL's own guard is a store of sessions in this process, which no other node sees: what
            // may be sent twice is judged by the requests instead (RFC 8470 section 3).
            SSL_CTX_set_options(ctx, SSL_OP_NO_ANTI_REPLAY);
        }
    } else {
        SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
        SSL_CTX_set_num_tickets(ctx, 0);
    }
    return 1;
}

// Asks clients for a certificate of these authorities. Sessions are bound to that policy: a ticket of
// a listener that asks for less is worth nothing here (RFC 8446 section 8.1; CVE-2025-23419).
static inline int mt_ctx_ask(SSL_CTX *ctx, const char *authorities, int is_required,
                             const uint8_t *policy, unsigned length) {
    if (!SSL_CTX_load_verify_file(ctx, authorities)) return 0;
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(authorities);
    if (!names) return 0;
    SSL_CTX_set_client_CA_list(ctx, names);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | (is_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                       NULL);
    return SSL_CTX_set_session_id_context(ctx, policy, length);
}

// MARK: Resumption by clients

static inline mt_resumption *mt_resumption_new(void) { return calloc(1, sizeof(mt_resumption)); }
static inline void mt_resumption_clear(mt_resumption *r) {
    SSL_SESSION_free(r->session);
    r->session = NULL;
    r->generation++;
}
static inline void mt_resumption_free(mt_resumption *r) {
    SSL_SESSION_free(r->session);
    free(r);
}
// A server has given a session, or a ticket for one (RFC 8446 section 4.6.1): the last one is kept.
static inline int mt_session_callback(SSL *ssl, SSL_SESSION *session) {
    mt_tls *t = SSL_get_app_data(ssl);
    if (!t || !t->resumption || t->resumption->generation != t->generation) return 0;
    SSL_SESSION_free(t->resumption->session);
    t->resumption->session = session;
    return 1;
}
static inline void mt_ctx_client(SSL_CTX *ctx) {
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, mt_session_callback);
}
static inline void mt_tls_resume(mt_tls *t, mt_resumption *r) {
    t->resumption = r;
    t->generation = r->generation;
    // A copy: OpenSSL spends a session of TLS 1.3 by using it, for the sake of clients who do not want
    // to be known again (RFC 8446 appendix C.4). Servers know us anyway, and not all give a new one.
    SSL_SESSION *copy = r->session ? SSL_SESSION_dup(r->session) : NULL;
    if (copy) SSL_set_session(t->ssl, copy);
    SSL_SESSION_free(copy);
    ERR_clear_error();
}

// MARK: Certificates

// A locked key is refused rather than asked for at a terminal that nobody watches.
static inline int mt_no_password(char *buffer, int size, int writing, void *argument) {
    (void)buffer, (void)size, (void)writing, (void)argument;
    return 0;
}

typedef struct stack_st_X509 mt_chain;
// The first certificate of a text is the leaf, the others are its chain, in the order given.
static inline X509 *mt_cert_read(const uint8_t *bytes, long length, mt_chain **chain) {
    *chain = NULL;
    ERR_clear_error();
    BIO *bio = BIO_new_mem_buf(bytes, (int)length);
    if (!bio) return NULL;
    X509 *leaf = PEM_read_bio_X509(bio, NULL, mt_no_password, NULL);
    if (leaf) {
        *chain = sk_X509_new_null();
        X509 *next;
        while (*chain && (next = PEM_read_bio_X509(bio, NULL, mt_no_password, NULL))) {
            if (!sk_X509_push(*chain, next)) X509_free(next);
        }
        // Reading ends with "no start line"; anything else is a damaged certificate in the chain.
        if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
            X509_free(leaf);
            leaf = NULL;
        }
    }
    if (!leaf && *chain) {
        sk_X509_pop_free(*chain, X509_free);
        *chain = NULL;
    }
    BIO_free(bio);
    ERR_clear_error();
    return leaf;
}
static inline void mt_chain_free(mt_chain *chain) { sk_X509_pop_free(chain, X509_free); }
static inline int mt_chain_count(mt_chain *chain) { return chain ? sk_X509_num(chain) : 0; }
static inline X509 *mt_chain_at(mt_chain *chain, int index) { return sk_X509_value(chain, index); }
static inline EVP_PKEY *mt_key_read(const uint8_t *bytes, long length) {
    BIO *bio = BIO_new_mem_buf(bytes, (int)length);
    if (!bio) return NULL;
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, mt_no_password, NULL);
    BIO_free(bio);
    ERR_clear_error();
    return key;
}

// The names of a certificate, one at a time. 1: a DNS name, 2: an address, 0: another kind,
// -1: no more. `text` points into `names`.
typedef struct stack_st_GENERAL_NAME mt_names;
static inline mt_names *mt_cert_names(X509 *certificate) {
    return X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
}
static inline int mt_cert_name(mt_names *names, int index, const uint8_t **text, long *length) {
    if (!names || index >= sk_GENERAL_NAME_num(names)) return -1;
    GENERAL_NAME *name = sk_GENERAL_NAME_value(names, index);
    if (name->type != GEN_DNS && name->type != GEN_IPADD) return 0;
    ASN1_STRING *string = name->type == GEN_DNS ? name->d.dNSName : name->d.iPAddress;
    *text = ASN1_STRING_get0_data(string);
    *length = ASN1_STRING_length(string);
    return name->type == GEN_DNS ? 1 : 2;
}
static inline void mt_cert_names_free(mt_names *names) { GENERAL_NAMES_free(names); }

static inline int64_t mt_cert_time(const ASN1_TIME *time) {
    struct tm parts;
    if (!ASN1_TIME_to_tm(time, &parts)) return 0;
    return (int64_t)timegm(&parts);
}
static inline int64_t mt_cert_not_before(X509 *x) { return mt_cert_time(X509_get0_notBefore(x)); }
static inline int64_t mt_cert_not_after(X509 *x) { return mt_cert_time(X509_get0_notAfter(x)); }

// What a response says of a certificate (RFC 6960). The numbers are those of TLSStapleProblem.
enum { MT_STAPLE_GOOD, MT_STAPLE_DAMAGED, MT_STAPLE_REFUSED, MT_STAPLE_OTHER, MT_STAPLE_REVOKED,
       MT_STAPLE_FORGED, MT_STAPLE_EARLY, MT_STAPLE_OVER, MT_STAPLE_ENDLESS };

static inline int64_t mt_staple_time(const ASN1_GENERALIZEDTIME *time) {
    return time ? mt_cert_time(time) : 0;
}

// The issuer in the chain; without it only names and serial numbers can be compared.
static inline X509 *mt_staple_issuer(X509 *leaf, struct stack_st_X509 *chain) {
    for (int i = 0; chain && i < sk_X509_num(chain); i++) {
        X509 *other = sk_X509_value(chain, i);
        if (X509_check_issued(other, leaf) == X509_V_OK) return other;
    }
    return NULL;
}

static inline int mt_staple_names(OCSP_CERTID *id, X509 *leaf, X509 *issuer) {
    ASN1_OCTET_STRING *name = NULL, *key = NULL;
    ASN1_OBJECT *digest = NULL;
    ASN1_INTEGER *serial = NULL;
    if (!OCSP_id_get0_info(&name, &digest, &key, &serial, id)) return 0;
    if (ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(leaf)) != 0) return 0;
    const EVP_MD *md = EVP_get_digestbyobj(digest);
    if (!md) return 0;
    if (issuer) {
        OCSP_CERTID *wanted = OCSP_cert_to_id(md, leaf, issuer);
        int is_same = wanted && OCSP_id_cmp(wanted, id) == 0;
        OCSP_CERTID_free(wanted);
        return is_same;
    }
    uint8_t bytes[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    return X509_NAME_digest(X509_get_issuer_name(leaf), md, bytes, &length)
        && ASN1_STRING_length(name) == (int)length
        && memcmp(ASN1_STRING_get0_data(name), bytes, length) == 0;
}

static inline int mt_staple_signed(OCSP_BASICRESP *basic, X509 *issuer, struct stack_st_X509 *chain) {
    X509_STORE *store = X509_STORE_new();
    int is_signed = 0;
    if (store && X509_STORE_add_cert(store, issuer)) {
        X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
        is_signed = OCSP_basic_verify(basic, chain, store, OCSP_PARTIAL_CHAIN) == 1;
    }
    X509_STORE_free(store);
    return is_signed;
}

static inline int mt_staple_judge(OCSP_BASICRESP *basic, X509 *leaf, struct stack_st_X509 *chain,
                                  int64_t now, int64_t *ends) {
    X509 *issuer = mt_staple_issuer(leaf, chain);
    for (int i = 0; i < OCSP_resp_count(basic); i++) {
        OCSP_SINGLERESP *single = OCSP_resp_get0(basic, i);
        if (!mt_staple_names((OCSP_CERTID *)OCSP_SINGLERESP_get0_id(single), leaf, issuer)) continue;
        if (issuer && !mt_staple_signed(basic, issuer, chain)) return MT_STAPLE_FORGED;
        ASN1_GENERALIZEDTIME *from = NULL, *until = NULL;
        int status = OCSP_single_get0_status(single, NULL, NULL, &from, &until);
        if (status != V_OCSP_CERTSTATUS_GOOD) return MT_STAPLE_REVOKED;
        if (!until) return MT_STAPLE_ENDLESS;
        *ends = mt_staple_time(until);
        if (mt_staple_time(from) > now + 300) return MT_STAPLE_EARLY;  // clocks differ
        return *ends <= now ? MT_STAPLE_OVER : MT_STAPLE_GOOD;
    }
    return MT_STAPLE_OTHER;
}

static inline int mt_staple_check(const uint8_t *bytes, long length, X509 *leaf,
                                  struct stack_st_X509 *chain, int64_t now, int64_t *ends) {
    const unsigned char *place = bytes;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &place, length);
    int verdict = MT_STAPLE_DAMAGED;
    if (response && place == bytes + length) {
        verdict = MT_STAPLE_REFUSED;
        if (OCSP_response_status(response) == OCSP_RESPONSE_STATUS_SUCCESSFUL) {
            OCSP_BASICRESP *basic = OCSP_response_get1_basic(response);
            verdict = basic ? mt_staple_judge(basic, leaf, chain, now, ends) : MT_STAPLE_DAMAGED;
            OCSP_BASICRESP_free(basic);
        }
    }
    OCSP_RESPONSE_free(response);
    ERR_clear_error();
    return verdict;
}
static inline int mt_key_kind(X509 *x) { return EVP_PKEY_get_base_id(X509_get0_pubkey(x)); }
static inline int mt_key_bits(X509 *x) { return EVP_PKEY_get_bits(X509_get0_pubkey(x)); }

// The loaded pair becomes the only one of its kind for the context or the connection.
static inline int mt_ctx_use(SSL_CTX *ctx, X509 *leaf, EVP_PKEY *key, mt_chain *chain) {
    return SSL_CTX_use_cert_and_key(ctx, leaf, key, chain, 1);
}
static inline int mt_tls_use(mt_tls *t, X509 *leaf, EVP_PKEY *key, mt_chain *chain) {
    return SSL_use_cert_and_key(t->ssl, leaf, key, chain, 1);
}

// MARK: Connections

static inline mt_tls *mt_tls_new(SSL_CTX *ctx, BIO_METHOD *method, int fd, int is_server) {
    mt_tls *t = calloc(1, sizeof *t);
    if (!t) return NULL;
    BIO *bio = BIO_new(method);
    t->ssl = SSL_new(ctx);
    t->fd = fd;
    t->is_server = (uint8_t)is_server;
    t->server = is_server ? SSL_CTX_get_app_data(ctx) : NULL;
    t->awaits_early = t->server && t->server->takes_early;
    if (!bio || !t->ssl) {
        BIO_free(bio);
        SSL_free(t->ssl);
        free(t);
        return NULL;
    }
    BIO_set_data(bio, t);
    SSL_set_bio(t->ssl, bio, bio);
    SSL_set_app_data(t->ssl, t);
    if (is_server) SSL_set_accept_state(t->ssl); else SSL_set_connect_state(t->ssl);
    return t;
}

// A client that never ends its early data would else hold its first words for as long as it may be
// silent.
static inline void mt_tls_forget_early(mt_tls *t) {
    free(t->early);
    t->early = NULL;
    t->early_start = t->early_end = 0;
}

static inline void mt_tls_free(mt_tls *t) {
    SSL_free(t->ssl);
    free(t->name);
    free(t->early);
    free(t->out);
    free(t);
}

// Where the client sends early data the server's part of the handshake is done with it, and bytes go
// both ways before the client's part has come (RFC 8446 section 2.3).
static inline int mt_tls_begin_early(mt_tls *t) {
    uint8_t bytes[MT_EARLY_LIMIT];
    size_t count = 0;
    int status = SSL_read_early_data(t->ssl, bytes, sizeof bytes, &count);
    if (status == SSL_READ_EARLY_DATA_ERROR) return SSL_get_error(t->ssl, 0);
    t->awaits_early = 0;
    if (status == SSL_READ_EARLY_DATA_FINISH) return SSL_ERROR_NONE;
    t->early = malloc(count + 1);
    if (!t->early) return SSL_ERROR_SSL;
    memcpy(t->early, bytes, count);
    t->early_end = (uint32_t)count;
    t->is_early = t->had_early = 1;
    return SSL_ERROR_NONE;
}
// True while a replay of the client's first words would look like this.
static inline int mt_tls_is_early(const mt_tls *t) {
    return t->had_early && !SSL_is_init_finished(t->ssl);
}

static inline int mt_tls_handshake(mt_tls *t) {
    t->is_corked = 1;
    ERR_clear_error();
    if (t->awaits_early) {
        int early = mt_tls_begin_early(t);
        if (early != SSL_ERROR_NONE || t->is_early) {
            t->is_corked = 0;
            return early;
        }
    }
    int result = SSL_do_handshake(t->ssl);
    t->is_corked = 0;
    return result == 1 ? SSL_ERROR_NONE : SSL_get_error(t->ssl, result);
}

static inline int mt_tls_read(mt_tls *t, void *bytes, size_t length, size_t *count) {
    ERR_clear_error();
    if (t->early_start < t->early_end) {
        size_t left = t->early_end - t->early_start;
        *count = left < length ? left : length;
        memcpy(bytes, t->early + t->early_start, *count);
        t->early_start += (uint32_t)*count;
        if (t->early_start == t->early_end) mt_tls_forget_early(t);
        return SSL_ERROR_NONE;
    }
    if (t->is_early) {
        int status = SSL_read_early_data(t->ssl, bytes, length, count);
        if (status == SSL_READ_EARLY_DATA_SUCCESS) return SSL_ERROR_NONE;
        if (status == SSL_READ_EARLY_DATA_ERROR) return SSL_get_error(t->ssl, 0);
        t->is_early = 0;
    }
    int result = SSL_read_ex(t->ssl, bytes, length, count);
    return result == 1 ? SSL_ERROR_NONE : SSL_get_error(t->ssl, result);
}

static inline int mt_tls_write(mt_tls *t, const void *bytes, size_t length, size_t *count) {
    ERR_clear_error();
    int result = mt_tls_is_early(t) ? SSL_write_early_data(t->ssl, bytes, length, count)
                                    : SSL_write_ex(t->ssl, bytes, length, count);
    return result == 1 ? SSL_ERROR_NONE : SSL_get_error(t->ssl, result);
}

// Says that nothing more will be sent, together with what was kept back.
static inline int mt_tls_finish(mt_tls *t) {
    if (!t->is_established || t->is_broken) return -1;
    t->is_corked = 1;
    ERR_clear_error();
    if (!(SSL_get_shutdown(t->ssl) & SSL_SENT_SHUTDOWN)) SSL_shutdown(t->ssl);
    t->is_corked = 0;
    return mt_tls_flush(t);
}

// The name that the peer's certificate must have: asked for by SNI unless it is an address.
static inline int mt_tls_expect(mt_tls *t, const char *name, int is_address, int is_verified) {
    if (!is_address && !SSL_set_tlsext_host_name(t->ssl, name)) return 0;
    if (!is_verified) return 1;
    if (is_address) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(t->ssl), name);
    SSL_set_hostflags(t->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(t->ssl, name);
}
// RFC 9110 section 7.4: whether the certificate that was shown is one for this host.
static inline int mt_tls_covers(const mt_tls *t, const char *host, size_t length) {
    X509 *leaf = SSL_get_certificate(t->ssl);
    return leaf && X509_check_host(leaf, host, length, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
}
// When the certificate ends that the peer has shown, in seconds since 1970; 0 without one.
// A certificate that was refused is in the chain alone.
static inline int64_t mt_tls_peer_ends(const mt_tls *t) {
    X509 *leaf = SSL_get0_peer_certificate(t->ssl);
    STACK_OF(X509) *shown = leaf ? NULL : SSL_get_peer_cert_chain(t->ssl);
    if (shown && sk_X509_num(shown) > 0) leaf = sk_X509_value(shown, 0);
    return leaf ? mt_cert_not_after(leaf) : 0;
}
static inline const char *mt_tls_cipher(const mt_tls *t) {
    const SSL_CIPHER *cipher = SSL_get_current_cipher(t->ssl);
    return cipher ? SSL_CIPHER_standard_name(cipher) : NULL;
}
// True when a session was resumed whose peer showed a certificate that has ended meanwhile: tickets
// are renewed without end, and nobody looks at the certificate again.
static inline int mt_tls_is_stale(const mt_tls *t) {
    if (!SSL_session_reused(t->ssl)) return 0;
    X509 *leaf = SSL_get0_peer_certificate(t->ssl);
    return leaf && X509_cmp_current_time(X509_get0_notAfter(leaf)) <= 0;
}
// The peer's verified certificate as base64 of DER; NULL without one. The caller frees it.
static inline uint8_t *mt_tls_identity(const mt_tls *t, long *length) {
    X509 *leaf = SSL_get0_peer_certificate(t->ssl);
    if (!leaf || SSL_get_verify_result(t->ssl) != X509_V_OK) return NULL;
    unsigned char *der = NULL;
    int count = i2d_X509(leaf, &der);
    if (count <= 0) return NULL;
    uint8_t *text = malloc((size_t)count / 3 * 4 + 8);
    if (text) *length = EVP_EncodeBlock(text, der, count);
    OPENSSL_free(der);
    return text;
}
static inline int mt_keyed_digest(const uint8_t *key, long keys, const uint8_t *bytes, long count,
                                  uint8_t *digest) {
    return HMAC(EVP_sha256(), key, (int)keys, bytes, (size_t)count, digest, NULL) != NULL;
}
// A keyed digest of bytes that come piece by piece; NULL without memory, or for an unknown name.
static inline EVP_MAC_CTX *mt_digest_stream(const char *name, const uint8_t *key, long count) {
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *stream = mac ? EVP_MAC_CTX_new(mac) : NULL;
    EVP_MAC_free(mac);
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)name, 0),
        OSSL_PARAM_construct_end()};
    if (stream && EVP_MAC_init(stream, key, (size_t)count, parameters) == 1) return stream;
    EVP_MAC_CTX_free(stream);
    ERR_clear_error();
    return NULL;
}
// The octets of the digest, at most 64; 0 when there is none.
static inline long mt_digest_end(EVP_MAC_CTX *stream, uint8_t *digest) {
    size_t count = 0;
    return EVP_MAC_final(stream, digest, &count, 64) == 1 ? (long)count : 0;
}
// SHA-1, 20 bytes; `bytes` may be NULL where there are none.
static inline int mt_plain_digest(const uint8_t *bytes, long count, uint8_t *digest) {
    unsigned size = 0;
    return EVP_Digest(bytes, (size_t)count, digest, &size, EVP_sha1(), NULL) == 1 && size == 20;
}
static inline int mt_tls_may_have_more(const mt_tls *t) {
    return !t->is_drained || t->early_start < t->early_end || SSL_has_pending(t->ssl);
}
static inline unsigned long mt_error_reason(void) {
    unsigned long code = ERR_peek_error();
    return ERR_GET_LIB(code) == ERR_LIB_SSL ? (unsigned long)ERR_GET_REASON(code) : 0;
}

// MARK: Public keys of tokens

#define MT_PUBLIC_OTHER 0
#define MT_PUBLIC_RSA 1
#define MT_PUBLIC_P256 2
#define MT_PUBLIC_ED25519 3

// The key of a PEM text: that of a certificate, or one by itself.
static inline EVP_PKEY *mt_public_read(const uint8_t *bytes, long length, int is_certificate) {
    BIO *bio = BIO_new_mem_buf(bytes, (int)length);
    if (!bio) return NULL;
    EVP_PKEY *key = NULL;
    if (is_certificate) {
        X509 *leaf = PEM_read_bio_X509(bio, NULL, mt_no_password, NULL);
        if (leaf) key = X509_get_pubkey(leaf);
        X509_free(leaf);
    } else {
        key = PEM_read_bio_PUBKEY(bio, NULL, mt_no_password, NULL);
    }
    BIO_free(bio);
    ERR_clear_error();
    return key;
}
// The key of a SubjectPublicKeyInfo in DER, which must be all there is.
static inline EVP_PKEY *mt_public_decode(const uint8_t *bytes, long length) {
    const unsigned char *end = bytes;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &end, length);
    ERR_clear_error();
    if (key && end != bytes + length) {
        EVP_PKEY_free(key);
        return NULL;
    }
    return key;
}
// RFC 7518 section 3.3: RSA keys have 2048 bits or more. The upper bound is one of time.
static inline int mt_public_kind(const EVP_PKEY *key) {
    char group[32] = "";
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
        return EVP_PKEY_get_bits(key) >= 2048 && EVP_PKEY_get_bits(key) <= 8192 ? MT_PUBLIC_RSA
                                                                               : MT_PUBLIC_OTHER;
    case EVP_PKEY_EC:
        EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group, NULL);
        return strcmp(group, "prime256v1") == 0 ? MT_PUBLIC_P256 : MT_PUBLIC_OTHER;
    case EVP_PKEY_ED25519: return MT_PUBLIC_ED25519;
    default: return MT_PUBLIC_OTHER;
    }
}
// RFC 7518 section 3.4: r and s of 32 octets each, where OpenSSL has them in DER.
static inline int mt_public_form(const uint8_t *raw, uint8_t *der) {
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, 32, NULL), *s = BN_bin2bn(raw + 32, 32, NULL);
    int count = -1;
    if (pair && r && s && ECDSA_SIG_set0(pair, r, s)) {
        r = s = NULL;
        unsigned char *end = der;
        count = i2d_ECDSA_SIG(pair, &end);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(pair);
    return count;
}
// 1 when the key's owner has signed the text: RSASSA-PKCS1-v1_5 or ECDSA with SHA-256, or Ed25519.
static inline int mt_public_verify(EVP_PKEY *key, int kind, const uint8_t *text, size_t length,
                                   const uint8_t *signature, size_t size) {
    uint8_t der[80];
    if (kind == MT_PUBLIC_P256) {
        if (size != 64) return 0;
        int count = mt_public_form(signature, der);
        if (count <= 0) return 0;
        signature = der;
        size = (size_t)count;
    }
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context) return 0;
    const EVP_MD *digest = kind == MT_PUBLIC_ED25519 ? NULL : EVP_sha256();
    int result = EVP_DigestVerifyInit(context, NULL, digest, NULL, key) == 1
                 && EVP_DigestVerify(context, signature, size, text, length) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return result;
}
