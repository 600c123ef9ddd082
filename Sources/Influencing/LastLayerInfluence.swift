import ImageData
import Influence
import Programs
import Recipes
import RunSupport

/// Influences through the last dense layer: everything in closed form from the features that enter it,
/// in double precision.
final class LastLayerInfluence: InfluenceModel {
  package let layers: [String]
  package private(set) var positions: [Int] = []
  package private(set) var skipped: [SkippedImage] = []

  private let section: InfluenceSection
  private let single: FeatureProgram
  private let normalizer: Normalizer
  /// The training images.
  private var regression: SoftmaxRegression
  /// `nil` if systems are solved by conjugate gradients.
  private var factor: CholeskyFactor?

  /// - Parameters:
  ///   - source: the training images.
  ///   - progress: called after every batch with the number of images that were read.
  package init(
    _ network: LoadedNetwork, _ section: InfluenceSection, source: any ImageSource,
    imageSize: ImageSize, batchSize: Int, threads: Int?, compute: ComputeSection,
    stop: StopRequest, progress: (_ done: Int) -> Void
  ) throws {
    self.section = section
    single = try FeatureProgram(network, batchSize: 1, policy: compute.evaluationPolicy)
    let program = try FeatureProgram(
      network, batchSize: batchSize, policy: compute.evaluationPolicy)
    layers = [single.layer]
    normalizer = Normalizer(network.preprocessing)
    regression = SoftmaxRegression(
      classes: single.classes, featureCount: single.featureCount, hasBias: single.hasBias)
    let size = regression.weightCount
    let isDirect =
      section.solver.map { $0 == .direct } ?? (size <= InfluenceSection.mostDirectWeights)
    if isDirect, size > 4 * InfluenceSection.mostDirectWeights {
      throw RunError(
        "the last layer \(single.layer) has \(size) weights, so their Hessian would take "
          + "\(size * size / 125_000_000) GB; set influence.solver to conjugate-gradients")
    }
    let loader = try BatchLoader(
      source, batchSize: batchSize, preprocessing: network.preprocessing, order: .evaluation,
      imageSize: imageSize, threads: threads)
    while let batch = try loader.next() {
      if stop.isRequested { throw RunStopped("stopped before the first image was explained") }
      let (features, logits) = try program.run(batch.images)
      for row in 0..<batch.validCount {
        regression.append(
          features: Self.row(row, of: features.values, program.featureCount),
          logits: Self.row(row, of: logits.values, program.classes), label: Int(batch.labels[row]))
      }
      positions += batch.indices
      progress(positions.count)
    }
    skipped = loader.skipped
    guard !positions.isEmpty else { throw RunError("none of the training images could be read") }
    guard isDirect else { return }
    factor = CholeskyFactor(regression.hessian(damping: section.damping), size: size)
    guard factor != nil else {
      throw RunError(
        "the Hessian of the last layer with influence.damping \(short(section.damping)) is not "
          + "positive definite to the last digits; give a larger influence.damping")
    }
  }

  private static func row(_ row: Int, of values: [Float], _ width: Int) -> [Double] {
    values[row * width..<(row + 1) * width].map(Double.init)
  }

  package var weightCount: Int { regression.weightCount }
  var isDirect: Bool { factor != nil }

  package func gradient(_ picture: Image, label: Int) throws -> [Double] {
    let (features, logits) = try single.run(normalizer(picture))
    var one = SoftmaxRegression(
      classes: single.classes, featureCount: single.featureCount, hasBias: single.hasBias)
    one.append(
      features: features.values.map(Double.init), logits: logits.values.map(Double.init),
      label: label)
    return one.gradient(of: 0)
  }

  package func gradient(ofTraining places: [Int]) throws -> [Double] {
    places.reduce([Double](repeating: 0, count: weightCount)) { sum, place in
      zip(sum, regression.gradient(of: place)).map { $0 + $1 }
    }
  }

  package func slopes(along vector: [Double]) throws -> [Double] {
    regression.slopes(along: vector)
  }

  package func product(_ vector: [Double]) throws -> [Double] { regression.product(vector) }

  package func solve(_ b: [Double]) throws -> InfluenceSolution {
    if let factor { return InfluenceSolution(vector: factor.solve(b)) }
    return try conjugateGradients(b, section, product: product)
  }
}
