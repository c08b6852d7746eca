// half and half2. Arithmetic is done in float and rounded once, as a GPU's result is.
#pragma once

#include "rushlight_emulator/narrow.h"

using half = __half;
using half2 = __half2;
using __nv_half = __half;
using __nv_half2 = __half2;
using nv_half = __half;
using nv_half2 = __half2;

inline float __half2float(__half x) { return x; }
inline __half __float2half(float x) { return __half(x); }
inline __half __double2half(double x) { return __half(x); }
inline __half __float2half_rz(float x) { return rushlight::emu::toward_zero<__half>(x); }
inline __half __int2half_rn(int x) { return __half(static_cast<float>(x)); }
inline __half __uint2half_rn(unsigned x) { return __half(static_cast<float>(x)); }
inline int __half2int_rn(__half x) { return static_cast<int>(std::nearbyint(static_cast<float>(x))); }
inline int __half2int_rz(__half x) { return static_cast<int>(static_cast<float>(x)); }
inline unsigned __half2uint_rn(__half x) { return static_cast<unsigned>(std::nearbyint(static_cast<float>(x))); }
inline unsigned __half2uint_rz(__half x) { return static_cast<unsigned>(static_cast<float>(x)); }
inline short __half2short_rn(__half x) { return static_cast<short>(__half2int_rn(x)); }
inline unsigned short __half2ushort_rn(__half x) { return static_cast<unsigned short>(__half2int_rn(x)); }
inline __half __short2half_rn(short x) { return __half(static_cast<float>(x)); }
inline __half __ushort2half_rn(unsigned short x) { return __half(static_cast<float>(x)); }
inline __half __ushort_as_half(unsigned short x) { return rushlight::emu::reinterpret<__half>(x); }
inline __half __short_as_half(short x) { return rushlight::emu::reinterpret<__half>(x); }
inline unsigned short __half_as_ushort(__half x) { return x.bits; }
inline short __half_as_short(__half x) { return static_cast<short>(x.bits); }

inline float2 __half22float2(__half2 v) { return {v.x, v.y}; }
inline __half2 __float22half2_rn(float2 v) { return {__half(v.x), __half(v.y)}; }
inline __half2 __floats2half2_rn(float x, float y) { return {__half(x), __half(y)}; }
inline __half2 __float2half2_rn(float x) { return {__half(x), __half(x)}; }
inline __half2 __halves2half2(__half x, __half y) { return {x, y}; }
inline __half2 __half2half2(__half x) { return {x, x}; }
inline __half2 make_half2(__half x, __half y) { return {x, y}; }
inline __half __low2half(__half2 v) { return v.x; }
inline __half __high2half(__half2 v) { return v.y; }
inline float __low2float(__half2 v) { return v.x; }
inline float __high2float(__half2 v) { return v.y; }

RUSHLIGHT_NARROW_FUNCTIONS(__half, __half2)
