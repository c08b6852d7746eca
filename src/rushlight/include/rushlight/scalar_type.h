// ScalarType: the types elements can have, their constants, names and C++ types.
#pragma once

#include <rushlight/check.h>
#include <rushlight/half.h>

namespace c10 {

// Every type: its C++ type, its name, and its name in Python. X's order gives torch's numbers.
#define RUSHLIGHT_FOR_EACH_TYPE(X)        \
  X(uint8_t, Byte, uint8, 0)              \
  X(int8_t, Char, int8, 1)                \
  X(int16_t, Short, int16, 2)             \
  X(int, Int, int32, 3)                   \
  X(int64_t, Long, int64, 4)              \
  X(::c10::Half, Half, float16, 5)        \
  X(float, Float, float32, 6)             \
  X(double, Double, float64, 7)           \
  X(::c10::complex<float>, ComplexFloat, complex64, 9)    \
  X(::c10::complex<double>, ComplexDouble, complex128, 10) \
  X(bool, Bool, bool, 11)                 \
  X(::c10::BFloat16, BFloat16, bfloat16, 15) \
  X(uint16_t, UInt16, uint16, 27)         \
  X(uint32_t, UInt32, uint32, 28)         \
  X(uint64_t, UInt64, uint64, 29)

enum class ScalarType : int8_t {
#define RUSHLIGHT_ENUM(type, name, python, number) name = number,
  RUSHLIGHT_FOR_EACH_TYPE(RUSHLIGHT_ENUM)
#undef RUSHLIGHT_ENUM
      Undefined = 44,
  NumOptions = 45
};

#define RUSHLIGHT_CONSTANT(type, name, python, number) \
  constexpr ScalarType k##name = ScalarType::name;
RUSHLIGHT_FOR_EACH_TYPE(RUSHLIGHT_CONSTANT)
#undef RUSHLIGHT_CONSTANT
constexpr ScalarType kUInt8 = kByte, kInt8 = kChar, kInt16 = kShort, kInt32 = kInt, kInt64 = kLong,
                     kFloat16 = kHalf, kFloat32 = kFloat, kFloat64 = kDouble,
                     kComplexFloat32 = kComplexFloat, kComplex64 = kComplexFloat,
                     kComplex128 = kComplexDouble;

RUSHLIGHT_COLD inline const char* toString(ScalarType type) {
  switch (type) {
#define RUSHLIGHT_CASE(cpp, name, python, number) \
  case ScalarType::name:                          \
    return #name;
    RUSHLIGHT_FOR_EACH_TYPE(RUSHLIGHT_CASE)
#undef RUSHLIGHT_CASE
    default:
      return "Undefined";
  }
}

inline size_t elementSize(ScalarType type) {
  switch (type) {
#define RUSHLIGHT_CASE(cpp, name, python, number) \
  case ScalarType::name:                          \
    return sizeof(cpp);
    RUSHLIGHT_FOR_EACH_TYPE(RUSHLIGHT_CASE)
#undef RUSHLIGHT_CASE
    default:
      ::rushlight::fail<Error>("elementSize: the type is undefined");
  }
}

inline bool isFloatingType(ScalarType t) {
  return t == kFloat || t == kDouble || t == kHalf || t == kBFloat16;
}
inline bool isComplexType(ScalarType t) { return t == kComplexFloat || t == kComplexDouble; }
inline bool isReducedFloatingType(ScalarType t) { return t == kHalf || t == kBFloat16; }
inline bool isIntegralType(ScalarType t, bool includeBool) {
  return includeBool && t == kBool
             ? true
             : t != kBool && t != ScalarType::Undefined && !isFloatingType(t) && !isComplexType(t);
}
inline bool isSignedType(ScalarType t) {
  return !(t == kByte || t == kBool || t == kUInt16 || t == kUInt32 || t == kUInt64);
}

// The ScalarType of a C++ type.
template <class T>
struct CppTypeToScalarType {
  static constexpr bool is_known = false;
};
#define RUSHLIGHT_TYPE(type, name, python, number)                       \
  template <>                                                            \
  struct CppTypeToScalarType<type> {                                     \
    static constexpr bool is_known = true;                               \
    static constexpr ScalarType value = ScalarType::name;                \
    constexpr operator ScalarType() const { return ScalarType::name; }   \
  };
RUSHLIGHT_FOR_EACH_TYPE(RUSHLIGHT_TYPE)
#undef RUSHLIGHT_TYPE
template <class T>
constexpr ScalarType CppTypeToScalarType_v = CppTypeToScalarType<T>::value;

// The C++ type of a ScalarType.
namespace impl {
template <ScalarType type>
struct ScalarTypeToCPPType;
#define RUSHLIGHT_TYPE(cpp, name, python, number)    \
  template <>                                        \
  struct ScalarTypeToCPPType<ScalarType::name> {     \
    using type = cpp;                                \
  };
RUSHLIGHT_FOR_EACH_TYPE(RUSHLIGHT_TYPE)
#undef RUSHLIGHT_TYPE
template <ScalarType type>
using ScalarTypeToCPPTypeT = typename ScalarTypeToCPPType<type>::type;
}  // namespace impl

inline void append_text(std::string& out, ScalarType type) { out.append(toString(type)); }

enum class Layout : int8_t { Strided, Sparse };
constexpr Layout kStrided = Layout::Strided, kSparse = Layout::Sparse;

enum class MemoryFormat : int8_t { Contiguous, Preserve, ChannelsLast, ChannelsLast3d };

}  // namespace c10

namespace caffe2 {

// What Tensor::dtype returns: a ScalarType that knows its size.
class TypeMeta {
 public:
  constexpr TypeMeta(c10::ScalarType type = c10::ScalarType::Undefined) : type_(type) {}
  template <class T>
  static constexpr TypeMeta Make() {
    return TypeMeta(c10::CppTypeToScalarType<T>::value);
  }
  static constexpr TypeMeta fromScalarType(c10::ScalarType type) { return TypeMeta(type); }
  constexpr c10::ScalarType toScalarType() const { return type_; }
  constexpr operator c10::ScalarType() const { return type_; }
  size_t itemsize() const { return c10::elementSize(type_); }
  bool isScalarType() const { return true; }
  template <class T>
  bool Match() const {
    return type_ == c10::CppTypeToScalarType<T>::value;
  }
  std::string_view name() const;

  friend constexpr bool operator==(TypeMeta a, TypeMeta b) { return a.type_ == b.type_; }
  friend constexpr bool operator!=(TypeMeta a, TypeMeta b) { return a.type_ != b.type_; }
  friend constexpr bool operator==(TypeMeta a, c10::ScalarType b) { return a.type_ == b; }
  friend constexpr bool operator!=(TypeMeta a, c10::ScalarType b) { return a.type_ != b; }
  friend constexpr bool operator==(c10::ScalarType a, TypeMeta b) { return a == b.type_; }
  friend constexpr bool operator!=(c10::ScalarType a, TypeMeta b) { return a != b.type_; }

 private:
  c10::ScalarType type_;
};

RUSHLIGHT_COLD inline std::string_view TypeMeta::name() const {
  switch (type_) {
#define RUSHLIGHT_CASE(cpp, name, python, number) \
  case c10::ScalarType::name:                     \
    return #cpp;
    RUSHLIGHT_FOR_EACH_TYPE(RUSHLIGHT_CASE)
#undef RUSHLIGHT_CASE
    default:
      return "nullptr (uninitialized)";
  }
}

inline void append_text(std::string& out, TypeMeta type) { out.append(type.name()); }

template <class Traits>
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& stream, TypeMeta type) {
  return stream << type.name();
}

}  // namespace caffe2

namespace c10 {

inline ScalarType typeMetaToScalarType(caffe2::TypeMeta type) { return type.toScalarType(); }
inline caffe2::TypeMeta scalarTypeToTypeMeta(ScalarType type) { return type; }

template <class Traits>
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& stream, ScalarType type) {
  return stream << toString(type);
}

}  // namespace c10
