#include "base/ids.h"

#include "base/cleanup.h"
#include <ctype.h>
#include <errno.h>
#include <nettle/base64.h>
#include <nettle/memops.h>
#include <nettle/sha1.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static const char hex_digits[] = "0123456789abcdef";

static void random_bytes(void *out, size_t n)
{
    unsigned char *p = out;

    while (n) {
        ssize_t got = getrandom(p, n, 0);

        if (got < 0 && errno == EINTR)
            continue;
        /* Without random numbers there are no tokens: the same door as no memory. */
        xcheck(got > 0 ? p : NULL);
        p += got;
        n -= (size_t)got;
    }
}

static void format_uuid(const unsigned char raw[16], int version, char out[37])
{
    unsigned char b[16];
    char *p = out;

    memcpy(b, raw, sizeof(b));
    b[6] = (unsigned char)((b[6] & 0x0f) | version << 4);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    for (size_t i = 0; i < sizeof(b); i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        *p++ = hex_digits[b[i] >> 4];
        *p++ = hex_digits[b[i] & 15];
    }
    *p = '\0';
}

void id_uuid4(char out[37])
{
    unsigned char raw[16];

    random_bytes(raw, sizeof(raw));
    format_uuid(raw, 4, out);
}

void id_uuid5_url(const char *name, char out[37])
{
    /* RFC 9562, 6.6: the namespace of URLs, 6ba7b811-9dad-11d1-80b4-00c04fd430c8. */
    static const unsigned char url_space[16] = {0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad,
                                                0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0,
                                                0x4f, 0xd4, 0x30, 0xc8};
    unsigned char digest[SHA1_DIGEST_SIZE];
    struct sha1_ctx sha1;

    sha1_init(&sha1);
    sha1_update(&sha1, sizeof(url_space), url_space);
    sha1_update(&sha1, strlen(name), (const uint8_t *)name);
    sha1_digest(&sha1, sizeof(digest), digest);
    format_uuid(digest, 5, out);
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool id_is_uuid(const char *s)
{
    for (size_t i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (dash ? s[i] != '-' : !is_hex(s[i]))
            return false;
    }
    return s[36] == '\0';
}

char *base64_encode(const void *data, size_t len)
{
    size_t n = BASE64_ENCODE_RAW_LENGTH(len);
    char *out = xmalloc(n + 1);

    base64_encode_raw(out, len, data);
    out[n] = '\0';
    return out;
}

char *base64_decode(const char *text, size_t *ret_len)
{
    size_t n = strlen(text), len = BASE64_DECODE_LENGTH(n);
    uint8_t *out = xmalloc(len + 1);
    struct base64_decode_ctx ctx;

    base64_decode_init(&ctx);
    /* The library reads over blanks. */
    if (strcspn(text, " \t\n\v\f\r") < n ||
        !base64_decode_update(&ctx, &len, out, n, text) || !base64_decode_final(&ctx)) {
        free(out);
        return NULL;
    }
    out[len] = '\0';
    *ret_len = len;
    return (char *)out;
}

void id_token(char out[44])
{
    unsigned char raw[32];
    char *text;

    random_bytes(raw, sizeof(raw));
    text = base64_encode(raw, sizeof(raw));
    memcpy(out, text, 43);
    out[43] = '\0';
    free(text);
    for (char *p = out; *p; p++) {
        if (*p == '+')
            *p = '-';
        else if (*p == '/')
            *p = '_';
    }
}

void id_hex(char *out, size_t n)
{
    random_bytes(out, n);
    for (size_t i = 0; i < n; i++)
        out[i] = hex_digits[(unsigned char)out[i] & 15];
    out[n] = '\0';
}

char *id_slug(const char *text, size_t max)
{
    size_t len = strlen(text), n = 0;
    char *slug = xmalloc((len < max ? len : max) + 1);
    for (; *text && n < max; text++) {
        unsigned char c = (unsigned char)*text;
        if (isalnum(c))
            slug[n++] = (char)tolower(c);
        else if (n > 0 && slug[n - 1] != '-')
            slug[n++] = '-';
    }
    while (n > 0 && slug[n - 1] == '-')
        n--;
    slug[n] = '\0';
    return slug;
}

void sha256_hex(const void *data, size_t len, char out[65])
{
    unsigned char digest[SHA256_DIGEST_SIZE];
    struct sha256_ctx sha256;

    sha256_init(&sha256);
    sha256_update(&sha256, len, data);
    sha256_digest(&sha256, sizeof(digest), digest);
    for (size_t i = 0; i < sizeof(digest); i++) {
        out[2 * i] = hex_digits[digest[i] >> 4];
        out[2 * i + 1] = hex_digits[digest[i] & 15];
    }
    out[64] = '\0';
}

bool const_time_equal(const char *a, const char *b)
{
    size_t len = strlen(a);

    return len == strlen(b) && memeql_sec(a, b, len) != 0;
}

uint64_t rng_next(struct rng *rng)
{
    uint64_t z = rng->state += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

double rng_unit(struct rng *rng)
{
    return (double)(rng_next(rng) >> 11) * 0x1p-53;
}
