import Explanations
import Faithfulness
import Foundation
import ImageData
import Networks
import Pictures
import Programs
import RunSupport
import TensorGraph
import TensorRuntime

/// One network and one interpreter, as metrics of heatmaps see them: every run fills the whole batch of one
/// compiled program, whichever images its rows are of.
package final class MetricBench: MetricNetwork {
  /// The parameters of a layer at random, by name.
  package typealias RandomParameters = (_ layer: String) throws -> [String: Tensor]

  private let network: LoadedNetwork
  private let interpreter: (name: String, any Interpreter)
  private let batchSize: Int
  private let samplesAtOnce: Int?
  private let policy: ExecutionPolicy
  private let random: RandomParameters
  private let stop: StopRequest?
  /// Called after every batch with the runs that it did.
  private let progress: (_ runs: Int) -> Void
  /// By batch size: a few images get a program of their own.
  private var classifiers: [Int: EvaluationProgram] = [:]
  private var explainers: [Int: EvaluationProgram] = [:]
  private var kept: [String: Tensor] = [:]

  /// - Parameters:
  ///   - network: whose parameters are changed and put back by metrics that randomise layers.
  ///   - interpreter: of the heatmaps, by the name under which results are reported.
  ///   - batchSize: images at a time at most.
  ///   - samplesAtOnce: as `EvaluationProgram` has it.
  ///   - policy: threads, precision, memory.
  ///   - random: what a layer's parameters become; those of `Architecture.randomParameters` by default.
  ///   - seed: of those.
  ///   - stop: ends a metric early by `RunStopped`.
  ///   - progress: called after every batch with the runs that it did.
  package init(
    _ network: LoadedNetwork, interpreter: (name: String, any Interpreter), batchSize: Int,
    samplesAtOnce: Int? = nil, policy: ExecutionPolicy = ExecutionPolicy(),
    random: RandomParameters? = nil, seed: UInt64 = 0, stop: StopRequest? = nil,
    progress: @escaping (_ runs: Int) -> Void = { _ in }
  ) {
    (self.network, self.interpreter, self.batchSize) = (network, interpreter, batchSize)
    (self.samplesAtOnce, self.policy) = (samplesAtOnce, policy)
    (self.stop, self.progress) = (stop, progress)
    self.random =
      random ?? { network.architecture.randomParameters(of: $0, seed: seed) }
  }

  /// For so many images.
  package func explainer(_ images: Int) throws -> EvaluationProgram {
    let rows = min(batchSize, images)
    if let known = explainers[rows] { return known }
    let program = try EvaluationProgram(
      network, interpreters: [interpreter], batchSize: rows, samplesAtOnce: samplesAtOnce,
      policy: policy)
    explainers[rows] = program
    return program
  }

  /// Compiles what a metric of so many images will run.
  package func prepare(for cost: MetricCost, images: Int) throws {
    if cost.classifications > 0 { _ = try classifier(cost.classifications * images) }
    if cost.explanations > 0 { _ = try explainer(cost.explanations * images) }
  }

  private func classifier(_ images: Int) throws -> EvaluationProgram {
    let rows = min(batchSize, images)
    if let known = classifiers[rows] { return known }
    let program = try EvaluationProgram(
      network, interpreters: [], batchSize: rows, policy: policy)
    classifiers[rows] = program
    return program
  }

  package var layers: [String] { network.architecture.parameterLayers }

  package func classify(
    _ images: PerturbedImages, each: (_ index: Int, _ output: LabelOutput) throws -> Void
  ) throws {
    let classifier = try classifier(images.count)
    try run(classifier, images) { rows in
      let logits = classifier.logits.values
      for (row, index) in rows.enumerated() {
        let own = logits[row * classifier.classes..<(row + 1) * classifier.classes]
        guard own.allSatisfy(\.isFinite) else {
          throw RunError(
            "\(network.path ?? network.architecture.name): the network's outputs are not finite, so "
              + "no metric of its heatmaps can be measured; its weights are damaged or far too large "
              + "(trompe inspect --check)")
        }
        try each(index, LabelOutput(own, label: images.label(index), classifier.output))
      }
    }
  }

  package func explain(
    _ images: PerturbedImages, each: (_ index: Int, _ heatmap: Heatmap) throws -> Void
  ) throws {
    let explainer = try explainer(images.count)
    try run(explainer, images) { rows in
      for (map, index) in zip(explainer.heatmaps(0, count: rows.count), rows) {
        try each(index, map)
      }
    }
  }

  private func run(
    _ program: EvaluationProgram, _ images: PerturbedImages,
    read: (_ rows: Range<Int>) throws -> Void
  ) throws {
    let (size, batch) = (images.sampleCount, program.batchSize)
    var samples = [Float](repeating: 0, count: batch * size)
    var labels = [Int32](repeating: 0, count: batch)
    for begin in stride(from: 0, to: images.count, by: batch) {
      if stop?.isRequested == true { throw RunStopped("stopped during the metrics") }
      let rows = begin..<min(begin + batch, images.count)
      samples.withUnsafeMutableBufferPointer { samples in
        for (row, index) in rows.enumerated() {
          images.write(
            index, to: UnsafeMutableBufferPointer(rebasing: samples[row * size..<(row + 1) * size]))
        }
      }
      for (row, index) in rows.enumerated() { labels[row] = Int32(images.label(index)) }
      try program.run(images: samples, labels: labels, identities: rows.map(images.identity))
      try read(rows)
      progress(rows.count)
    }
  }

  // MARK: Random parameters

  package func randomise(_ layer: String) throws {
    let values = try random(layer)
    for name in values.keys.sorted() {
      if kept[name] == nil { kept[name] = try network.parameters.download(name) }
      try network.parameters.upload(values[name]!, to: name)
    }
  }

  package func restore() throws {
    for name in kept.keys.sorted() { try network.parameters.upload(kept[name]!, to: name) }
    kept = [:]
  }
}

extension LabelOutput {
  init(_ logits: ArraySlice<Float>, label: Int, _ output: ClassifierOutput) {
    let own = logits[logits.startIndex + label]
    let probability: Double
    if output == .labels {
      probability = 1 / (1 + exp(-Double(own)))
    } else {
      probability = 1 / logits.reduce(0.0) { $0 + exp(Double($1) - Double(own)) }
    }
    self.init(
      logit: Double(own), probability: probability,
      isPredicted: Classification.predicted(logits) == label)
  }
}
