#include "mocks/server/tls.h"

#include <arpa/inet.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/dynlib.h"

static const time_t DAY_S = 86400;

enum {
    LIFE_DAYS = 365, /* clients refuse leaves of much more than a year */
    SERIAL_BYTES = 16,
};

/* GnuTLS, loaded when the first certificate is made: few platforms have one, and no MCP
 * server on stdin. gnutls_free is a variable. */
#define EACH(X)                                                                          \
    X(gnutls_free)                                                                       \
    X(gnutls_privkey_deinit)                                                             \
    X(gnutls_privkey_import_x509)                                                        \
    X(gnutls_privkey_init)                                                               \
    X(gnutls_rnd)                                                                        \
    X(gnutls_strerror)                                                                   \
    X(gnutls_x509_crt_deinit)                                                            \
    X(gnutls_x509_crt_export2)                                                           \
    X(gnutls_x509_crt_get_key_id)                                                        \
    X(gnutls_x509_crt_init)                                                              \
    X(gnutls_x509_crt_privkey_sign)                                                      \
    X(gnutls_x509_crt_set_activation_time)                                               \
    X(gnutls_x509_crt_set_authority_key_id)                                              \
    X(gnutls_x509_crt_set_basic_constraints)                                             \
    X(gnutls_x509_crt_set_dn)                                                            \
    X(gnutls_x509_crt_set_expiration_time)                                               \
    X(gnutls_x509_crt_set_key)                                                           \
    X(gnutls_x509_crt_set_key_purpose_oid)                                               \
    X(gnutls_x509_crt_set_key_usage)                                                     \
    X(gnutls_x509_crt_set_serial)                                                        \
    X(gnutls_x509_crt_set_subject_alt_name)                                              \
    X(gnutls_x509_crt_set_subject_key_id)                                                \
    X(gnutls_x509_crt_set_version)                                                       \
    X(gnutls_x509_privkey_deinit)                                                        \
    X(gnutls_x509_privkey_export2_pkcs8)                                                 \
    X(gnutls_x509_privkey_generate)                                                      \
    X(gnutls_x509_privkey_init)

DYNLIB(EACH, "libgnutls.so.30");

struct identity {
    gnutls_x509_crt_t crt;
    gnutls_x509_privkey_t key;
    gnutls_privkey_t signer; /* the same key, as signing wants it */
};

static void identity_release(struct identity *id)
{
    if (id->signer)
        lib.gnutls_privkey_deinit(id->signer);
    if (id->key)
        lib.gnutls_x509_privkey_deinit(id->key);
    if (id->crt)
        lib.gnutls_x509_crt_deinit(id->crt);
}

static void datum_release(gnutls_datum_t *d)
{
    (*lib.gnutls_free)(d->data);
}

void tls_release(struct tls *t)
{
    if (t->key_pem)
        explicit_bzero(t->key_pem, strlen(t->key_pem));
    free(t->key_pem);
    free(t->cert_pem);
    free(t->ca_pem);
    *t = (struct tls)TLS_INIT;
}

static int fail(struct err *err, const char *what, int code)
{
    return err_set(err, ERR_SYS, "cannot make the certificate's %s: %s", what,
                   lib.gnutls_strerror(code));
}

static int make_key(struct identity *id, struct err *err)
{
    int rc = lib.gnutls_x509_privkey_init(&id->key);
    if (rc == 0)
        rc = lib.gnutls_x509_privkey_generate(
            id->key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
            0);
    if (rc == 0)
        rc = lib.gnutls_privkey_init(&id->signer);
    if (rc == 0)
        rc = lib.gnutls_privkey_import_x509(id->signer, id->key, 0);
    return rc == 0 ? 0 : fail(err, "key", rc);
}

/* What both have: version, serial, life, subject, key. */
static int make_body(struct identity *id, const char *name, struct err *err)
{
    unsigned char serial[SERIAL_BYTES] = {0}, key_id[64];
    size_t key_id_len = sizeof(key_id);
    const char *bad = NULL;
    time_t now = time(NULL);
    if (make_key(id, err) < 0)
        return -1;
    int rc = lib.gnutls_x509_crt_init(&id->crt);
    if (rc == 0)
        rc = lib.gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial));
    serial[0] = (unsigned char)((serial[0] & 0x3f) | 0x40); /* positive, 16 bytes */
    if (rc == 0)
        rc = lib.gnutls_x509_crt_set_version(id->crt, 3);
    if (rc == 0)
        rc = lib.gnutls_x509_crt_set_serial(id->crt, serial, sizeof(serial));
    if (rc == 0)
        rc = lib.gnutls_x509_crt_set_activation_time(id->crt, now - DAY_S);
    if (rc == 0)
        rc = lib.gnutls_x509_crt_set_expiration_time(id->crt, now + LIFE_DAYS * DAY_S);
    if (rc == 0)
        rc = lib.gnutls_x509_crt_set_dn(id->crt, name, &bad);
    if (rc == 0)
        rc = lib.gnutls_x509_crt_set_key(id->crt, id->key);
    if (rc == 0)
        rc = lib.gnutls_x509_crt_get_key_id(id->crt, 0, key_id, &key_id_len);
    if (rc == 0)
        rc = lib.gnutls_x509_crt_set_subject_key_id(id->crt, key_id, key_id_len);
    return rc == 0 ? 0 : fail(err, "body", rc);
}

static int sign(struct identity *id, const struct identity *by, struct err *err)
{
    int rc = lib.gnutls_x509_crt_privkey_sign(id->crt, by->crt, by->signer,
                                              GNUTLS_DIG_SHA256, 0);
    return rc == 0 ? 0 : fail(err, "signature", rc);
}

static int make_authority(struct identity *ca, struct err *err)
{
    if (make_body(ca, "CN=waybill mock authority", err) < 0)
        return -1;
    int rc = lib.gnutls_x509_crt_set_basic_constraints(ca->crt, 1, 0);
    if (rc == 0)
        rc = lib.gnutls_x509_crt_set_key_usage(ca->crt, GNUTLS_KEY_KEY_CERT_SIGN |
                                                            GNUTLS_KEY_CRL_SIGN);
    return rc == 0 ? sign(ca, ca, err) : fail(err, "constraints", rc);
}

static int add_name(struct identity *leaf, const char *name)
{
    struct in_addr address;
    if (inet_pton(AF_INET, name, &address) == 1)
        return lib.gnutls_x509_crt_set_subject_alt_name(leaf->crt, GNUTLS_SAN_IPADDRESS,
                                                        &address, sizeof(address),
                                                        GNUTLS_FSAN_APPEND);
    return lib.gnutls_x509_crt_set_subject_alt_name(leaf->crt, GNUTLS_SAN_DNSNAME, name,
                                                    (unsigned int)strlen(name),
                                                    GNUTLS_FSAN_APPEND);
}

static int add_names(struct identity *leaf, const struct strv *names, struct err *err)
{
    struct strv seen = STRV_INIT;
    int result = 0;
    for (size_t i = 0; i < names->n && result == 0; i++) {
        if (strv_has(&seen, names->v[i]))
            continue;
        strv_add(&seen, names->v[i]);
        int rc = add_name(leaf, names->v[i]);
        if (rc != 0)
            result = err_set(err, ERR_CONFIG, "no certificate can hold the name '%s': %s",
                             names->v[i], lib.gnutls_strerror(rc));
    }
    strv_release(&seen);
    return result;
}

static int make_leaf(struct identity *leaf, const struct identity *ca,
                     const struct strv *names, struct err *err)
{
    unsigned char key_id[64];
    size_t key_id_len = sizeof(key_id);
    if (make_body(leaf, "CN=waybill mock", err) < 0 || add_names(leaf, names, err) < 0)
        return -1;
    int rc = lib.gnutls_x509_crt_set_basic_constraints(leaf->crt, 0, -1);
    if (rc == 0)
        rc = lib.gnutls_x509_crt_set_key_usage(leaf->crt, GNUTLS_KEY_DIGITAL_SIGNATURE);
    if (rc == 0)
        rc = lib.gnutls_x509_crt_set_key_purpose_oid(leaf->crt, GNUTLS_KP_TLS_WWW_SERVER,
                                                     0);
    if (rc == 0)
        rc = lib.gnutls_x509_crt_get_key_id(ca->crt, 0, key_id, &key_id_len);
    if (rc == 0)
        rc = lib.gnutls_x509_crt_set_authority_key_id(leaf->crt, key_id, key_id_len);
    return rc == 0 ? sign(leaf, ca, err) : fail(err, "extensions", rc);
}

static char *crt_pem(const struct identity *id)
{
    CLEANUP(datum_release) gnutls_datum_t out = {NULL, 0};
    if (lib.gnutls_x509_crt_export2(id->crt, GNUTLS_X509_FMT_PEM, &out) != 0)
        return NULL;
    return xstrndup((const char *)out.data, out.size);
}

static char *key_pem(const struct identity *id)
{
    gnutls_datum_t out = {NULL, 0};
    if (lib.gnutls_x509_privkey_export2_pkcs8(id->key, GNUTLS_X509_FMT_PEM, NULL,
                                              GNUTLS_PKCS_PLAIN, &out) != 0)
        return NULL;
    char *pem = xstrndup((const char *)out.data, out.size);
    explicit_bzero(out.data, out.size);
    (*lib.gnutls_free)(out.data);
    return pem;
}

int tls_make(const struct strv *names, struct tls *ret, struct err *err)
{
    CLEANUP(identity_release) struct identity ca = {NULL, NULL, NULL};
    CLEANUP(identity_release) struct identity leaf = {NULL, NULL, NULL};
    if (dynlib_load(&library, err) < 0 || make_authority(&ca, err) < 0 ||
        make_leaf(&leaf, &ca, names, err) < 0)
        return -1;
    CLEANUP(free_ptr) char *leaf_pem = crt_pem(&leaf);
    ret->ca_pem = crt_pem(&ca);
    ret->key_pem = key_pem(&leaf);
    if (!leaf_pem || !ret->ca_pem || !ret->key_pem) {
        tls_release(ret);
        return err_set(err, ERR_SYS, "cannot write a certificate down");
    }
    ret->cert_pem = xasprintf("%s%s", leaf_pem, ret->ca_pem);
    return 0;
}
