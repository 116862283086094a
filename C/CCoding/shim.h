// SPDX-License-Identifier: Apache-2.0
// zlib, libbrotlienc and libzstd behind one form: a coder that takes bytes and gives bytes.
#pragma once
#include <brotli/encode.h>
#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#define MT_CODING_GZIP 0
#define MT_CODING_BROTLI 1
#define MT_CODING_ZSTD 2

#define MT_CODING_RUN 0     // take what there is
#define MT_CODING_FLUSH 1   // and give all that was taken
#define MT_CODING_FINISH 2  // and end

// Some 64 KiB of history, and tables to fit, bound the memory of each coder: what is found beyond is
// little, and by themselves the high levels take up to 35 MiB.
#define MT_CODING_WINDOW 16
#define MT_CODING_BROTLI_MOST 7

typedef struct mt_coder {
    int kind;
    z_stream deflate;
    BrotliEncoderState *brotli;
    ZSTD_CCtx *zstd;
} mt_coder;

static inline void mt_coder_free(mt_coder *coder) {
    if (!coder) return;
    if (coder->kind == MT_CODING_GZIP) deflateEnd(&coder->deflate);
    if (coder->brotli) BrotliEncoderDestroyInstance(coder->brotli);
    ZSTD_freeCCtx(coder->zstd);
    free(coder);
}

static inline int mt_coder_begin(mt_coder *coder, int level) {
    switch (coder->kind) {
    case MT_CODING_GZIP:
        // 15 bits of window; 16 more ask for the gzip form.
        return deflateInit2(&coder->deflate, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY)
               == Z_OK;
    case MT_CODING_BROTLI:
        if (level > MT_CODING_BROTLI_MOST) level = MT_CODING_BROTLI_MOST;
        coder->brotli = BrotliEncoderCreateInstance(NULL, NULL, NULL);
        return coder->brotli
               && BrotliEncoderSetParameter(coder->brotli, BROTLI_PARAM_QUALITY, (uint32_t)level)
               && BrotliEncoderSetParameter(coder->brotli, BROTLI_PARAM_LGWIN, MT_CODING_WINDOW);
    default:
        coder->zstd = ZSTD_createCCtx();
        return coder->zstd
               && !ZSTD_isError(
                   ZSTD_CCtx_setParameter(coder->zstd, ZSTD_c_compressionLevel, level))
               && !ZSTD_isError(
                   ZSTD_CCtx_setParameter(coder->zstd, ZSTD_c_windowLog, MT_CODING_WINDOW))
               && !ZSTD_isError(
                   ZSTD_CCtx_setParameter(coder->zstd, ZSTD_c_hashLog, MT_CODING_WINDOW))
               && !ZSTD_isError(
                   ZSTD_CCtx_setParameter(coder->zstd, ZSTD_c_chainLog, MT_CODING_WINDOW));
    }
}

static inline mt_coder *mt_coder_new(int kind, int level) {
    mt_coder *coder = calloc(1, sizeof *coder);
    if (!coder) return NULL;
    coder->kind = kind;
    if (mt_coder_begin(coder, level)) return coder;
    if (kind == MT_CODING_GZIP) coder->kind = -1;  // nothing to end
    mt_coder_free(coder);
    return NULL;
}

// Takes from the input and writes to the output. 1: the step is done, 0: it needs more room for
// output, -1: it failed. `*taken` and `*given` say how much of each was used.
static inline int mt_coder_step(mt_coder *coder, int step, const uint8_t *in, size_t in_length,
                                uint8_t *out, size_t out_length, size_t *taken, size_t *given) {
    *taken = *given = 0;
    if (coder->kind == MT_CODING_GZIP) {
        static const int modes[] = {Z_NO_FLUSH, Z_SYNC_FLUSH, Z_FINISH};
        z_stream *stream = &coder->deflate;
        stream->next_in = (Bytef *)(uintptr_t)in;
        stream->avail_in = (uInt)in_length;
        stream->next_out = out;
        stream->avail_out = (uInt)out_length;
        int result = deflate(stream, modes[step]);
        *taken = in_length - stream->avail_in;
        *given = out_length - stream->avail_out;
        if (result == Z_STREAM_END) return 1;
        if (result != Z_OK && result != Z_BUF_ERROR) return -1;
        return step != MT_CODING_FINISH && stream->avail_in == 0 && stream->avail_out > 0;
    }
    if (coder->kind == MT_CODING_BROTLI) {
        static const BrotliEncoderOperation operations[] = {
            BROTLI_OPERATION_PROCESS, BROTLI_OPERATION_FLUSH, BROTLI_OPERATION_FINISH};
        size_t in_left = in_length, out_left = out_length;
        if (!BrotliEncoderCompressStream(coder->brotli, operations[step], &in_left, &in, &out_left,
                                         &out, NULL)) {
            return -1;
        }
        *taken = in_length - in_left;
        *given = out_length - out_left;
        if (step == MT_CODING_FINISH) return BrotliEncoderIsFinished(coder->brotli);
        return in_left == 0 && !BrotliEncoderHasMoreOutput(coder->brotli);
    }
    static const ZSTD_EndDirective ends[] = {ZSTD_e_continue, ZSTD_e_flush, ZSTD_e_end};
    ZSTD_inBuffer input = {in, in_length, 0};
    ZSTD_outBuffer output = {out, out_length, 0};
    size_t left = ZSTD_compressStream2(coder->zstd, &output, &input, ends[step]);
    *taken = input.pos;
    *given = output.pos;
    if (ZSTD_isError(left)) return -1;
    return step == MT_CODING_RUN ? input.pos == in_length : left == 0;
}
