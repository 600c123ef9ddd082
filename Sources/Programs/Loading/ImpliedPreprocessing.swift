import ImageData
import Networks

extension Architecture {
  /// How images are given to a network that normalises them itself, by its first layers: from 0 to 255
  /// or from 0 to 1, whichever its arithmetic is for. `nil` where it does not, or where its numbers say
  /// neither.
  package var impliedPreprocessing: Preprocessing? { impliedPreprocessing { _ in nil } }

  /// The same of a network whose file has statistics of images.
  ///
  /// - Parameter statistics: means and variances of a `normalization` by channel, if they are known.
  func impliedPreprocessing(
    statistics: (LayerNode) -> (mean: [Double], variance: [Double])?
  ) -> Preprocessing? {
    guard let largest = largestSample(statistics) else { return nil }
    let channels = inputShape[2]
    return Preprocessing(
      mean: [Float](repeating: 0, count: channels),
      standardDeviation: [Float](repeating: Float(1 / largest), count: channels))
  }

  /// The sample that stands for white, 255 or 1.
  private func largestSample(
    _ statistics: (LayerNode) -> (mean: [Double], variance: [Double])?
  ) -> Double? {
    // y = scale·x + offset so far, by channel.
    let channels = inputShape[2]
    var scale = [Double](repeating: 1, count: channels)
    var offset = [Double](repeating: 0, count: channels)
    var (name, isNormalized) = (Self.inputName, false)
    walk: while true {
      let readers = nodes.filter { $0.inputs.contains(name) }
      guard readers.count == 1, readers[0].inputs.count == 1 else { break }
      switch readers[0].layer {
      case .crop, .resize: break
      case .reverseChannels:
        scale.reverse()
        offset.reverse()
      case .rescale(let layer):
        for channel in 0..<channels {
          let factor = layer.scale[layer.scale.count == 1 ? 0 : channel]
          scale[channel] *= factor
          offset[channel] =
            offset[channel] * factor + layer.offset[layer.offset.count == 1 ? 0 : channel]
        }
        isNormalized = true
      case .normalization:
        guard let known = statistics(readers[0]), known.mean.count == channels,
          known.variance.count == channels
        else { break walk }
        for channel in 0..<channels {
          let deviation = max(known.variance[channel], Layer.normalizationEpsilon).squareRoot()
          scale[channel] /= deviation
          offset[channel] = (offset[channel] - known.mean[channel]) / deviation
        }
        isNormalized = true
      default: break walk
      }
      name = readers[0].name
    }
    guard isNormalized else { return nil }
    let (steepest, farthest) = (scale.map(abs).max() ?? 0, offset.map(abs).max() ?? 0)
    // From 0 to 255 a normalised image spans some units, or its mean is taken off and nothing else.
    if steepest * 255 <= Self.widestSpan || farthest >= Self.widestSpan { return 255 }
    return steepest >= Self.leastSpan && steepest <= Self.widestSpan ? 1 : nil
  }

  /// Between black and white, networks are given at least and at most so many units.
  private static let leastSpan = 0.3
  private static let widestSpan = 20.0
}
