import Foolings
import Pictures

extension Heatmap {
  /// 0 everywhere if there are entries that are not finite: tested as an all-zero map.
  package var defined: Heatmap {
    hasVanished
      ? Heatmap(height: height, width: width, values: [Float](repeating: 0, count: values.count))
      : self
  }
}
