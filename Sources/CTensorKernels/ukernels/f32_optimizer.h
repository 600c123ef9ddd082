// Parameter updates. Included by ukernels/ukernels.h.
#if !defined(NAME) || !defined(LOOP_FOR)
#error "a template of ukernels/ukernels.h: include that"
#endif

static void NAME(adam)(
    const trompe_adam *s, float rate, float root_correction, int64_t count, float *w,
    const float *gradient, float *first, float *second) {
  const float beta1 = s->beta1, beta2 = s->beta2, epsilon = s->epsilon, decay = s->decay;
  LOOP_FOR(int64_t i = 0; i < count; i++) {
    float g = gradient[i] + decay * w[i];
    float m = first[i] + (1 - beta1) * (g - first[i]);
    float v = beta2 * second[i] + (1 - beta2) * g * g;
    first[i] = m;
    second[i] = v;
    w[i] -= rate * m / (__builtin_elementwise_sqrt(v) * root_correction + epsilon);
  }
}

static void NAME(sgd)(
    const trompe_sgd *s, int64_t count, float *w, const float *gradient, float *velocity) {
  const float rate = s->rate, momentum = s->momentum, decay = s->decay;
  const float look_ahead = s->nesterov ? momentum : 0, own = s->nesterov ? 1 : 0;
  LOOP_FOR(int64_t i = 0; i < count; i++) {
    float g = gradient[i] + decay * w[i];
    float v = momentum * velocity[i] + g;
    velocity[i] = v;
    w[i] -= rate * (own != 0 ? g + look_ahead * v : v);
  }
}
