// SPDX-License-Identifier: Apache-2.0
// Keys that sign zones (RFC 6605, RFC 8080), and the digests of DNSSEC.
#pragma once
#include "shim.h"
#include <openssl/ec.h>
#include <openssl/sha.h>

// The numbers of the registry of DNSSEC algorithms.
#define MT_SIGNS_P256 13
#define MT_SIGNS_ED25519 15
#define MT_SIGNATURE_LENGTH 64

static inline EVP_PKEY *mt_signing_generate(int algorithm) {
    EVP_PKEY *key = NULL;
    if (algorithm == MT_SIGNS_P256) key = EVP_EC_gen("P-256");
    if (algorithm == MT_SIGNS_ED25519) key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    ERR_clear_error();
    return key;
}

// The algorithm that a key is for; 0 for a key of another kind.
static inline int mt_signing_algorithm(const EVP_PKEY *key) {
    switch (mt_public_kind(key)) {
    case MT_PUBLIC_P256: return MT_SIGNS_P256;
    case MT_PUBLIC_ED25519: return MT_SIGNS_ED25519;
    default: return 0;
    }
}

static inline EVP_PKEY *mt_signing_read(const uint8_t *pem, long length) {
    BIO *bio = BIO_new_mem_buf(pem, (int)length);
    if (!bio) return NULL;
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, mt_no_password, NULL);
    BIO_free(bio);
    ERR_clear_error();
    return key;
}

// The key of 32 octets, as other servers' files have it (RFC 6605 section 6, RFC 8080 section 6).
static inline EVP_PKEY *mt_signing_import(int algorithm, const uint8_t *secret, long length) {
    if (length != 32) return NULL;
    EVP_PKEY *key = NULL;
    if (algorithm == MT_SIGNS_ED25519) {
        key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, 32);
    } else if (algorithm == MT_SIGNS_P256) {
        // RFC 5915 section 3 without the public key, which is worked out then.
        uint8_t der[51] = {0x30, 49, 2, 1, 1, 4, 32};
        static const uint8_t curve[] = {0xa0, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7};
        memcpy(der + 7, secret, 32);
        memcpy(der + 39, curve, sizeof curve);
        const unsigned char *end = der;
        key = d2i_PrivateKey(EVP_PKEY_EC, NULL, &end, sizeof der);
        OPENSSL_cleanse(der, sizeof der);
    }
    ERR_clear_error();
    return key;
}

// PKCS #8 as PEM; the octets that were written, or 0 when it does not fit.
static inline long mt_signing_write(const EVP_PKEY *key, uint8_t *pem, long capacity) {
    BIO *bio = BIO_new(BIO_s_secmem());
    if (!bio) return 0;
    long count = 0;
    if (PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)) {
        int read = BIO_pending(bio) <= capacity ? BIO_read(bio, pem, (int)capacity) : 0;
        count = read > 0 ? read : 0;
    }
    BIO_free(bio);
    ERR_clear_error();
    return count;
}

// The public key as DNSKEY has it: 64 octets x | y (RFC 6605 section 4) or 32 (RFC 8080 section 3).
static inline long mt_signing_public(const EVP_PKEY *key, int algorithm, uint8_t *octets) {
    long count = 0;
    if (algorithm == MT_SIGNS_ED25519) {
        size_t length = 32;
        if (EVP_PKEY_get_raw_public_key(key, octets, &length) == 1) count = (long)length;
    } else {
        BIGNUM *x = NULL, *y = NULL;
        if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_X, &x) == 1
            && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_Y, &y) == 1
            && BN_bn2binpad(x, octets, 32) == 32 && BN_bn2binpad(y, octets + 32, 32) == 32) {
            count = 64;
        }
        BN_free(x);
        BN_free(y);
    }
    ERR_clear_error();
    return count;
}

// RFC 6605 section 4: r and s of 32 octets each, where OpenSSL has them in DER.
static inline int mt_signing_form(const uint8_t *der, size_t length, uint8_t *raw) {
    const unsigned char *end = der;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &end, (long)length);
    if (!pair) return 0;
    int done = BN_bn2binpad(ECDSA_SIG_get0_r(pair), raw, 32) == 32
               && BN_bn2binpad(ECDSA_SIG_get0_s(pair), raw + 32, 32) == 32;
    ECDSA_SIG_free(pair);
    return done;
}

// 1 when the 64 octets of a signature were written.
static inline int mt_signing_sign(EVP_PKEY *key, int algorithm, const uint8_t *bytes, size_t length,
                                  uint8_t *signature) {
    uint8_t der[80];
    int isPair = algorithm == MT_SIGNS_P256;
    size_t size = isPair ? sizeof der : MT_SIGNATURE_LENGTH;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context) return 0;
    int done = EVP_DigestSignInit(context, NULL, isPair ? EVP_sha256() : NULL, NULL, key) == 1
               && EVP_DigestSign(context, isPair ? der : signature, &size, bytes, length) == 1;
    EVP_MD_CTX_free(context);
    if (done) {
        done = isPair ? mt_signing_form(der, size, signature) : size == MT_SIGNATURE_LENGTH;
    }
    ERR_clear_error();
    return done;
}

// SHA-1 of 20, SHA-256 of 32 or SHA-384 of 48 octets; the size says which one.
static inline int mt_delegation_digest(const uint8_t *bytes, long count, uint8_t *digest, int size) {
    const EVP_MD *form = size == 20 ? EVP_sha1() : size == 32 ? EVP_sha256() : EVP_sha384();
    unsigned length = 0;
    return EVP_Digest(bytes, (size_t)count, digest, &length, form, NULL) == 1
           && (int)length == size;
}

// RFC 5155 section 5: SHA-1 over name and salt, again and again. The old calls alone take no memory,
// and nothing that is answered may.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
static inline void mt_hashed_owner(const uint8_t *name, long length, const uint8_t *salt,
                                   long salt_length, int iterations, uint8_t *digest) {
    SHA_CTX context;
    for (int round = 0; round <= iterations; round++) {
        SHA1_Init(&context);
        if (round == 0) SHA1_Update(&context, name, (size_t)length);
        else SHA1_Update(&context, digest, SHA_DIGEST_LENGTH);
        SHA1_Update(&context, salt, (size_t)salt_length);
        SHA1_Final(digest, &context);
    }
}
#pragma GCC diagnostic pop
