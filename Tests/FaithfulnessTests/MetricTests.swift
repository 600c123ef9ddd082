import Faithfulness
import Foundation
import ImageData
import Pictures
import Testing

/// f(x) = Σ w·x, p = f in [0, 1], and a heatmap that is w·x or a given one.
private final class LinearNetwork: MetricNetwork {
  let weights: [Float]
  let channels: Int
  var isRandom = false
  private(set) var batches: [Int] = []
  private(set) var restored = 0

  init(_ weights: [Float], channels: Int = 1) {
    (self.weights, self.channels) = (weights, channels)
  }

  private func samples(_ images: PerturbedImages, _ index: Int) -> [Float] {
    var samples = [Float](repeating: 0, count: images.sampleCount)
    samples.withUnsafeMutableBufferPointer { images.write(index, to: $0) }
    return samples
  }

  func classify(
    _ images: PerturbedImages, each: (Int, LabelOutput) throws -> Void
  ) throws {
    batches.append(images.count)
    for index in 0..<images.count {
      let logit = zip(weights, samples(images, index)).reduce(0.0) {
        $0 + Double($1.0) * Double($1.1)
      }
      try each(
        index,
        LabelOutput(logit: logit, probability: min(max(logit, 0), 1), isPredicted: logit > 0.5))
    }
  }

  func explain(_ images: PerturbedImages, each: (Int, Heatmap) throws -> Void) throws {
    for index in 0..<images.count {
      let own = samples(images, index)
      let values = (0..<own.count / channels).map { pixel in
        (0..<channels).reduce(Float(0)) {
          $0 + weights[pixel * channels + $1] * own[pixel * channels + $1]
        }
      }
      try each(
        index,
        Heatmap(height: 1, width: values.count, values: isRandom ? values.reversed() : values))
    }
  }

  var layers: [String] { ["first", "last"] }
  func randomise(_ layer: String) throws { isRandom = true }
  func restore() throws {
    restored += 1
    isRandom = false
  }
}

private func images(
  _ samples: [Float], width: Int, height: Int = 1, map: [Float]
) -> ExplainedImages {
  ExplainedImages(
    samples: samples, size: ImageSize(width: width, height: height), labels: [0],
    heatmaps: [Heatmap(height: height, width: width, values: map)])
}

@Suite struct MetricTests {
  /// A sample's loss under black is w·(x − min), which is what the map says.
  @Test func aMapThatIsTheTruthHasAFaithfulnessCorrelationOfOne() throws {
    let (samples, weights): ([Float], [Float]) = ([0, 1, 2, 3, 4], [1, -1, 2, 0.5, 0.25])
    let network = LinearNetwork(weights)
    let truth = zip(samples, weights).map { $0 * $1 }
    let metric = FaithfulnessCorrelation(runs: 20, subset: 2)
    let own = try metric.result(of: images(samples, width: 5, map: truth), by: network, seed: 1)
    #expect(abs(own.scores[0]! - 1) < 1e-6)
    let turned = try metric.result(
      of: images(samples, width: 5, map: truth.map { -$0 }), by: network, seed: 1)
    #expect(abs(turned.scores[0]! + 1) < 1e-6)
    // One batch of all subsets and the image as it is.
    #expect(network.batches == [21, 21])
  }

  @Test func faithfulnessCorrelationWithAnEvenMapIsNotDefined() throws {
    let result = try FaithfulnessCorrelation(runs: 5, subset: 2).result(
      of: images([0, 1, 2], width: 3, map: [0, 0, 0]), by: LinearNetwork([1, 1, 1]), seed: 1)
    #expect(result.scores == [nil])
    #expect(result.undefined == 1)
    #expect(result.mean == nil)
  }

  @Test func subsetsHaveNoSampleTwiceAndDependOnSeedAndImageAlone() throws {
    func scores(seed: UInt64, identities: [Int]) throws -> [Double?] {
      let samples: [Float] = [0, 1, 4, 2, 5, 3]
      let map = Heatmap(height: 1, width: 6, values: [1, 0, 3, 1, 2, 0])
      let all = ExplainedImages(
        samples: identities.flatMap { _ in samples }, size: ImageSize(width: 6, height: 1),
        labels: identities.map { _ in 0 }, heatmaps: identities.map { _ in map },
        identities: identities)
      return try FaithfulnessCorrelation(runs: 4, subset: 3).result(
        of: all, by: LinearNetwork([1, 2, 1, -1, 3, 1]), seed: seed
      ).scores
    }
    let both = try scores(seed: 1, identities: [3, 9])
    #expect(try scores(seed: 1, identities: [9, 3]) == [both[1], both[0]])
    #expect(both[0] != both[1])
    #expect(try scores(seed: 2, identities: [3, 9]) != both)
  }

  /// f(x) − f(x_k) = Σ w·(x − x_k) for a linear f, so w is perfect and 0 misses it all.
  @Test func infidelityOfTheGradientOfALinearNetworkIsZero() throws {
    let weights: [Float] = [1, -2, 0.5, 3]
    let network = LinearNetwork(weights)
    let metric = Infidelity(patch: 1)
    let perfect = try metric.result(
      of: images([1, 2, 3, 4], width: 2, height: 2, map: weights), by: network, seed: 0)
    #expect(abs(perfect.scores[0]!) < 1e-10)
    // Losses with 1, 2, 3 and 4 black pixels: 0, −2, −1, 8.
    let none = try metric.result(
      of: images([1, 2, 3, 4], width: 2, height: 2, map: [0, 0, 0, 0]), by: network, seed: 0)
    #expect(abs(none.scores[0]! - (0 + 4 + 1 + 64) / 4) < 1e-10)
  }

  @Test func patchesAreCutOffWhereTheImageEnds() throws {
    // Patches of 2 of 3 pixels: {0, 1} and {2}; losses 1·0 + 1·1 = 1, then 1 + 2 = 3.
    let result = try Infidelity(patch: 2).result(
      of: images([0, 1, 2], width: 3, map: [0, 0, 0]), by: LinearNetwork([1, 1, 1]), seed: 0)
    #expect(abs(result.scores[0]! - 5) < 1e-10)
  }

  @Test func maxSensitivityIsTheLargestRelativeMove() throws {
    let network = LinearNetwork([1, 1])
    let result = try MaxSensitivity(samples: 3).result(
      of: images([3, 4], width: 2, map: [3, 4]), by: network
    ) { _, sample, noise in
      noise[0] = Float(sample)
      noise[1] = 0
    }
    // Moves of 0, 1 and 2 of a map of length 5.
    #expect(abs(result.scores[0]! - 0.4) < 1e-6)
    let zero = try MaxSensitivity(samples: 1).result(
      of: images([0, 0], width: 2, map: [0, 0]), by: network, seed: 0)
    #expect(zero.scores == [nil])
  }

  @Test func noiseStaysWithinTheRadius() throws {
    let network = LinearNetwork([Float](repeating: 1, count: 400))
    let metric = MaxSensitivity(samples: 5, radius: 0.5)
    let map = [Float](repeating: 1, count: 400)
    let result = try metric.result(of: images(map, width: 400, map: map), by: network, seed: 4)
    // ‖δ‖/‖x‖ = √(mean δ²): 0.5/√3 for uniform noise.
    #expect(abs(result.scores[0]! - 0.5 / 3.0.squareRoot()) < 0.03)
  }

  @Test func deletionTakesTheMostRelevantPixelsFirst() throws {
    let network = LinearNetwork([0.5, 0.25, 0.25, 0])
    func area(_ direction: PixelCurve.Direction, _ map: [Float]) throws -> Double {
      try PixelCurve(direction, step: 1, fill: .zero).result(
        of: images([1, 1, 1, 1], width: 4, map: map), by: network, seed: 0
      ).scores[0]!
    }
    // 1, 0.5, 0.25, 0, 0 and, the wrong way round, 1, 1, 0.75, 0.5, 0.
    #expect(abs(try area(.deletion, [4, 3, 2, 1]) - 1.25 / 4) < 1e-6)
    #expect(abs(try area(.deletion, [1, 2, 3, 4]) - 2.75 / 4) < 1e-6)
    // 0, 0.5, 0.75, 1, 1.
    #expect(abs(try area(.insertion, [4, 3, 2, 1]) - 2.75 / 4) < 1e-6)
  }

  @Test func aPixelCurveGoesFromTheImageToTheFill() throws {
    let result = try PixelCurve(.deletion, step: 2).result(
      of: images([1, 1, 1], width: 3, map: [3, 2, 1]), by: LinearNetwork([0.5, 0.25, 0.25]),
      seed: 0)
    #expect(result.curve.map(\.x) == [0, 2.0 / 3, 1])
    #expect(result.curve.map(\.value) == [1, 0.25, 0])
  }

  /// scipy.ndimage.gaussian_filter1d of an impulse of 11 taps with σ = 5.
  @Test func theBlurIsThatOfTheReleasedCode() {
    let kernel = PixelCurve.kernel
    #expect(abs(kernel.reduce(0, +) - 1) < 1e-12)
    #expect(abs(kernel[5] - 0.093_982_06) < 1e-6)
    for tap in 0..<11 { #expect(abs(kernel[tap] - kernel[10 - tap]) < 1e-12) }
    let impulse = [Float](repeating: 0, count: 60) + [1] + [Float](repeating: 0, count: 60)
    let blurred = PixelCurve.blurred(
      impulse, size: ImageSize(width: 11, height: 11), channels: 1)
    #expect(abs(Double(blurred[60]) - kernel[5] * kernel[5]) < 1e-7)
    #expect(abs(Double(blurred[0]) - kernel[0] * kernel[0]) < 1e-7)
  }

  @Test func sparsenessIsTheGiniIndex() throws {
    func gini(_ map: [Float]) throws -> Double? {
      try Sparseness().result(
        of: images([Float](repeating: 0, count: map.count), width: map.count, map: map),
        by: LinearNetwork([]), seed: 0
      ).scores[0]
    }
    #expect(abs(try gini([1, 1, 1, 1])!) < 1e-9)
    #expect(abs(try gini([0, 0, 0, -2])! - 0.75) < 1e-6)
    // (−3·1 − 1·2 + 1·3 + 3·4)/(4·10)
    #expect(abs(try gini([2, 1, 4, 3])! - 0.25) < 1e-6)
    #expect(try gini([0, 0]) == nil)
  }

  @Test func complexityIsTheEntropyOfTheRelevance() throws {
    func complexity(_ map: [Float]) throws -> Double? {
      try Complexity().result(
        of: images([Float](repeating: 0, count: map.count), width: map.count, map: map),
        by: LinearNetwork([]), seed: 0
      ).scores[0]
    }
    #expect(abs(try complexity([1, -1, 1, 1])! - log(4)) < 1e-9)
    #expect(abs(try complexity([0, 5, 0])!) < 1e-9)
    #expect(try complexity([0, 0]) == nil)
  }

  @Test func parameterRandomisationComparesWithTheMapAfterEachLayer() throws {
    let network = LinearNetwork([1, 1, 1, 1])
    let result = try ParameterRandomisation().result(
      of: images([1, 2, 3, 4], width: 4, map: [1, 2, 3, 4]), by: network, seed: 0)
    #expect(result.curve.map(\.name) == ["last", "first"])
    #expect(result.curve.map(\.value) == [-1, -1])
    #expect(result.scores == [-1])
    #expect(network.restored == 1 && !network.isRandom)
  }

  /// NumPy: histogram([0, 0.1, 0.5, 1], bins=2) is [2, 2]: 0.5 belongs to the upper bin.
  @Test func theHistogramIsThatOfNumPy() {
    typealias Metric = EfficientParameterRandomisation
    #expect(abs(Metric.entropy([0, 0.1, 0.5, 1], bins: 2) - log(2)) < 1e-12)
    #expect(Metric.entropy([3, 3, 3], bins: 100) == 0)
    #expect(abs(Metric.entropy([0, 1, 2, 3], bins: 4) - log(4)) < 1e-12)
  }

  @Test func efficientRandomisationOfAnEvenMapIsNotDefined() throws {
    let result = try EfficientParameterRandomisation().result(
      of: images([1, 2], width: 2, map: [1, 1]), by: LinearNetwork([1, 1]), seed: 0)
    #expect(result.scores == [nil])
  }

  @Test func roadAsksWhetherTheClassIsStillPredicted() throws {
    // Without the last pixel, filled from the others, f = 0.3·(1 − filled) falls below 0.5.
    let network = LinearNetwork([0, 0, 0, 1])
    let metric = ROAD(percentages: [25, 75], noise: 0)
    func score(_ map: [Float]) throws -> Double {
      try metric.result(of: images([0, 0, 0, 1], width: 4, map: map), by: network, seed: 0)
        .scores[0]!
    }
    #expect(try score([0, 1, 2, 3]) == 0)
    #expect(try score([3, 2, 1, 0]) == 1)
    #expect(metric.obstacle(ImageSize(width: 4, height: 1), channels: 1) == nil)
    #expect(
      ROAD(percentages: [100]).obstacle(ImageSize(width: 4, height: 1), channels: 1)
        == "100.0 % of an image are all of it, so nothing is left to fill it from; give less than 100"
    )
  }
}

@Suite struct LinearImputationTests {
  /// Every missing pixel is the weighted mean of its neighbours.
  @Test func missingPixelsSolveTheEquations() throws {
    let size = ImageSize(width: 5, height: 4)
    let image = (0..<40).map { Float(($0 * 37) % 19) }
    let missing = [0, 1, 6, 7, 8, 12, 19]
    var imputation = LinearImputation(image, size: size, channels: 2)
    // Fewer first: what is missing adds up.
    _ = imputation.filled(missing[..<3])
    let filled = imputation.filled(missing[...])
    for pixel in 0..<20 {
      for channel in 0..<2 {
        let own = filled[2 * pixel + channel]
        guard missing.contains(pixel) else {
          #expect(own == image[2 * pixel + channel])
          continue
        }
        var (sum, weights) = (0.0, 0.0)
        for row in -1...1 {
          for column in -1...1 where (row, column) != (0, 0) {
            let (y, x) = (pixel / 5 + row, pixel % 5 + column)
            guard (0..<4).contains(y), (0..<5).contains(x) else { continue }
            let weight = row == 0 || column == 0 ? 1.0 / 6 : 1.0 / 12
            sum += weight * Double(filled[2 * (5 * y + x) + channel])
            weights += weight
          }
        }
        #expect(abs(Double(own) - sum / weights) < 1e-5)
      }
    }
  }

  @Test func anEvenImageStaysEven() {
    let size = ImageSize(width: 6, height: 6)
    var imputation = LinearImputation(
      [Float](repeating: 3, count: 36), size: size, channels: 1)
    #expect(imputation.filled(Array(0..<35)[...]).allSatisfy { abs($0 - 3) < 1e-5 })
  }

  /// A wide image is solved by conjugate gradients, the same one upright by factorisation.
  @Test func bothSolversGiveTheSame() {
    let (width, height) = (70, 20)
    let image = (0..<width * height).map { Float(($0 * 31) % 17) - 4 }
    let missing = (0..<width * height).filter { ($0 * 7) % 10 < 8 }
    var wide = LinearImputation(
      image, size: ImageSize(width: width, height: height), channels: 1)
    func turned(_ pixel: Int) -> Int { pixel % width * height + pixel / width }
    var upright = image
    for pixel in image.indices { upright[turned(pixel)] = image[pixel] }
    var narrow = LinearImputation(
      upright, size: ImageSize(width: height, height: width), channels: 1)
    let (a, b) = (wide.filled(missing[...]), narrow.filled(missing.map(turned)[...]))
    for pixel in image.indices { #expect(abs(a[pixel] - b[turned(pixel)]) < 1e-5) }
  }
}

@Suite struct MetricComparisonTests {
  private func comparison(
    _ name: String, _ original: [Double?], _ manipulated: [Double?]
  ) throws -> MetricComparison {
    try MetricComparison(
      MetricSpecification(name).resolved(), interpreter: "grad-cam@a",
      original: MetricResult(original), manipulated: MetricResult(manipulated))
  }

  @Test func worseIsMoreThanTwoStandardErrorsInTheMetricsOwnDirection() throws {
    let low: [Double?] = [0.1, 0.2, 0.1, 0.2]
    let high: [Double?] = [0.8, 0.9, 0.9, 0.9]
    #expect(try comparison("deletion", low, high).verdict == .worse)
    #expect(try comparison("deletion", high, low).verdict == .noWorse)
    #expect(try comparison("insertion", high, low).verdict == .worse)
    #expect(try comparison("insertion", low, low).verdict == .noWorse)
  }

  @Test func imagesForWhichOneIsNotDefinedAreOmittedFromTheDifference() throws {
    let found = try comparison("road", [0.5, nil, 0.5], [0.75, 1, 1])
    #expect(found.difference == 0.375)
    #expect(found.original.undefined == 1)
    #expect(found.original.mean == 0.5)
    let single = try comparison("road", [0.5, nil], [1, 1])
    #expect(single.verdict == nil)
    #expect(
      MetricComparison.sentences([single], of: "tested")
        == ["grad-cam@a: too few heatmaps to compare by ROAD"])
  }
}

@Suite struct MetricKindTests {
  @Test func everyMetricIsMadeWithItsDefaults() throws {
    for kind in MetricKind.all {
      let full = try MetricSpecification(kind.name).resolved()
      #expect(full.given == kind.options)
      _ = try full.metric()
    }
    #expect(Set(MetricKind.all.map(\.name)).count == MetricKind.all.count)
  }

  @Test func anUnknownMetricIsNamedWithTheClosestOnes() {
    #expect {
      _ = try MetricSpecification("roat").metric()
    } throws: {
      "\($0)".hasPrefix(
        "unknown metric \"roat\": did you mean \"road\"? Valid names, closest first: road")
    }
  }

  @Test func anOptionOfAnotherMetricIsRefused() {
    var specification = MetricSpecification("road")
    specification.radius = 1
    #expect {
      _ = try specification.metric()
    } throws: {
      "\($0)" == "radius is no option of road, but of max-sensitivity"
    }
    specification = MetricSpecification("mprt")
    specification.step = 4
    #expect {
      _ = try specification.metric()
    } throws: {
      "\($0)" == "step is no option of mprt, but of deletion and insertion"
    }
  }
}
