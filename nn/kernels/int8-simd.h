/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Bytes on top of simd.h. NN_SIMD_DOT from the Makefile says that the instruction set has dot products of bytes.
 */

#include "nn/kernels/simd.h"

#ifdef NN_SIMD_DOT
#define DOT(name) NN_CAT(NN_CAT(name, NN_SIMD_SUFFIX), dot)
#else
#define DOT(name) ISA(name)
#endif

typedef int32_t vi_u __attribute__((vector_size(V * 4), aligned(4), may_alias));
typedef uint8_t vbytes __attribute__((vector_size(V), aligned(1), may_alias));

NN_INLINE vf v_from_int(vi v)
{
        return __builtin_convertvector(v, vf);
}

/* signed on the CPUs that multiply signed bytes only: x - 128 */
#if defined(NN_SIMD_NEON)
#define V_DOT_OFFSET 128
#else
#define V_DOT_OFFSET 0
#endif

/* the same four bytes in each lane, for v_dot4() */
NN_INLINE vi v_four(const uint8_t *p)
{
        int32_t four;
        vi v = { 0 };

        memcpy(&four, p, sizeof(four));
#if V_DOT_OFFSET
        four = (int32_t)((uint32_t)four ^ 0x80808080u);
#endif
        return v + four;
}

#if defined(NN_SIMD_AVX512)

/* acc + the sum of four products of a lane's bytes: unsigned ones of x with signed ones of w */
NN_INLINE vi v_dot4(vi acc, vi x, vi w)
{
        return (vi)_mm512_dpbusd_epi32((__m512i)acc, (__m512i)x, (__m512i)w);
}

NN_INLINE vi v_load_u8(const uint8_t *p)
{
        return (vi)_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
}

/* the low byte of each lane */
NN_INLINE void v_store_u8(uint8_t *p, vi v)
{
        _mm_storeu_si128((__m128i *)(void *)p, _mm512_cvtepi32_epi8((__m512i)v));
}

/* the same of lanes from 0 to 255 */
NN_INLINE void v_store_byte(uint8_t *p, vi v)
{
        v_store_u8(p, v);
}

/* nearest, ties to even; |v| < 2^22 */
NN_INLINE vi v_round(vf v)
{
        return (vi)_mm512_cvtps_epi32((__m512)v);
}

/* a * b for 0 <= a < 256, |b| < 32768 */
NN_INLINE vi v_mul_byte(vi a, vi b)
{
        return (vi)_mm512_madd_epi16((__m512i)a, (__m512i)b);
}

#elif defined(NN_SIMD_AVX2)

NN_INLINE vi v_dot4(vi acc, vi x, vi w)
{
#ifdef NN_SIMD_DOT
        return (vi)_mm256_dpbusd_avx_epi32((__m256i)acc, (__m256i)x, (__m256i)w);
#else
        /* the even and the odd bytes as 16-bit numbers: pairs of products cannot overflow 32 bits */
        __m256i even = _mm256_and_si256((__m256i)x, _mm256_set1_epi16(255)), odd = _mm256_srli_epi16((__m256i)x, 8);
        __m256i w_even = _mm256_srai_epi16(_mm256_slli_epi16((__m256i)w, 8), 8),
                w_odd = _mm256_srai_epi16((__m256i)w, 8);

        return acc + (vi)_mm256_madd_epi16(even, w_even) + (vi)_mm256_madd_epi16(odd, w_odd);
#endif
}

NN_INLINE vi v_load_u8(const uint8_t *p)
{
        return (vi)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p));
}

NN_INLINE vi v_round(vf v)
{
        return (vi)_mm256_cvtps_epi32((__m256)v);
}

NN_INLINE vi v_mul_byte(vi a, vi b)
{
        return (vi)_mm256_madd_epi16((__m256i)a, (__m256i)b);
}

NN_INLINE void v_store_byte(uint8_t *p, vi v)
{
        __m128i words = _mm_packus_epi32(_mm256_castsi256_si128((__m256i)v), _mm256_extracti128_si256((__m256i)v, 1));

        _mm_storel_epi64((__m128i *)(void *)p, _mm_packus_epi16(words, words));
}

NN_INLINE void v_store_u8(uint8_t *p, vi v)
{
        v_store_byte(p, (vi)_mm256_and_si256((__m256i)v, _mm256_set1_epi32(255)));
}

#elif defined(NN_SIMD_NEON)

NN_INLINE vi v_dot4(vi acc, vi x, vi w)
{
        int8x16_t a = vreinterpretq_s8_s32((int32x4_t)x), b = vreinterpretq_s8_s32((int32x4_t)w);
#ifdef NN_SIMD_DOT
        return (vi)vdotq_s32((int32x4_t)acc, a, b);
#else
        int32x4_t low = vpaddlq_s16(vmull_s8(vget_low_s8(a), vget_low_s8(b)));
        int32x4_t high = vpaddlq_s16(vmull_s8(vget_high_s8(a), vget_high_s8(b)));

        return acc + (vi)vpaddq_s32(low, high);
#endif
}

NN_INLINE vi v_round(vf v)
{
        return (vi)vcvtnq_s32_f32((float32x4_t)v);
}

#else

NN_INLINE vi v_dot4(vi acc, vi x, vi w)
{
        typedef int16_t half __attribute__((vector_size(V * 4)));
        typedef uint16_t uhalf __attribute__((vector_size(V * 4)));
        /* a product of an unsigned and a signed byte fits 16 bits */
        half even = (half)((uhalf)x & 255) * (((half)w << 8) >> 8), odd = (half)((uhalf)x >> 8) * ((half)w >> 8);

        return acc + (((vi)even << 16) >> 16) + ((vi)even >> 16) + (((vi)odd << 16) >> 16) + ((vi)odd >> 16);
}

NN_INLINE vi v_round(vf v)
{
        const vf magic = v_set1(12582912.f);

        return (vi)(v + magic) - (vi)magic;
}

#endif

#if V == 4

NN_INLINE vi v_load_u8(const uint8_t *p)
{
        return __builtin_convertvector(*(const vbytes *)p, vi);
}

NN_INLINE void v_store_u8(uint8_t *p, vi v)
{
        *(vbytes *)p = __builtin_convertvector(v, vbytes);
}

NN_INLINE void v_store_byte(uint8_t *p, vi v)
{
        v_store_u8(p, v);
}

NN_INLINE vi v_mul_byte(vi a, vi b)
{
        return a * b;
}

#endif
