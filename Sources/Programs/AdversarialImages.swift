import Foundation
import ImageData
import Networks
import Recipes
import TensorGraph
import TensorRuntime

/// PGD: images near given ones on which the network's cross-entropy is large. Madry et al. 2018.
///
/// From a random start δ in the ball, `iterations` times δ ← Π(δ + α·sign g) for l∞ or
/// δ ← Π(δ + α·g/‖g‖₂) for l2, g the gradient of the cross-entropy in the pixels and Π the nearest
/// point in the ball and in the range of pixels.
/// - Note: batch norms use the running statistics here, also where training uses those of the batch.
public final class AdversarialImages {
  private let section: AdversarialSection
  private let program: any Program
  private static let gradient = "gradient"
  private let samples: Int
  /// Images of a step that are computed by the processes before this one.
  private let before: Int
  /// Pixels of 0 to 255 in a unit of the network's input, by channel; and the input that is black.
  private let scale: [Float]
  private let black: [Float]

  public init(
    _ network: LoadedNetwork, _ section: AdversarialSection, batchSize: Int,
    policy: ExecutionPolicy = ExecutionPolicy()
  ) throws {
    self.section = section
    let policy = policy.keepingParameterWork
    let shape = network.architecture.inputShape
    samples = shape.count
    before = (network.executor.group?.rank ?? 0) * batchSize
    let preprocessing = network.preprocessing
    scale = preprocessing.standardDeviation.map { 255 * $0 }
    black = zip(preprocessing.mean, preprocessing.standardDeviation).map { -$0 / $1 }
    var graph = GraphBuilder()
    let input = try graph.placeholder(
      TrainingProgram.images, shape: Shape([batchSize] + shape.dimensions))
    let labels = try graph.placeholder(TrainingProgram.labels, shape: [batchSize], type: .int32)
    let lowered = try NetworkGraph(network.architecture, input: input, in: &graph)
    let classes = try graph.oneHot(labels, depth: network.architecture.classes)
    let likelihood = try graph.sum(lowered.logLikelihoods(of: classes, in: &graph))
    let gradient = try graph.gradient(of: graph.negate(likelihood), with: [input])
    program = try network.compile(
      graph.computation([(Self.gradient, gradient[0])]), policy)
  }

  /// Memory that a batch needs beside the parameters.
  public var plannedPeakBytes: Int { program.resources.peakBytes }
  /// Floating-point operations for a batch.
  public var flops: Int { section.iterations * program.resources.flops }

  /// The images, normalised as `images` are. A function of these, the weights, the seed and the step.
  public func perturbed(
    _ images: [Float], labels: [Int32], seed: UInt64, step: Int
  ) throws -> [Float] {
    var changes = [Float](repeating: 0, count: images.count)
    var random = RandomGenerator(seed: seed, step)
    let epsilon = section.epsilon
    // Every image starts where it would in one process.
    random.skip(before * (section.norm == .linf ? samples : 2 * samples + 1))
    for image in 0..<images.count / samples {
      let range = image * samples..<(image + 1) * samples
      switch section.norm {
      case .linf:
        for place in range {
          changes[place] = Float(random.uniform(in: -epsilon...epsilon))
        }
      case .l2:
        for place in range { changes[place] = Float(random.normal()) }
        scaleToLength(epsilon * random.uniform(), &changes[range])
      }
    }
    project(&changes, images)
    for _ in 0..<section.iterations {
      try program.run([
        TrainingProgram.images: .floats(sum(images, changes)),
        TrainingProgram.labels: .indices(labels),
      ])
      let gradient = try program.output(Self.gradient).values
      for image in 0..<images.count / samples {
        let range = image * samples..<(image + 1) * samples
        switch section.norm {
        case .linf:
          let alpha = Float(section.stepSize)
          for place in range {
            changes[place] += gradient[place] > 0 ? alpha : gradient[place] < 0 ? -alpha : 0
          }
        case .l2:
          // The derivative in pixels.
          var way = range.map { gradient[$0] / scale[$0 % scale.count] }[...]
          scaleToLength(section.stepSize, &way)
          for (place, change) in zip(range, way) { changes[place] += change }
        }
      }
      project(&changes, images)
    }
    return sum(images, changes)
  }

  private func sum(_ images: [Float], _ changes: [Float]) -> [Float] {
    images.indices.map { images[$0] + changes[$0] / scale[$0 % scale.count] }
  }

  /// Changes in pixels, brought back into the ball and the range of pixels.
  private func project(_ changes: inout [Float], _ images: [Float]) {
    let epsilon = Float(section.epsilon)
    for image in 0..<images.count / samples {
      let range = image * samples..<(image + 1) * samples
      if section.norm == .l2 {
        let length = range.reduce(0.0) { $0 + Double(changes[$1]) * Double(changes[$1]) }
          .squareRoot()
        if length > section.epsilon { scaleToLength(section.epsilon, &changes[range]) }
      }
      for place in range {
        let channel = place % scale.count
        let pixel = (images[place] - black[channel]) * scale[channel]
        if section.norm == .linf { changes[place] = min(max(changes[place], -epsilon), epsilon) }
        changes[place] = min(max(pixel + changes[place], 0), 255) - pixel
      }
    }
  }

  private func scaleToLength(_ length: Double, _ values: inout ArraySlice<Float>) {
    let norm = values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    guard norm > 0 else { return }
    let factor = Float(length / norm)
    for place in values.indices { values[place] *= factor }
  }
}
