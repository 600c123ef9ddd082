import Attacking
import ImageData
import Influence
import Programs
import Recipes
import RunSupport

/// Influences through any layers: gradients and Hessian-vector products by passes over the training
/// images.
final class LayerInfluence: InfluenceModel {
  package let layers: [String]
  package private(set) var positions: [Int] = []
  package private(set) var skipped: [SkippedImage] = []

  private let section: InfluenceSection
  private let derivatives: WeightDerivatives
  private let single: WeightDerivatives
  private let normalizer: Normalizer
  private let stop: StopRequest
  private var pictures: [Image] = []
  private var labels: [Int32] = []

  /// See `LastLayerInfluence`.
  package init(
    _ network: LoadedNetwork, layers: [String], _ section: InfluenceSection,
    source: any ImageSource, imageSize: ImageSize, batchSize: Int, compute: ComputeSection,
    stop: StopRequest, progress: (_ done: Int) -> Void
  ) throws {
    (self.layers, self.section, self.stop) = (layers, section, stop)
    let policy = compute.evaluationPolicy
    derivatives = try WeightDerivatives(
      network, layers: layers, batchSize: batchSize, policy: policy)
    single = try WeightDerivatives(network, layers: layers, batchSize: 1, policy: policy)
    normalizer = Normalizer(network.preprocessing)
    let reader = CorrectImages(
      source: source, preprocessing: network.preprocessing, imageSize: imageSize,
      batchSize: batchSize)
    skipped = source.passedOver
    for position in 0..<source.count {
      if stop.isRequested { throw RunStopped("stopped before the first image was explained") }
      do {
        pictures.append(try reader.picture(at: position))
        labels.append(Int32(source.label(at: position)))
        positions.append(position)
      } catch {
        skipped.append(
          SkippedImage(index: position, of: source, error))
      }
      progress(position + 1)
    }
    guard !positions.isEmpty else { throw RunError("none of the training images could be read") }
  }

  package var weightCount: Int { derivatives.count }
  var isDirect: Bool { false }

  package func gradient(_ picture: Image, label: Int) throws -> [Double] {
    try single.gradient(images: normalizer(picture), labels: [Int32(label)], valid: 1)
  }

  package func gradient(ofTraining places: [Int]) throws -> [Double] {
    var sum = [Double](repeating: 0, count: weightCount)
    for place in places {
      let gradient = try single.gradient(
        images: normalizer(pictures[place]), labels: [labels[place]], valid: 1)
      for (index, value) in gradient.enumerated() { sum[index] += value }
    }
    return sum
  }

  package func slopes(along vector: [Double]) throws -> [Double] {
    var slopes: [Double] = []
    try forEachBatch { images, labels, valid in
      slopes += try derivatives.slopes(
        images: images, labels: labels, valid: valid, along: vector)
    }
    return slopes
  }

  package func product(_ vector: [Double]) throws -> [Double] {
    var sum = [Double](repeating: 0, count: weightCount)
    try forEachBatch { images, labels, valid in
      let part = try derivatives.product(images: images, labels: labels, valid: valid, vector)
      for (place, value) in part.enumerated() { sum[place] += value }
    }
    return sum.map { $0 / Double(pictures.count) }
  }

  package func solve(_ b: [Double]) throws -> InfluenceSolution {
    try conjugateGradients(b, section, product: product)
  }

  private func forEachBatch(
    _ body: (_ images: [Float], _ labels: [Int32], _ valid: Int) throws -> Void
  ) throws {
    let size = derivatives.batchSize
    for begin in stride(from: 0, to: pictures.count, by: size) {
      if stop.isRequested { throw RunStopped("stopped; what was finished is in influences.jsonl") }
      let part = begin..<min(begin + size, pictures.count)
      let missing = size - part.count
      var images = pictures[part].flatMap { normalizer($0) }
      images += repeatElement(0, count: missing * images.count / part.count)
      try body(
        images, labels[part] + [Int32](repeating: 0, count: missing), part.count)
    }
  }
}
