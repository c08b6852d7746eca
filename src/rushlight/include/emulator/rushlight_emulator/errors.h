// cudaError_t: the codes, their names and texts, and the last error of a host thread.
#pragma once

#include <cstddef>
#include <cstdio>

// Keeps what is not urgent from being compiled once for every place that calls it.
#define RUSHLIGHT_OUT_OF_LINE __attribute__((noinline))

#define RUSHLIGHT_CUDA_ERRORS(X)                                                            \
  X(cudaSuccess, 0, "no error")                                                             \
  X(cudaErrorInvalidValue, 1, "invalid argument")                                           \
  X(cudaErrorMemoryAllocation, 2, "out of memory")                                          \
  X(cudaErrorInitializationError, 3, "initialization error")                                \
  X(cudaErrorInvalidConfiguration, 9, "invalid configuration argument")                     \
  X(cudaErrorInvalidSymbol, 13, "invalid device symbol")                                    \
  X(cudaErrorInvalidPitchValue, 12, "invalid pitch argument")                               \
  X(cudaErrorInvalidHostPointer, 16, "invalid host pointer")                                \
  X(cudaErrorInvalidDevicePointer, 17, "invalid device pointer")                            \
  X(cudaErrorInsufficientDriver, 35, "CUDA driver version is insufficient for CUDA runtime version") \
  X(cudaErrorInvalidMemcpyDirection, 21, "invalid copy direction for memcpy")               \
  X(cudaErrorInvalidDeviceFunction, 98, "invalid device function")                          \
  X(cudaErrorNoDevice, 100, "no CUDA-capable device is detected")                           \
  X(cudaErrorInvalidDevice, 101, "invalid device ordinal")                                  \
  X(cudaErrorInvalidResourceHandle, 400, "invalid resource handle")                         \
  X(cudaErrorNotReady, 600, "device not ready")                                             \
  X(cudaErrorIllegalAddress, 700, "an illegal memory access was encountered")               \
  X(cudaErrorLaunchOutOfResources, 701, "too many resources requested for launch")          \
  X(cudaErrorLaunchTimeout, 702, "the launch timed out and was terminated")                 \
  X(cudaErrorAssert, 710, "device-side assert triggered")                                   \
  X(cudaErrorMisalignedAddress, 716, "misaligned address")                                  \
  X(cudaErrorLaunchFailure, 719, "unspecified launch failure")                              \
  X(cudaErrorCooperativeLaunchTooLarge, 720, "too many blocks in cooperative launch")       \
  X(cudaErrorNotPermitted, 800, "operation not permitted")                                  \
  X(cudaErrorNotSupported, 801, "operation not supported")                                  \
  X(cudaErrorUnknown, 999, "unknown error")

enum cudaError {
#define RUSHLIGHT_ENUM(name, code, text) name = code,
  RUSHLIGHT_CUDA_ERRORS(RUSHLIGHT_ENUM)
#undef RUSHLIGHT_ENUM
};
using cudaError_t = cudaError;

namespace rushlight::emu {

constexpr size_t REPORT_BYTES = 1024;

struct LastError {
  cudaError_t code = cudaSuccess;
  cudaError_t reported = cudaSuccess;  // outlives the code: one asks for the text after the reset
  char report[2 * REPORT_BYTES] = "";    // what the emulator knows beyond the code
};

inline thread_local LastError last_error;

RUSHLIGHT_OUT_OF_LINE inline const char* error_text(cudaError_t error) {
  switch (error) {
#define RUSHLIGHT_CASE(name, code, text) \
  case name:                             \
    return text;
    RUSHLIGHT_CUDA_ERRORS(RUSHLIGHT_CASE)
#undef RUSHLIGHT_CASE
  }
  return "unrecognized error code";
}

/// Note an error of this host thread, as every function of the runtime does, and return it.
RUSHLIGHT_OUT_OF_LINE inline cudaError_t note(cudaError_t code, const char* report = "") {
  if (code == cudaSuccess) return code;
  last_error.code = last_error.reported = code;
  last_error.report[0] = 0;
  if (*report)
    std::snprintf(last_error.report, sizeof last_error.report, "%s: %s", error_text(code), report);
  return code;
}

}  // namespace rushlight::emu

inline const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
#define RUSHLIGHT_CASE(name, code, text) \
  case name:                             \
    return #name;
    RUSHLIGHT_CUDA_ERRORS(RUSHLIGHT_CASE)
#undef RUSHLIGHT_CASE
  }
  return "unrecognized error code";
}

/// The text of an error; for the last one, with kernel, block, thread and line where known.
inline const char* cudaGetErrorString(cudaError_t error) {
  const auto& last = rushlight::emu::last_error;
  if (error == last.reported && last.report[0]) return last.report;
  return rushlight::emu::error_text(error);
}

/// The last error, which stays.
inline cudaError_t cudaPeekAtLastError() { return rushlight::emu::last_error.code; }

/// The last error, which is forgotten.
inline cudaError_t cudaGetLastError() {
  const cudaError_t code = rushlight::emu::last_error.code;
  rushlight::emu::last_error.code = cudaSuccess;
  return code;
}
