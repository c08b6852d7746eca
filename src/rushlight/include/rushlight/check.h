// Errors: the exceptions extensions throw, and the macros that check. Python sees torch's types.
#pragma once

#include <cstdint>
#include <cstdio>
#include <exception>
#include <iosfwd>
#include <string>
#include <string_view>
#include <type_traits>

#define C10_LIKELY(expr) (__builtin_expect(static_cast<bool>(expr), 1))
#define C10_UNLIKELY(expr) (__builtin_expect(static_cast<bool>(expr), 0))
#define RUSHLIGHT_COLD __attribute__((noinline, cold))

namespace c10 {

// What the checks throw: a RuntimeError for Python.
class Error : public std::exception {
 public:
  explicit Error(std::string message) : message_(std::move(message)) {}
  const char* what() const noexcept override { return message_.c_str(); }
  const char* what_without_backtrace() const noexcept { return message_.c_str(); }
  const std::string& msg() const noexcept { return message_; }
  // The name of the exception's type in Python.
  virtual const char* python_name() const noexcept { return "RuntimeError"; }

 private:
  std::string message_;
};

#define RUSHLIGHT_ERROR(Name, python)                                    \
  class Name : public Error {                                            \
   public:                                                               \
    using Error::Error;                                                  \
    const char* python_name() const noexcept override { return python; } \
  };
RUSHLIGHT_ERROR(IndexError, "IndexError")
RUSHLIGHT_ERROR(ValueError, "ValueError")
RUSHLIGHT_ERROR(TypeError, "TypeError")
RUSHLIGHT_ERROR(NotImplementedError, "NotImplementedError")
RUSHLIGHT_ERROR(SyntaxError, "SyntaxError")
RUSHLIGHT_ERROR(LinAlgError, "LinAlgError")
RUSHLIGHT_ERROR(OutOfMemoryError, "OutOfMemoryError")
#undef RUSHLIGHT_ERROR

}  // namespace c10

namespace rushlight {

// --- text of messages: append_text(out, value) for everything a message may show ---
// Overloads for our classes stand beside the classes and are found by their namespace.

inline void append_text(std::string& out, std::string_view text) { out.append(text); }
inline void append_text(std::string& out, const char* text) {
  out.append(text == nullptr ? "(null)" : text);
}
inline void append_text(std::string& out, const std::string& text) { out.append(text); }
inline void append_text(std::string& out, char letter) { out.push_back(letter); }
RUSHLIGHT_COLD inline void append_text(std::string& out, double number) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%g", number);
  out.append(buffer);
}
RUSHLIGHT_COLD inline void append_text(std::string& out, long long number) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%lld", number);
  out.append(buffer);
}
RUSHLIGHT_COLD inline void append_text(std::string& out, unsigned long long number) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%llu", number);
  out.append(buffer);
}
RUSHLIGHT_COLD inline void append_text(std::string& out, const void* address) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%p", address);
  out.append(buffer);
}

template <class T>
void append_value(std::string& out, const T& value) {
  if constexpr (std::is_floating_point_v<T>) {
    append_text(out, static_cast<double>(value));
  } else if constexpr (std::is_same_v<T, char>) {
    append_text(out, value);
  } else if constexpr (std::is_integral_v<T> && std::is_unsigned_v<T>) {
    append_text(out, static_cast<unsigned long long>(value));
  } else if constexpr (std::is_integral_v<T>) {
    append_text(out, static_cast<long long>(value));
  } else {
    append_text(out, value);
  }
}

// All values one after the other.
template <class... Values>
RUSHLIGHT_COLD std::string text_of(const Values&... values) {
  std::string out;
  (append_value(out, values), ...);
  return out;
}

template <class Exception>
[[noreturn]] RUSHLIGHT_COLD void fail(std::string message) {
  throw Exception(std::move(message));
}

// The message of a failed check: what the user wrote, or the condition.
template <class... Values>
RUSHLIGHT_COLD std::string check_text(const char* condition, const Values&... values) {
  if constexpr (sizeof...(Values) == 0) {
    return text_of("Expected ", condition, " to be true, but got false.");
  } else {
    return text_of(values...);
  }
}

RUSHLIGHT_COLD inline std::string assert_text(const char* condition, const char* file, int line,
                                              const std::string& text) {
  return text_of(condition, " INTERNAL ASSERT FAILED at \"", file, "\":", line,
                 text.empty() ? "" : ", ", text);
}

// Raises a UserWarning in Python.
void warn(const std::string& message);

}  // namespace rushlight

namespace c10 {

template <class... Values>
std::string str(const Values&... values) {
  return ::rushlight::text_of(values...);
}

}  // namespace c10

// An `if` rather than a block, as users leave out the semicolon behind checks of their own.
#define RUSHLIGHT_CHECK(Exception, cond, ...)                                                   \
  if (C10_UNLIKELY(!(cond))) {                                                                  \
    ::rushlight::fail<Exception>(::rushlight::check_text(#cond __VA_OPT__(, ) __VA_ARGS__));    \
  }

#define TORCH_CHECK(cond, ...) RUSHLIGHT_CHECK(::c10::Error, cond __VA_OPT__(, ) __VA_ARGS__)
#define TORCH_CHECK_WITH(Type, cond, ...) \
  RUSHLIGHT_CHECK(::c10::Type, cond __VA_OPT__(, ) __VA_ARGS__)
#define TORCH_CHECK_INDEX(cond, ...) TORCH_CHECK_WITH(IndexError, cond __VA_OPT__(, ) __VA_ARGS__)
#define TORCH_CHECK_VALUE(cond, ...) TORCH_CHECK_WITH(ValueError, cond __VA_OPT__(, ) __VA_ARGS__)
#define TORCH_CHECK_TYPE(cond, ...) TORCH_CHECK_WITH(TypeError, cond __VA_OPT__(, ) __VA_ARGS__)
#define TORCH_CHECK_LINALG(cond, ...) TORCH_CHECK_WITH(LinAlgError, cond __VA_OPT__(, ) __VA_ARGS__)
#define TORCH_CHECK_NOT_IMPLEMENTED(cond, ...) \
  TORCH_CHECK_WITH(NotImplementedError, cond __VA_OPT__(, ) __VA_ARGS__)

#define RUSHLIGHT_COMPARE(a, b, op)                                                           \
  if (C10_UNLIKELY(!((a)op(b)))) {                                                            \
    ::rushlight::fail<::c10::Error>(::rushlight::text_of("Check failed: " #a " " #op " " #b   \
                                                         " (",                                \
                                                         (a), " vs. ", (b), "). "));          \
  }
#define TORCH_CHECK_EQ(a, b) RUSHLIGHT_COMPARE(a, b, ==)
#define TORCH_CHECK_NE(a, b) RUSHLIGHT_COMPARE(a, b, !=)
#define TORCH_CHECK_LT(a, b) RUSHLIGHT_COMPARE(a, b, <)
#define TORCH_CHECK_LE(a, b) RUSHLIGHT_COMPARE(a, b, <=)
#define TORCH_CHECK_GT(a, b) RUSHLIGHT_COMPARE(a, b, >)
#define TORCH_CHECK_GE(a, b) RUSHLIGHT_COMPARE(a, b, >=)
#define TORCH_CHECK_NOTNULL(pointer) \
  ::rushlight::not_null(pointer, "'" #pointer "' Must be non NULL")

#define TORCH_INTERNAL_ASSERT(cond, ...)                                            \
  if (C10_UNLIKELY(!(cond))) {                                                      \
    ::rushlight::fail<::c10::Error>(::rushlight::assert_text(                       \
        #cond, __FILE__, __LINE__, ::rushlight::text_of(__VA_ARGS__)));             \
  }
#ifdef NDEBUG
#define TORCH_INTERNAL_ASSERT_DEBUG_ONLY(...) \
  while (false) TORCH_INTERNAL_ASSERT(__VA_ARGS__)
#else
#define TORCH_INTERNAL_ASSERT_DEBUG_ONLY(...) TORCH_INTERNAL_ASSERT(__VA_ARGS__)
#endif

#define TORCH_WARN(...) ::rushlight::warn(::rushlight::text_of(__VA_ARGS__))
#define TORCH_WARN_ONCE(...)                       \
  do {                                             \
    static bool warned_ = false;                   \
    if (!warned_) {                                \
      warned_ = true;                              \
      TORCH_WARN(__VA_ARGS__);                     \
    }                                              \
  } while (false)
#define TORCH_WARN_DEPRECATION(...) TORCH_WARN(__VA_ARGS__)

#define C10_LOG_API_USAGE_ONCE(...)

// Older names.
#define C10_THROW_ERROR(Type, message) throw ::c10::Type(message)
#define AT_ERROR(...) ::rushlight::fail<::c10::Error>(::rushlight::text_of(__VA_ARGS__))
#define AT_INDEX_ERROR(...) ::rushlight::fail<::c10::IndexError>(::rushlight::text_of(__VA_ARGS__))
#define AT_WARN(...) TORCH_WARN(__VA_ARGS__)
#define AT_CHECK(...) TORCH_CHECK(__VA_ARGS__)
#define AT_ASSERT(cond) TORCH_INTERNAL_ASSERT(cond)
#define AT_ASSERTM(cond, ...) TORCH_CHECK(cond __VA_OPT__(, ) __VA_ARGS__)

namespace rushlight {
template <class Pointer>
Pointer not_null(Pointer pointer, const char* text) {
  if (pointer == nullptr) fail<::c10::Error>(text);
  return pointer;
}
}  // namespace rushlight
