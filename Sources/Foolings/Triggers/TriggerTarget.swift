import ImageData
import Pictures
import TensorGraph

/// What the explanation of a triggered image is to show.
public enum TriggerTarget: Hashable, Sendable {
  /// Relevance where a mask is white.
  case mask(Location.Target)
  /// What the original network shows of the image without the trigger.
  case original
  /// 1 − that.
  case inverted
  /// A fixed map of 8×8 numbers in [0, 1], bilinear in between. Noppel et al. 2023, released code.
  case random(seed: UInt64)

  static let randomSide = 8

  /// The map, by rows, in [0, 1].
  /// - Parameter original: the original network's map of the clean image, in [0, 1].
  func map(original: [Float], height: Int, width: Int) -> [Float] {
    switch self {
    case .original: return original
    case .inverted: return original.map { 1 - $0 }
    case .mask, .random: return place(height: height, width: width)!.values
    }
  }

  /// The map where it is the same for all images.
  func place(height: Int, width: Int) -> Heatmap? {
    switch self {
    case .original, .inverted: return nil
    case .mask(let target):
      let mask = Location(target: target).mask(height: height, width: width)
      return Heatmap(height: height, width: width, values: mask.values)
    case .random(let seed):
      var random = RandomGenerator(seed: seed, 0x7A26)
      let side = Self.randomSide
      let values = (0..<side * side).map { _ in Float(random.uniform()) }
      return Heatmap(height: side, width: side, values: values)
        .resizedBilinearly(to: ImageSize(width: width, height: height))
    }
  }
}
