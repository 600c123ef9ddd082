import Foundation
import ImageData
import Networks
import Programs
import RunSupport
import TensorGraph
import TensorRuntime

/// How little of an image has to be painted over, with the same pattern at the same place of every image,
/// to make a class of it.
///
/// Of each class t: min over a mask m in [0, 1]^(H×W) and a pattern δ of
/// mean_i CE(t, (1 − m)·x_i + m·δ) + λ‖m‖₁, by Adam. A class with a trigger has a smaller minimum than
/// the others. Wang et al. 2019 (Neural Cleanse).
/// - Note: λ is fixed, and the objective itself is compared in place of ‖m‖₁ after a search for λ:
///   a class that is not reached is then no outlier.
struct TriggerInversion {
  struct Class {
    let index: Int
    let objective: Double
    /// ‖m‖₁ as a share of the image.
    let maskShare: Double
    /// Share of the images that get the class.
    let success: Double
    /// The mask, [H, W], and the pattern, [H, W, C], normalised.
    let mask: [Float]
    let pattern: [Float]
  }

  /// Weight of ‖m‖₁ on 32×32 pixels. Wang et al. 2019 begin at 1e-3 and raise it.
  private static let weight = 0.01
  private static let referenceArea = 1024.0
  static let steps = 60
  static let rate: Float = 0.1  // Wang et al. 2019, released code
  /// Of networks with more, those with the most images.
  static let mostClasses = 20
  private static let mostFlops = 1.2e13

  private let bench: AuditBench
  private let program: any Program
  private let batchSize: Int
  let classes: [Int]
  private let seed: UInt64
  private let images: ProbeImages
  /// What the normalised samples of the images have: a pattern stays within.
  private let ranges: [(low: Float, high: Float)]

  init(_ bench: AuditBench, request: AuditRequest) throws {
    self.bench = bench
    seed = request.seed
    images = bench.others.count > 0 ? bench.others : bench.probe
    ranges = images.sampleRanges
    let counts = Dictionary(grouping: bench.probe.labels, by: \.self).mapValues(\.count)
    classes = Array(
      counts.sorted { $0.value != $1.value ? $0.value > $1.value : $0.key < $1.key }
        .prefix(Self.mostClasses).map(\.key)
    ).sorted()
    let perImage = 3 * Double(bench.classificationFlops)
    let room = Self.mostFlops / (perImage * Double(Self.steps * max(1, classes.count)))
    batchSize = min(32, max(4, Int(room)))
    let architecture = bench.network.architecture
    var graph = GraphBuilder()
    let input = try graph.placeholder(
      TrainingProgram.images, shape: Shape([batchSize] + architecture.inputShape.dimensions))
    let labels = try graph.placeholder(TrainingProgram.labels, shape: [batchSize], type: .int32)
    let oneHot = try graph.oneHot(labels, depth: architecture.classes)
    let lowered = try NetworkGraph(architecture, input: input, in: &graph)
    let loss = try lowered.crossEntropy(of: oneHot, in: &graph)
    let gradient = try graph.gradient(of: loss, with: [input])[0]
    program = try bench.network.compile(
      graph.computation([("loss", loss), ("gradient", gradient), ("logits", lowered.logits)]),
      request.compute.evaluationPolicy)
  }

  /// - Parameter progress: called with the share done.
  func run(stop: StopRequest, progress: (Double) -> Void) throws -> [Class] {
    var found: [Class] = []
    for target in classes {
      found.append(
        try invert(target, stop: stop) {
          progress((Double(found.count) + $0) / Double(classes.count))
        })
    }
    return found
  }

  private func invert(
    _ target: Int, stop: StopRequest, progress: (Double) -> Void
  ) throws -> Class {
    let area = images.imageSize.area
    let channels = images.sampleCount / area
    let weight = Float(Self.weight * Self.referenceArea / Double(area))
    let candidates = (0..<images.count).filter { images.labels[$0] != target }
    var random = RandomGenerator(seed: seed, 13, target)
    var mask = AdamArray([Float](repeating: -2, count: area), rate: Self.rate)
    var pattern = AdamArray(
      (0..<images.sampleCount).map { _ in Float(0.2 * random.normal()) }, rate: Self.rate)
    let labels = [Int32](repeating: Int32(target), count: batchSize)
    let count = min(batchSize, candidates.count)
    var tail: [(objective: Double, success: Double)] = []
    var (shown, painted): ([Float], [Float]) = ([], [])
    for step in 0..<Self.steps {
      if stop.isRequested { throw RunStopped("stopped during the audit; nothing was written") }
      let order = random.permutation(of: candidates.count)
      let batch = (0..<batchSize).map { candidates[order[$0 % count]] }
      var samples = images.batch(batch, size: batchSize)
      // m = σ(a), δ = low + (high − low)·σ(b)
      shown = mask.values.map { 1 / (1 + exp(-$0)) }
      let share = pattern.values.map { 1 / (1 + exp(-$0)) }
      painted = share.indices.map { sample in
        let channel = sample % channels
        return ranges[channel].low + (ranges[channel].high - ranges[channel].low) * share[sample]
      }
      let clean = samples
      for row in 0..<batchSize {
        for sample in 0..<images.sampleCount {
          let place = row * images.sampleCount + sample
          let m = shown[sample / channels]
          samples[place] = (1 - m) * samples[place] + m * painted[sample]
        }
      }
      try program.run([
        TrainingProgram.images: .floats(samples), TrainingProgram.labels: .indices(labels),
      ])
      let gradient = try program.output("gradient").values
      let logits = try program.output("logits").values
      let loss = Double(try program.output("loss").values[0])
      let depth = logits.count / batchSize
      let hits = (0..<batchSize).count {
        Classification.predicted(logits[$0 * depth..<($0 + 1) * depth]) == target
      }
      tail.append(
        (
          loss + Double(weight) * shown.reduce(0) { $0 + Double($1) },
          Double(hits) / Double(batchSize)
        ))
      var toMask = [Float](repeating: weight, count: area)
      var toPattern = [Float](repeating: 0, count: images.sampleCount)
      for row in 0..<batchSize {
        for sample in 0..<images.sampleCount {
          let place = row * images.sampleCount + sample
          toMask[sample / channels] += gradient[place] * (painted[sample] - clean[place])
          toPattern[sample] += gradient[place] * shown[sample / channels]
        }
      }
      for pixel in toMask.indices { toMask[pixel] *= shown[pixel] * (1 - shown[pixel]) }
      for sample in toPattern.indices {
        let channel = sample % channels
        toPattern[sample] *=
          (ranges[channel].high - ranges[channel].low) * share[sample] * (1 - share[sample])
      }
      mask.step(toMask)
      pattern.step(toPattern)
      progress(Double(step + 1) / Double(Self.steps))
    }
    let last = tail.suffix(10)
    return Class(
      index: target, objective: last.map(\.objective).mean,
      maskShare: shown.reduce(0) { $0 + Double($1) } / Double(area),
      success: last.map(\.success).mean, mask: shown, pattern: painted)
  }
}

/// Numbers that Adam moves against their derivatives. Kingma and Ba 2015.
private struct AdamArray {
  private(set) var values: [Float]
  private var (first, second): ([Float], [Float])
  private var count = 0
  private let rate: Float
  private static let (beta1, beta2, epsilon): (Float, Float, Float) = (0.5, 0.9, 1e-8)

  init(_ values: [Float], rate: Float) {
    (self.values, self.rate) = (values, rate)
    first = [Float](repeating: 0, count: values.count)
    second = first
  }

  mutating func step(_ gradient: [Float]) {
    count += 1
    let (one, two) = (1 - pow(Self.beta1, Float(count)), 1 - pow(Self.beta2, Float(count)))
    for place in values.indices {
      first[place] += (1 - Self.beta1) * (gradient[place] - first[place])
      second[place] += (1 - Self.beta2) * (gradient[place] * gradient[place] - second[place])
      values[place] -=
        rate * (first[place] / one) / ((second[place] / two).squareRoot() + Self.epsilon)
    }
  }
}
