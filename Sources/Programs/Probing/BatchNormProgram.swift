import Foundation
import Networks
import RunSupport
import TensorGraph
import TensorRuntime

/// Statistics of what enters every batch norm, over the images: through the network as it is, or
/// with each batch normalised by its own statistics.
package struct BatchNormProgram {
  /// Of batch norms that differ from what they keep.
  private static let stabilizer = 1e-5  // torch.nn.BatchNorm2d

  private let norms: [(layer: String, prefix: String, momentum: Double)]
  private let frozen: any Program
  private let training: any Program
  private let masks: [NetworkGraph.DropoutMask]
  private let network: LoadedNetwork
  private let batchSize: Int

  /// `nil` for a network without batch norms, or with some that keep their statistics.
  package init?(_ network: LoadedNetwork, batchSize: Int, policy: ExecutionPolicy) throws {
    let architecture = network.architecture
    var seen: Set<String> = []
    norms = architecture.nodes.compactMap { node in
      guard case .batchNorm(let norm) = node.layer, seen.insert(node.parameterPrefix).inserted
      else { return nil }
      return (node.name, node.parameterPrefix, norm.momentum)
    }
    // Statistics of a batch cannot be told from a running mean that they do not change.
    guard !norms.isEmpty, norms.allSatisfy({ $0.momentum > 0 }) else { return nil }
    (self.network, self.batchSize) = (network, batchSize)
    let shape = Shape([batchSize] + architecture.inputShape.dimensions)
    var graph = GraphBuilder()
    let input = try graph.placeholder(TrainingProgram.images, shape: shape)
    let lowered = try NetworkGraph(
      architecture, input: input, foldsBatchNorm: false, in: &graph)
    var outputs: [(String, Value)] = []
    for norm in norms {
      guard let step = lowered.steps.first(where: { $0.layers.contains(norm.layer) }) else {
        preconditionFailure("\(norm.layer) is a layer of its own")
      }
      let x = step.inputs[0]
      let axes = Array(0..<x.shape.rank - 1)
      let mean = try graph.mean(x, axes: axes)
      outputs.append(("mean.\(norm.prefix)", mean))
      let centered = try graph.subtract(x, mean)
      outputs.append(
        ("variance.\(norm.prefix)", try graph.mean(graph.square(centered), axes: axes)))
    }
    frozen = try network.compile(graph.computation(outputs), policy)
    var second = GraphBuilder()
    let images = try second.placeholder(TrainingProgram.images, shape: shape)
    let trained = try NetworkGraph(architecture, input: images, mode: .training, in: &second)
    masks = trained.dropoutMasks
    let updates = trained.runningStatisticsUpdates.sorted { $0.key < $1.key }
    training = try network.compile(second.computation(updates.map { ($0.key, $0.value) }), policy)
  }

  /// Whole batches of the images.
  private func batches(_ images: ProbeImages) -> [Range<Int>] {
    images.batches(of: batchSize).filter { $0.count == batchSize }
  }

  /// How far the running statistics are from those of the images.
  package func gaps(_ images: ProbeImages, stop: StopRequest) throws -> [BatchNormGap] {
    var means: [String: [[Float]]] = [:]
    var variances: [String: [[Float]]] = [:]
    for batch in batches(images) {
      if stop.isRequested { throw RunStopped("stopped while batch norms were measured") }
      try frozen.run([
        TrainingProgram.images: .floats(images.batch(batch, size: batchSize))
      ])
      for norm in norms {
        means[norm.prefix, default: []].append(try frozen.output("mean.\(norm.prefix)").values)
        variances[norm.prefix, default: []].append(
          try frozen.output("variance.\(norm.prefix)").values)
      }
    }
    return try norms.compactMap { norm in
      guard let means = means[norm.prefix], let variances = variances[norm.prefix] else {
        return nil
      }
      let mu = try network.parameters.download("\(norm.prefix).running_mean").values
      let sigma = try network.parameters.download("\(norm.prefix).running_var").values
      var (meanGap, logGap) = (0.0, 0.0)
      for channel in mu.indices {
        let batchMeans = means.map { Double($0[channel]) }
        let mean = batchMeans.mean
        // Within batches and between them.
        let variance =
          variances.map { Double($0[channel]) }.mean
          + batchMeans.map { ($0 - mean) * ($0 - mean) }.mean
        let kept = Double(sigma[channel]) + Self.stabilizer
        meanGap += abs(mean - Double(mu[channel])) / kept.squareRoot()
        logGap += abs(log((variance + Self.stabilizer) / kept))
      }
      let channels = Double(mu.count)
      return BatchNormGap(
        layer: norm.layer, mean: meanGap / channels, logVariance: logGap / channels)
    }
  }

  /// Running statistics estimated anew on the images, each batch normalised by its own, by parameter.
  package func freshStatistics(_ images: ProbeImages, stop: StopRequest) throws -> [String: Tensor]
  {
    var inputs: [String: ProgramInput] = [:]
    for mask in masks {
      inputs[mask.name] = .floats([Float](repeating: 1, count: mask.shape.count))
    }
    var sums: [String: [Double]] = [:]
    var count = 0.0
    for batch in batches(images) {
      if stop.isRequested { throw RunStopped("stopped while batch norms were measured") }
      inputs[TrainingProgram.images] = .floats(images.batch(batch, size: batchSize))
      try training.run(inputs)
      count += 1
      for norm in norms {
        for name in ["\(norm.prefix).running_mean", "\(norm.prefix).running_var"] {
          // The program gives (1 − momentum)·running + momentum·batch.
          let running = try network.parameters.download(name).values
          let updated = try training.output(name).values
          let own = zip(updated, running).map {
            (Double($0) - (1 - norm.momentum) * Double($1)) / norm.momentum
          }
          sums[name] = sums[name].map { zip($0, own).map(+) } ?? own
        }
      }
    }
    return try sums.reduce(into: [:]) { result, entry in
      let isVariance = entry.key.hasSuffix("running_var")
      result[entry.key] = Tensor(
        shape: try network.parameters.download(entry.key).shape,
        values: entry.value.map { Float(isVariance ? max($0 / count, 0) : $0 / count) })
    }
  }
}

/// One batch norm's running statistics against those of clean images.
package struct BatchNormGap {
  package let layer: String
  /// Mean over channels of |μ̂ − μ|/√(σ² + 1e-5).
  package let mean: Double
  /// Mean over channels of |ln((σ̂² + 1e-5)/(σ² + 1e-5))|.
  package let logVariance: Double

  package init(layer: String, mean: Double, logVariance: Double) {
    (self.layer, self.mean, self.logVariance) = (layer, mean, logVariance)
  }
}

extension [Double] {
  /// 0 of none.
  fileprivate var mean: Double { isEmpty ? 0 : reduce(0, +) / Double(count) }
}
