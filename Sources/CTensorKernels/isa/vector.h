// Vectors of 16 floats, as wide as a register: included by isa/kernels.h, once for each instruction set
// that has those.

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

typedef float NAME(Vector) __attribute__((vector_size(64), aligned(4)));
typedef int32_t NAME(Mask) __attribute__((vector_size(64)));
#define V16 NAME(Vector)
#define MASK NAME(Mask)
#define AT(p) (*(V16 *)(p))
#define FROM(p) (*(const V16 *)(p))
