/*
 * The certificates of the HTTPS listener: an authority that is made at each start, and
 * one leaf for every name the platform answers to.
 *
 * Keys (EC P-256) are kept in memory only; what leaves the process is the authority's
 * certificate. OpenSSL refuses "*.localhost", so wildcards stand one label deeper.
 * Source: RFC 5280; RFC 6125 for the names.
 */
#ifndef SERVER_TLS_H
#define SERVER_TLS_H

#include "base/err.h"
#include "base/strv.h"

struct tls {
    char *ca_pem;   /* the authority, for --cacert */
    char *cert_pem; /* the leaf, then the authority */
    char *key_pem;  /* of the leaf */
};
#define TLS_INIT                                                                         \
    {                                                                                    \
        .ca_pem = NULL                                                                   \
    }
void tls_release(struct tls *t); /* wipes the key */

/* names: of hosts ("cp.localhost", "*.cp.localhost") and addresses ("127.0.0.1"); those
 * given twice count once. Fills *ret, which the caller releases. ERR_CONFIG for a name
 * that no certificate can hold, ERR_SYS. A few milliseconds. */
MUST_CHECK int tls_make(const struct strv *names, struct tls *ret, struct err *err);

#endif
