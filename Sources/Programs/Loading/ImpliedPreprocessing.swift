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
    let channels = inputShape[2]
    return largestSample(
      from: Self.inputName, scale: [Double](repeating: 1, count: channels),
      offset: [Double](repeating: 0, count: channels), isNormalized: false, mayFork: true,
      statistics)
  }

  /// The same from a node on, whose values are y = scale·x + offset by channel.
  ///
  /// - Parameter mayFork: whether several layers may read it, which then have to agree. Once is enough for
  ///   an ensemble, and a file from anywhere cannot make this as deep as it has layers.
  private func largestSample(
    from start: String, scale: [Double], offset: [Double], isNormalized: Bool, mayFork: Bool,
    _ statistics: (LayerNode) -> (mean: [Double], variance: [Double])?
  ) -> Double? {
    var (name, scale, offset, isNormalized) = (start, scale, offset, isNormalized)
    while true {
      let readers = nodes.filter { $0.inputs.contains(name) }
      if readers.count > 1, mayFork, !isNormalized {
        let found = readers.map { reader -> Double? in
          guard reader.inputs == [name],
            let after = Self.step(reader, scale, offset, isNormalized, statistics)
          else { return nil }
          return largestSample(
            from: reader.name, scale: after.0, offset: after.1, isNormalized: after.2,
            mayFork: false, statistics)
        }
        return Set(found).count == 1 ? found[0] : nil
      }
      guard readers.count == 1, Set(readers[0].inputs) == [name],
        let after = Self.step(readers[0], scale, offset, isNormalized, statistics)
      else { break }
      (scale, offset, isNormalized) = after
      name = readers[0].name
    }
    return Self.largestSample(scale, offset, isNormalized)
  }

  /// scale and offset behind a layer; `nil` where it is no step of preparing images.
  private static func step(
    _ node: LayerNode, _ scale: [Double], _ offset: [Double], _ isNormalized: Bool,
    _ statistics: (LayerNode) -> (mean: [Double], variance: [Double])?
  ) -> ([Double], [Double], Bool)? {
    switch node.layer {
    case .crop, .resize, .dropout: return (scale, offset, isNormalized)
    case .zeroPadding where !isNormalized: return (scale, offset, isNormalized)
    // Gray to three channels.
    case .concatenate:
      let copies = node.inputs.count
      return (
        (0..<copies).flatMap { _ in scale }, (0..<copies).flatMap { _ in offset }, isNormalized
      )
    // Channels stay apart only while all are alike, or the last axis is theirs.
    case .reshape, .flatten:
      guard Set(scale).count == 1, Set(offset).count == 1 else { return nil }
      return ([scale[0]], [offset[0]], isNormalized)
    case .reverseChannels: return (scale.reversed(), offset.reversed(), isNormalized)
    case .rescale(let layer):
      let count = max(scale.count, layer.scale.count, layer.offset.count)
      func at(_ values: [Double], _ channel: Int) -> Double {
        values[values.count == 1 ? 0 : channel]
      }
      guard
        [scale, offset, layer.scale, layer.offset].allSatisfy({ [1, count].contains($0.count) })
      else { return nil }
      let channels = 0..<count
      return (
        channels.map { at(scale, $0) * at(layer.scale, $0) },
        channels.map { at(offset, $0) * at(layer.scale, $0) + at(layer.offset, $0) }, true
      )
    case .normalization:
      guard let known = statistics(node), known.mean.count == known.variance.count,
        scale.count == known.mean.count || scale.count == 1
      else { return nil }
      let deviations = known.variance.map { max($0, Layer.normalizationEpsilon).squareRoot() }
      return (
        deviations.indices.map { scale[scale.count == 1 ? 0 : $0] / deviations[$0] },
        deviations.indices.map {
          (offset[offset.count == 1 ? 0 : $0] - known.mean[$0]) / deviations[$0]
        }, true
      )
    default: return nil
    }
  }

  private static func largestSample(
    _ scale: [Double], _ offset: [Double], _ isNormalized: Bool
  ) -> Double? {
    guard isNormalized else { return nil }
    let (steepest, farthest) = (scale.map(abs).max() ?? 0, offset.map(abs).max() ?? 0)
    // From 0 to 255 a normalised image spans some units, or its mean is taken off and nothing else.
    if steepest * 255 <= widestSpan || farthest >= widestSpan { return 255 }
    return steepest >= leastSpan && steepest <= widestSpan ? 1 : nil
  }

  /// Between black and white, networks are given at least and at most so many units.
  private static let leastSpan = 0.3
  private static let widestSpan = 20.0
}
