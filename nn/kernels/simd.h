/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * One vector of floats, for the instruction set that this file is compiled for. Only the sources that are built once
 * per instruction set include it; NN_SIMD_AVX512, NN_SIMD_AVX2, NN_SIMD_NEON or NN_SIMD_PORTABLE comes from the
 * Makefile together with the target flags. ISA(name) is name with the instruction set's suffix.
 *
 * vf is V floats, vi V 32-bit integers; both support the C operators lane by lane.
 */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "basic/macro.h"

#define NN_CAT_(a, b) a##_##b
#define NN_CAT(a, b) NN_CAT_(a, b)
#define ISA(name) NN_CAT(name, NN_SIMD_SUFFIX)
#define NN_INLINE static inline __attribute__((always_inline))
/* Before a loop of constant length that must disappear, so that arrays of vectors become registers. No such loop is
 * longer. */
#ifdef __clang__
#define NN_UNROLL _Pragma("clang loop unroll(full)")
#else
#define NN_UNROLL _Pragma("GCC unroll 32")
#endif

#if defined(NN_SIMD_AVX512)
#include <immintrin.h>
#define NN_SIMD_SUFFIX avx512
#define NN_SIMD_ISA NN_ISA_AVX512
#define V 16
#define NN_SIMD_REGISTERS 32
#elif defined(NN_SIMD_AVX2)
#include <immintrin.h>
#define NN_SIMD_SUFFIX avx2
#define NN_SIMD_ISA NN_ISA_AVX2
#define V 8
#define NN_SIMD_REGISTERS 16
#elif defined(NN_SIMD_NEON)
#include <arm_neon.h>
#define NN_SIMD_SUFFIX neon
#define NN_SIMD_ISA NN_ISA_NEON
#define V 4
#define NN_SIMD_REGISTERS 32
#elif defined(NN_SIMD_PORTABLE)
#define NN_SIMD_SUFFIX portable
#define NN_SIMD_ISA NN_ISA_PORTABLE
#define V 4
#define NN_SIMD_REGISTERS 16
#else
#error "no instruction set chosen"
#endif

typedef float vf __attribute__((vector_size(V * 4)));
typedef int32_t vi __attribute__((vector_size(V * 4)));
/* the same in memory, at any address of a float */
typedef float vf_u __attribute__((vector_size(V * 4), aligned(4), may_alias));

NN_INLINE vf v_load(const float *p)
{
        return *(const vf_u *)p;
}

NN_INLINE void v_store(float *p, vf v)
{
        *(vf_u *)p = v;
}

NN_INLINE vf v_zero(void)
{
        return (vf){ 0 };
}

NN_INLINE vi vi_load(const void *p)
{
        vi v;

        memcpy(&v, p, sizeof(v));
        return v;
}

#if defined(NN_SIMD_AVX512)

NN_INLINE vf v_set1(float s)
{
        return (vf)_mm512_set1_ps(s);
}

/* a * b + c */
NN_INLINE vf v_fma(vf a, vf b, vf c)
{
        return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
}

/* a > b ? a : b, so that a NaN in b stays */
NN_INLINE vf v_max(vf a, vf b)
{
        return (vf)_mm512_max_ps((__m512)a, (__m512)b);
}

/* a < b ? a : b */
NN_INLINE vf v_min(vf a, vf b)
{
        return (vf)_mm512_min_ps((__m512)a, (__m512)b);
}

/* x < limit ? a : b */
NN_INLINE vf v_select_lt(vf x, vf limit, vf a, vf b)
{
        __mmask16 m = _mm512_cmp_ps_mask((__m512)x, (__m512)limit, _CMP_LT_OQ);

        return (vf)_mm512_mask_blend_ps(m, (__m512)b, (__m512)a);
}

/* the first n < V floats; the other lanes 0 */
NN_INLINE vf v_load_n(const float *p, size_t n)
{
        return (vf)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
}

NN_INLINE void v_store_n(float *p, vf v, size_t n)
{
        _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
}

NN_INLINE vf v_sqrt(vf a)
{
        return (vf)_mm512_sqrt_ps((__m512)a);
}

/* Lane i: lane at[i] of a, or at[i] - V of b; 0 <= at[i] < 2 V */
NN_INLINE vf v_pick(vf a, vf b, vi at)
{
        return (vf)_mm512_permutex2var_ps((__m512)a, (__m512i)at, (__m512)b);
}

/* Half a vector: on CPUs whose vector units are half as wide as the registers it costs half as much. */
#define NN_SIMD_HALVES 1
typedef float hf __attribute__((vector_size(V * 2)));

NN_INLINE hf h_load(const float *p)
{
        return (hf)_mm256_loadu_ps(p);
}

NN_INLINE hf h_set1(float s)
{
        return (hf)_mm256_set1_ps(s);
}

NN_INLINE hf h_fma(hf a, hf b, hf c)
{
        return (hf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
}

NN_INLINE hf h_clamp(hf x, float lo, float hi)
{
        return (hf)_mm256_min_ps(_mm256_set1_ps(hi), _mm256_max_ps(_mm256_set1_ps(lo), (__m256)x));
}

/* the lower half of a vector, and half a vector with zeros above it */
NN_INLINE hf h_low(vf v)
{
        return (hf)_mm512_castps512_ps256((__m512)v);
}

NN_INLINE vf h_widen(hf v)
{
        return (vf)_mm512_zextps256_ps512((__m256)v);
}

/* V bfloat16 values, V signed bytes */
NN_INLINE vf v_load_bf16(const uint16_t *p)
{
        __m512i x = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)p));

        return (vf)_mm512_castsi512_ps(_mm512_slli_epi32(x, 16));
}

NN_INLINE vf v_load_i8(const int8_t *p)
{
        return (vf)_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p)));
}

#elif defined(NN_SIMD_AVX2)

NN_INLINE vf v_set1(float s)
{
        return (vf)_mm256_set1_ps(s);
}

NN_INLINE vf v_fma(vf a, vf b, vf c)
{
        return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
}

NN_INLINE vf v_max(vf a, vf b)
{
        return (vf)_mm256_max_ps((__m256)a, (__m256)b);
}

NN_INLINE vf v_min(vf a, vf b)
{
        return (vf)_mm256_min_ps((__m256)a, (__m256)b);
}

NN_INLINE vf v_select_lt(vf x, vf limit, vf a, vf b)
{
        return (vf)_mm256_blendv_ps((__m256)b, (__m256)a, _mm256_cmp_ps((__m256)x, (__m256)limit, _CMP_LT_OQ));
}

NN_INLINE vf v_sqrt(vf a)
{
        return (vf)_mm256_sqrt_ps((__m256)a);
}

NN_INLINE vf v_pick(vf a, vf b, vi at)
{
        __m256 x = _mm256_permutevar8x32_ps((__m256)a, (__m256i)at);
        __m256 y = _mm256_permutevar8x32_ps((__m256)b, (__m256i)at);

        /* bit 3 becomes the sign */
        return (vf)_mm256_blendv_ps(x, y, _mm256_castsi256_ps(_mm256_slli_epi32((__m256i)at, 28)));
}

NN_INLINE vf v_load_bf16(const uint16_t *p)
{
        __m256i x = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));

        return (vf)_mm256_castsi256_ps(_mm256_slli_epi32(x, 16));
}

NN_INLINE vf v_load_i8(const int8_t *p)
{
        return (vf)_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p)));
}

#elif defined(NN_SIMD_NEON)

NN_INLINE vf v_set1(float s)
{
        return (vf)vdupq_n_f32(s);
}

NN_INLINE vf v_fma(vf a, vf b, vf c)
{
        return (vf)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
}

NN_INLINE vf v_select_lt(vf x, vf limit, vf a, vf b)
{
        return (vf)vbslq_f32(vcltq_f32((float32x4_t)x, (float32x4_t)limit), (float32x4_t)a, (float32x4_t)b);
}

NN_INLINE vf v_sqrt(vf a)
{
        return (vf)vsqrtq_f32((float32x4_t)a);
}

NN_INLINE vf v_pick(vf a, vf b, vi at)
{
        uint8x16x2_t table = { { (uint8x16_t)a, (uint8x16_t)b } };

        return (vf)vqtbl2q_u8(table, (uint8x16_t)(at * 0x04040404 + 0x03020100));
}

NN_INLINE vf v_max(vf a, vf b)
{
        return (vf)vbslq_f32(vcgtq_f32((float32x4_t)a, (float32x4_t)b), (float32x4_t)a, (float32x4_t)b);
}

NN_INLINE vf v_min(vf a, vf b)
{
        return v_select_lt(a, b, a, b);
}

NN_INLINE vf v_load_bf16(const uint16_t *p)
{
        return (vf)vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16));
}

NN_INLINE vf v_load_i8(const int8_t *p)
{
        int32_t four;

        memcpy(&four, p, sizeof(four));
        return (vf)vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(vreinterpret_s8_s32(vdup_n_s32(four))))));
}

#else

NN_INLINE vf v_set1(float s)
{
        return (vf){ s, s, s, s };
}

NN_INLINE vf v_fma(vf a, vf b, vf c)
{
        return a * b + c;
}

NN_INLINE vf v_sqrt(vf a)
{
        return (vf){ __builtin_sqrtf(a[0]), __builtin_sqrtf(a[1]), __builtin_sqrtf(a[2]), __builtin_sqrtf(a[3]) };
}

NN_INLINE vf v_pick(vf a, vf b, vi at)
{
        float x[2 * V];
        vf r;

        v_store(x, a);
        v_store(x + V, b);
        for (unsigned i = 0; i < V; i++)
                r[i] = x[at[i]];
        return r;
}

NN_INLINE vf v_select(vi mask, vf a, vf b)
{
        return (vf)(((vi)a & mask) | ((vi)b & ~mask));
}

NN_INLINE vf v_select_lt(vf x, vf limit, vf a, vf b)
{
        return v_select((vi)(x < limit), a, b);
}

NN_INLINE vf v_max(vf a, vf b)
{
        return v_select((vi)(a > b), a, b);
}

NN_INLINE vf v_min(vf a, vf b)
{
        return v_select((vi)(a < b), a, b);
}

NN_INLINE vf v_load_bf16(const uint16_t *p)
{
        typedef uint16_t narrow __attribute__((vector_size(V * 2), aligned(2), may_alias));
        typedef uint32_t wide __attribute__((vector_size(V * 4)));

        return (vf)(__builtin_convertvector(*(const narrow *)p, wide) << 16);
}

NN_INLINE vf v_load_i8(const int8_t *p)
{
        typedef int8_t narrow __attribute__((vector_size(V), aligned(1), may_alias));

        return (vf) __builtin_convertvector(__builtin_convertvector(*(const narrow *)p, vi), vf);
}

#endif

#if !defined(NN_SIMD_AVX512)
NN_INLINE vf v_load_n(const float *p, size_t n)
{
        vf v = { 0 };

        memcpy(&v, p, n * sizeof(float));
        return v;
}

NN_INLINE void v_store_n(float *p, vf v, size_t n)
{
        memcpy(p, &v, n * sizeof(float));
}
#endif

/* The lanes of two vectors in turn: of their lower and of their upper halves. */
#if V == 16
#define v_zip_low(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define v_zip_high(a, b) __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#elif V == 8
#define v_zip_low(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define v_zip_high(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#else
#define v_zip_low(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define v_zip_high(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#endif

/* Turns a square of V vectors: lane j of vector i becomes lane i of vector j. Each pass rotates the bits of the pair
 * (i, j) by one. */
NN_INLINE void v_turn(vf *x)
{
        vf t[V];

        NN_UNROLL for (unsigned pass = 1; pass < V; pass *= 2)
        {
                NN_UNROLL for (unsigned i = 0; i < V / 2; i++)
                {
                        t[2 * i] = v_zip_low(x[i], x[i + V / 2]);
                        t[2 * i + 1] = v_zip_high(x[i], x[i + V / 2]);
                }
                NN_UNROLL for (unsigned i = 0; i < V; i++) x[i] = t[i];
        }
}

NN_INLINE float v_sum(vf v)
{
        float s = 0;

        for (size_t i = 0; i < V; i++)
                s += v[i];
        return s;
}

NN_INLINE float v_largest(vf v)
{
        float m = v[0];

        for (size_t i = 1; i < V; i++)
                m = v[i] > m ? v[i] : m;
        return m;
}

/**
 * exp(x) by splitting x into n ln 2 + r, |r| <= ln 2 / 2, a polynomial for exp(r) and two exact scalings by powers
 * of two, so that overflow gives infinity and underflow denormals. NaN stays NaN.
 */
NN_INLINE vf v_exp(vf x)
{
        /* adding 1.5 * 2^23 leaves the rounded integer in the low bits */
        const vf magic = v_set1(12582912.f);
        vf c = v_max(v_set1(-110.f), v_min(v_set1(100.f), x));
        vf t = v_fma(c, v_set1(1.44269504f), magic);
        vf n = t - magic;
        /* ln 2 in two parts: the first has few enough bits for n times it to be exact */
        vf r = v_fma(n, v_set1(-0.693359375f), c);
        r = v_fma(n, v_set1(2.12194440e-4f), r);

        /* 1 + r + r^2 / 2 + ... + r^7 / 5040: cut off below 2^-26 on this interval */
        vf p = v_set1(1.98412698e-4f);
        p = v_fma(p, r, v_set1(1.38888889e-3f));
        p = v_fma(p, r, v_set1(8.33333333e-3f));
        p = v_fma(p, r, v_set1(4.16666667e-2f));
        p = v_fma(p, r, v_set1(1.66666667e-1f));
        p = v_fma(p, r, v_set1(0.5f));
        p = v_fma(p, r * r, r) + v_set1(1.f);

        vi k = (vi)t - (vi)magic, half = k >> 1;
        vi bias = { 0 };
        bias += 127;
        return p * (vf)((half + bias) << 23) * (vf)((k - half + bias) << 23);
}

NN_INLINE vf v_sigmoid(vf x)
{
        return v_set1(1.f) / (v_set1(1.f) + v_exp(-x));
}

/* tanh(x) = 1 - 2 / (exp(2x) + 1), and for small x, where that cancels, its series with the exponential's error kept
 * out: x - x^3 / 3 + ... to x^13 */
NN_INLINE vf v_tanh(vf x)
{
        vf a = v_max(x, -x), z = x * x;
        vf big = v_set1(1.f) - v_set1(2.f) / (v_exp(x + x) + v_set1(1.f));
        vf p = v_set1(21844.f / 6081075.f);

        p = v_fma(p, z, v_set1(-1382.f / 155925.f));
        p = v_fma(p, z, v_set1(62.f / 2835.f));
        p = v_fma(p, z, v_set1(-17.f / 315.f));
        p = v_fma(p, z, v_set1(2.f / 15.f));
        p = v_fma(p, z, v_set1(-1.f / 3.f));
        return v_select_lt(a, v_set1(0.4f), v_fma(p * z, x, x), big);
}
