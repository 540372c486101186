/* BLAKE2b with a key, written from RFC 7693: the same as hashlib.blake2b(value, key=key, digest_size=n).
 *
 * The key fills the first block, so its compression is done once per key.
 */

#ifndef TIDEWAITER_BLAKE2B_H
#define TIDEWAITER_BLAKE2B_H

#include <stdint.h>
#include <string.h>

static inline uint64_t little_endian(const uint8_t *at)
{
    return (uint64_t)at[0] | (uint64_t)at[1] << 8 | (uint64_t)at[2] << 16 | (uint64_t)at[3] << 24
           | (uint64_t)at[4] << 32 | (uint64_t)at[5] << 40 | (uint64_t)at[6] << 48 | (uint64_t)at[7] << 56;
}

enum { BLOCK = 128, KEY_MOST = 64 }; /* bytes */

static const uint64_t IV[8] = { /* section 2.6: those of SHA-512 */
    0x6a09e667f3bcc908u, 0xbb67ae8584caa73bu, 0x3c6ef372fe94f82bu, 0xa54ff53a5f1d36f1u,
    0x510e527fade682d1u, 0x9b05688c2b3e6c1fu, 0x1f83d9abfb41bd6bu, 0x5be0cd19137e2179u,
};

#define ROTATED(word, by) ((word) >> (by) | (word) << (64 - (by)))

/* Section 3.1: mix two words of the message into four of the state. */
#define MIX(a, b, c, d, x, y)                   \
    do {                                        \
        a = a + b + (x), d = ROTATED(d ^ a, 32); \
        c = c + d, b = ROTATED(b ^ c, 24);      \
        a = a + b + (y), d = ROTATED(d ^ a, 16); \
        c = c + d, b = ROTATED(b ^ c, 63);      \
    } while (0)

/* A round of section 3.2 on `v` and `m`, with one line of the table of section 2.7; constants, so that words stay in registers. */
#define ROUND(s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, s12, s13, s14, s15) \
    do {                                                                            \
        MIX(v[0], v[4], v[8], v[12], m[s0], m[s1]);                                 \
        MIX(v[1], v[5], v[9], v[13], m[s2], m[s3]);                                 \
        MIX(v[2], v[6], v[10], v[14], m[s4], m[s5]);                                \
        MIX(v[3], v[7], v[11], v[15], m[s6], m[s7]);                                \
        MIX(v[0], v[5], v[10], v[15], m[s8], m[s9]);                                \
        MIX(v[1], v[6], v[11], v[12], m[s10], m[s11]);                              \
        MIX(v[2], v[7], v[8], v[13], m[s12], m[s13]);                               \
        MIX(v[3], v[4], v[9], v[14], m[s14], m[s15]);                               \
    } while (0)

#define ROUNDS \
    do { \
        ROUND(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15); \
        ROUND(14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3); \
        ROUND(11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4); \
        ROUND(7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8); \
        ROUND(9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13); \
        ROUND(2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9); \
        ROUND(12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11); \
        ROUND(13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10); \
        ROUND(6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5); \
        ROUND(10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0); \
        ROUND(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15); \
        ROUND(14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3); \
    } while (0)

static void compress(uint64_t h[8], const uint8_t *block, uint64_t count, int is_last)
{
    uint64_t v[16], m[16];
    for (int i = 0; i < 8; i++) {
        v[i] = h[i];
        v[i + 8] = IV[i];
    }
    for (int i = 0; i < 16; i++)
        m[i] = little_endian(block + 8 * i);
    v[12] ^= count; /* the high word stays 0: a value is shorter than 2**64 */
    if (is_last)
        v[14] = ~v[14];
    ROUNDS;
    for (int i = 0; i < 8; i++)
        h[i] ^= v[i] ^ v[i + 8];
}

typedef struct {
    uint64_t first[8], keyed[8]; /* before and after the block with the key */
    uint8_t key[BLOCK];
    int size; /* of the digest */
} Keyed;

static void keyed_init(Keyed *keyed, const uint8_t *key, int key_size, int size)
{
    memset(keyed->key, 0, BLOCK);
    memcpy(keyed->key, key, (size_t)key_size);
    memcpy(keyed->first, IV, sizeof IV);
    keyed->first[0] ^= 0x01010000u ^ (uint64_t)key_size << 8 ^ (uint64_t)size; /* section 2.8 */
    memcpy(keyed->keyed, keyed->first, sizeof IV);
    compress(keyed->keyed, keyed->key, BLOCK, 0);
    keyed->size = size;
}

static void digest(const Keyed *keyed, const uint8_t *value, size_t size, uint8_t *out)
{
    uint64_t h[8], count = BLOCK;
    if (size == 0) { /* the key's block is the last */
        memcpy(h, keyed->first, sizeof h);
        compress(h, keyed->key, count, 1);
    } else {
        uint8_t last[BLOCK] = {0};
        memcpy(h, keyed->keyed, sizeof h);
        for (; size > BLOCK; size -= BLOCK, value += BLOCK)
            compress(h, value, count += BLOCK, 0);
        memcpy(last, value, size);
        compress(h, last, count + size, 1);
    }
    for (int i = 0; i < keyed->size; i++)
        out[i] = (uint8_t)(h[i / 8] >> 8 * (i % 8));
}

/* -- several at once -----------------------------------------------------------------------------------------------
 *
 * Where the processor computes four or eight words in one instruction, the digests of eight values take as long as those
 * of five or three. Only of values that are one block; each with a key of its own.
 */

enum { LANES = 8, WORDS = BLOCK / 8, OUT_WORDS = 3 };
enum { DIGEST_ROOM = 8 * OUT_WORDS }; /* bytes written for a digest, whatever its size */

/* Beside each other lie the first words of all values, then the second ones, and so on. */
typedef struct {
    uint64_t words[WORDS][LANES], keyed[8][LANES], counts[LANES], digests[OUT_WORDS][LANES];
    uint8_t *out[LANES];
    int filled[LANES]; /* words; behind them are zeros */
    int used;
} Lanes;

typedef void (*DigestLanes)(Lanes *);

#if defined(__x86_64__) && defined(__GNUC__)

typedef uint64_t Words __attribute__((vector_size(8 * LANES)));

static inline __attribute__((always_inline)) void digest_lanes(Lanes *lanes)
{
    Words h[8], v[16], m[WORDS], counts;
    memcpy(h, lanes->keyed, sizeof h);
    memcpy(m, lanes->words, sizeof m);
    memcpy(&counts, lanes->counts, sizeof counts);
    for (int i = 0; i < 8; i++) {
        v[i] = h[i];
        v[i + 8] = (Words){0} + IV[i];
    }
    v[12] ^= counts;
    v[14] = ~v[14];
    ROUNDS;
    for (int i = 0; i < OUT_WORDS; i++)
        h[i] ^= v[i] ^ v[i + 8];
    memcpy(lanes->digests, h, sizeof lanes->digests);
}

__attribute__((target("avx2"))) static void digest_lanes_avx2(Lanes *lanes)
{
    digest_lanes(lanes);
}

__attribute__((target("avx512f"))) static void digest_lanes_avx512(Lanes *lanes)
{
    digest_lanes(lanes);
}

/* What this processor can; NULL: nothing but one after the other. */
static DigestLanes best_digest_lanes(void)
{
    return __builtin_cpu_supports("avx512f") ? digest_lanes_avx512 : __builtin_cpu_supports("avx2") ? digest_lanes_avx2 : NULL;
}

#else

static DigestLanes best_digest_lanes(void)
{
    return NULL;
}

#endif

static DigestLanes digest_all; /* set when the module is imported; only where words lie as in memory */

static void lanes_flush(Lanes *lanes)
{
    if (lanes->used == 0)
        return;
    digest_all(lanes); /* what comes of the lanes behind `used` is not used */
    for (int lane = 0; lane < lanes->used; lane++)
        for (int i = 0; i < OUT_WORDS; i++)
            memcpy(lanes->out[lane] + 8 * i, &lanes->digests[i][lane], 8);
    lanes->used = 0;
}

/* Have the digest of a value written to `out`, DIGEST_ROOM bytes, at the next `lanes_flush` at the latest. */
static void lanes_digest(Lanes *lanes, const Keyed *keyed, const uint8_t *value, size_t size, uint8_t *out)
{
    if (digest_all == NULL || size == 0 || size > BLOCK) {
        digest(keyed, value, size, out);
        return;
    }
    int lane = lanes->used++, at = 0;
    lanes->counts[lane] = BLOCK + size;
    for (; size >= 8; size -= 8, value += 8)
        memcpy(&lanes->words[at++][lane], value, 8);
    if (size) {
        uint64_t last = 0;
        memcpy(&last, value, size);
        lanes->words[at++][lane] = last;
    }
    int filled = at;
    for (; at < lanes->filled[lane]; at++)
        lanes->words[at][lane] = 0;
    lanes->filled[lane] = filled;
    for (int i = 0; i < 8; i++)
        lanes->keyed[i][lane] = keyed->keyed[i];
    lanes->out[lane] = out;
    if (lanes->used == LANES)
        lanes_flush(lanes);
}

#endif
