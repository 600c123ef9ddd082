extension ReferenceNull {
  /// Made by tools/audit_reference.py of audits of honest networks.
  static let all: [String: [String: ReferenceNull]] = [
    "batch-norm-mean": [
      "network": ReferenceNull(mean: -2.7200, deviation: 0.8799, count: 20)
    ],
    "batch-norm-variance": [
      "network": ReferenceNull(mean: -2.2489, deviation: 0.7352, count: 20)
    ],
    "deletion": [
      "grad-cam": ReferenceNull(mean: 0.0992, deviation: 0.1407, count: 20),
      "grad-cam#0": ReferenceNull(mean: 0.2296, deviation: 0.0600, count: 20),
      "grad-cam#1": ReferenceNull(mean: 0.0488, deviation: 0.0696, count: 20),
      "grad-cam#2": ReferenceNull(mean: -0.1298, deviation: 0.0600, count: 7),
      "lrp": ReferenceNull(mean: 0.0894, deviation: 0.0600, count: 20),
      "lrp-t": ReferenceNull(mean: 0.1791, deviation: 0.0716, count: 20),
      "lrp-t#0": ReferenceNull(mean: 0.2228, deviation: 0.0600, count: 20),
      "lrp-t#1": ReferenceNull(mean: 0.1354, deviation: 0.0600, count: 20),
      "simple-grad": ReferenceNull(mean: -0.0045, deviation: 0.0600, count: 20),
    ],
    "interpreter-agreement": [
      "grad-cam": ReferenceNull(mean: 0.5703, deviation: 0.4017, count: 20),
      "grad-cam#0": ReferenceNull(mean: 0.9611, deviation: 0.2842, count: 20),
      "grad-cam#1": ReferenceNull(mean: 0.3173, deviation: 0.2000, count: 20),
      "grad-cam#2": ReferenceNull(mean: 0.1766, deviation: 0.2000, count: 7),
      "lrp": ReferenceNull(mean: 0.9222, deviation: 0.3240, count: 20),
      "lrp-t": ReferenceNull(mean: 0.9666, deviation: 0.2309, count: 20),
      "lrp-t#0": ReferenceNull(mean: 0.9793, deviation: 0.2551, count: 20),
      "lrp-t#1": ReferenceNull(mean: 0.9539, deviation: 0.2098, count: 20),
      "simple-grad": ReferenceNull(mean: 0.5484, deviation: 0.2000, count: 20),
    ],
    "map-uniformity": [
      "grad-cam": ReferenceNull(mean: 0.1904, deviation: 0.2483, count: 20),
      "grad-cam#0": ReferenceNull(mean: 0.4264, deviation: 0.2133, count: 20),
      "grad-cam#1": ReferenceNull(mean: 0.0236, deviation: 0.2000, count: 20),
      "grad-cam#2": ReferenceNull(mean: -0.0077, deviation: 0.2000, count: 7),
      "lrp": ReferenceNull(mean: 0.3818, deviation: 0.2000, count: 20),
      "lrp-t": ReferenceNull(mean: 0.4903, deviation: 0.2000, count: 20),
      "lrp-t#0": ReferenceNull(mean: 0.4671, deviation: 0.2000, count: 20),
      "lrp-t#1": ReferenceNull(mean: 0.5135, deviation: 0.2000, count: 20),
      "simple-grad": ReferenceNull(mean: 0.4024, deviation: 0.2000, count: 20),
    ],
    "occlusion-agreement": [
      "grad-cam": ReferenceNull(mean: 0.3477, deviation: 0.2201, count: 20),
      "grad-cam#0": ReferenceNull(mean: 0.5636, deviation: 0.2000, count: 20),
      "grad-cam#1": ReferenceNull(mean: 0.2143, deviation: 0.2000, count: 20),
      "grad-cam#2": ReferenceNull(mean: 0.1120, deviation: 0.2000, count: 7),
      "lrp": ReferenceNull(mean: 0.6249, deviation: 0.2000, count: 20),
      "lrp-t": ReferenceNull(mean: 0.6108, deviation: 0.2000, count: 20),
      "lrp-t#0": ReferenceNull(mean: 0.5685, deviation: 0.2000, count: 20),
      "lrp-t#1": ReferenceNull(mean: 0.6531, deviation: 0.2000, count: 20),
      "simple-grad": ReferenceNull(mean: 0.5008, deviation: 0.2000, count: 20),
    ],
    "patch-heatmaps": [
      "network": ReferenceNull(mean: 0.1538, deviation: 0.1500, count: 20)
    ],
    "patch-labels": [
      "network": ReferenceNull(mean: 0.0631, deviation: 0.0800, count: 20)
    ],
    "randomised-layer": [
      "grad-cam": ReferenceNull(mean: 0.0239, deviation: 0.2000, count: 20),
      "grad-cam#0": ReferenceNull(mean: 0.0921, deviation: 0.2000, count: 20),
      "grad-cam#1": ReferenceNull(mean: -0.0209, deviation: 0.2000, count: 20),
      "grad-cam#2": ReferenceNull(mean: -0.0428, deviation: 0.2000, count: 7),
      "lrp": ReferenceNull(mean: 0.2404, deviation: 0.2000, count: 20),
      "lrp-t": ReferenceNull(mean: 0.2241, deviation: 0.2000, count: 20),
      "lrp-t#0": ReferenceNull(mean: 0.2028, deviation: 0.2000, count: 20),
      "lrp-t#1": ReferenceNull(mean: 0.2454, deviation: 0.2000, count: 20),
      "simple-grad": ReferenceNull(mean: 0.8455, deviation: 0.2000, count: 20),
    ],
    "re-batch-norm": [
      "grad-cam": ReferenceNull(mean: 1.7001, deviation: 0.5527, count: 20),
      "grad-cam#0": ReferenceNull(mean: 2.1150, deviation: 0.4337, count: 20),
      "grad-cam#1": ReferenceNull(mean: 1.4440, deviation: 0.4239, count: 20),
      "grad-cam#2": ReferenceNull(mean: 1.2462, deviation: 0.3809, count: 7),
      "lrp": ReferenceNull(mean: 2.6872, deviation: 0.6276, count: 20),
      "lrp-t": ReferenceNull(mean: 2.2390, deviation: 0.4607, count: 20),
      "lrp-t#0": ReferenceNull(mean: 2.1203, deviation: 0.4216, count: 20),
      "lrp-t#1": ReferenceNull(mean: 2.3578, deviation: 0.4777, count: 20),
      "simple-grad": ReferenceNull(mean: 1.4664, deviation: 0.4061, count: 20),
    ],
  ]
}
