// The epilogue of the GEMM microkernels, 8x32 and the others, in pieces of MR pixels by 16
// channels: scales, bias, residual, ReLU, mask, channel sums, store. Included by
// ukernels/ukernels.h.
#if !defined(NAME) || !defined(INLINE) || !defined(V16) || !defined(MASK) || !defined(INNER_PRODUCT)
#error "a template of ukernels/ukernels.h: include that"
#endif

// Of `rows` pixels, `count` are written.
INLINE void NAME(epilogue)(
    const int rows, V16 *sums, const float *row_inverse_scales, V16 inverse_scales,
    const trompe_epilogue *after, float *to, const int64_t *offsets, int64_t count) {
  const V16 shift = after->bias ? FROM(after->bias) : (V16){0};
  UNROLL_FOR(int i = 0; i < rows; i++)
    sums[i] = INNER_PRODUCT ? sums[i] * (inverse_scales * row_inverse_scales[i]) + shift
                            : sums[i] + shift;
  if (after->residual)
    UNROLL_FOR(int i = 0; i < rows; i++) sums[i] += FROM(after->residual + offsets[i]);
  if (after->has_relu)
    UNROLL_FOR(int i = 0; i < rows; i++) sums[i] = NAME(rectified)(sums[i], after->relu_limit);
  if (after->mask)
    UNROLL_FOR(int i = 0; i < rows; i++)
      sums[i] *= NAME(ones_where_positive)(FROM(after->mask + offsets[i]));
  // Eight at a time: the order does not depend on NR. `sums` is never
  // indexed by `count`: otherwise all of them would be kept in memory beside the registers.
  const int part = rows < 8 ? rows : 8;
  if (after->sums)
    UNROLL_FOR(int first = 0; first < rows; first += part) {
      V16 parts[4] = {FROM(after->sums)};
      if (count >= first + part)
        UNROLL_FOR(int i = 0; i < part; i++) parts[i % 4] += sums[first + i];
      else
        UNROLL_FOR(int i = first; i < first + part; i++)
          if (i < count) parts[0] += sums[i];
      AT(after->sums) = (parts[0] + parts[1]) + (parts[2] + parts[3]);
    }
  if (count >= rows) {
    if (after->is_nontemporal)
      UNROLL_FOR(int i = 0; i < rows; i++) NAME(store)(to + offsets[i], sums[i], 1);
    else
      UNROLL_FOR(int i = 0; i < rows; i++) AT(to + offsets[i]) = sums[i];
  } else {
    UNROLL_FOR(int i = 0; i < rows; i++)
      if (i < count) NAME(store)(to + offsets[i], sums[i], after->is_nontemporal);
  }
}
// For the next block of channels.
INLINE trompe_epilogue NAME(next_block)(trompe_epilogue after, int64_t image_block) {
  if (after.bias) after.bias += 16;
  if (after.residual) after.residual += image_block;
  if (after.mask) after.mask += image_block;
  if (after.sums) after.sums += 16;
  return after;
}
