import Explanations
import TensorCPU
import TensorGraph

/// What a training step does sample by sample, so that its memory does not grow with their number.
///
/// The loss is L(w, m(w)), m(w) = (1/S) Σ_s sample_s(w). Its exact gradient takes two passes over the
/// samples: the first gives m; then the program of the step, which is given m, has L, ∂L/∂w and
/// c = ∂L/∂m; the second adds Σ_s ∂⟨c, sample_s⟩/∂w / S.
final class SampledPasses {
  static func mean(_ index: Int) -> String { "mean.\(index)" }

  private let slots: SampleSlots
  private let forward: Executable
  private let backward: Executable
  /// One for each explained class.
  private var means: [Tensor]
  /// ∂L/∂w as far as it is added up.
  let gradients: ParameterStore

  /// Memory that a step needs for this beside the parameters.
  var plannedPeakBytes: Int {
    let sums =
      means.reduce(0) { $0 + $1.values.count }
      + gradients.names.reduce(0) { $0 + gradients.shape(of: $1)!.count }
    return forward.plannedPeakBytes + backward.plannedPeakBytes + sums * MemoryLayout<Float>.stride
  }

  /// Floating-point operations of both passes.
  var flops: Int { slots.chunks * (forward.cost.flops + backward.cost.flops) }

  init(
    _ network: LoadedNetwork, _ slots: SampleSlots, explained: ExplainedClasses,
    options: Executable.Options
  ) throws {
    self.slots = slots
    var graph = GraphBuilder()
    let (subject, classes) = try slots.subject(explained, &graph)
    let means = try slots.means(of: subject, classes: classes, in: &graph)
    forward = try Executable(
      graph.graph(outputs: means), parameters: network.parameters, options: options)
    self.means = means.map { Tensor(repeating: 0, shape: $0.shape) }

    let derivatives = try slots.derivatives(of: means, in: subject, &graph)
    backward = try Executable(
      graph.graph(outputs: derivatives), parameters: network.parameters, options: options)
    gradients = try ParameterStore(subject.trainedParameters.map { ($0.name, $0.shape) })
  }

  /// The first pass.
  /// - Parameters:
  ///   - inputs: what the network is explained on.
  ///   - images: the numbers by which the interpreter knows the images.
  /// - Returns: the means, by the names of their placeholders.
  func means(
    _ inputs: [String: Executable.Input], images: [Int]
  ) throws -> [String: Executable.Input] {
    for index in means.indices {
      for place in means[index].values.indices { means[index].values[place] = 0 }
    }
    try run(forward, inputs, images) {
      for index in means.indices {
        forward.withOutput(index) { add($0, to: &means[index].values) }
      }
    }
    return Dictionary(
      uniqueKeysWithValues: means.enumerated().map { (Self.mean($0), .floats($1.values)) })
  }

  /// The second pass: `gradients` of the loss.
  /// - Parameters:
  ///   - step: the program of the step, which has just run.
  ///   - direct: its outputs that hold ∂L/∂w at fixed means, by parameter.
  ///   - cotangents: its outputs that hold ∂L/∂m.
  func addGradients(
    _ inputs: [String: Executable.Input], images: [Int], step: Executable, direct: [String: Int],
    cotangents: [Int]
  ) throws {
    for name in gradients.names {
      step.withOutput(direct[name]!) { values in
        gradients.withValues(of: name) { _ = $0.update(fromContentsOf: values) }
      }
    }
    var inputs = inputs
    for (index, output) in cotangents.enumerated() {
      inputs[SampleSlots.cotangent(index)] = .floats(step.withOutput(output) { Array($0) })
    }
    try run(backward, inputs, images) {
      for (output, name) in gradients.names.enumerated() {
        backward.withOutput(output) { values in
          gradients.withValues(of: name) { add(values, to: $0) }
        }
      }
    }
  }

  /// Does both passes once more and looks at every value in them and in the program of the step.
  func firstNonFinite(
    _ inputs: [String: Executable.Input], images: [Int], step: Executable, cotangents: [Int]
  ) throws -> NonFiniteValue? {
    func search(
      _ program: Executable, _ inputs: [String: Executable.Input]
    ) throws -> NonFiniteValue? {
      for chunk in 0..<slots.chunks {
        let places = slots.inputs(chunk: chunk, images: images, threads: program.options.threads)
        if let found = try program.firstNonFinite(inputs.merging(places) { $1 }) { return found }
      }
      return nil
    }
    if let found = try search(forward, inputs) { return found }
    let means = try means(inputs, images: images)
    if let found = try step.firstNonFinite(inputs.merging(means) { $1 }) { return found }
    try step.run(inputs.merging(means) { $1 })
    var inputs = inputs
    for (index, output) in cotangents.enumerated() {
      inputs[SampleSlots.cotangent(index)] = .floats(step.withOutput(output) { Array($0) })
    }
    return try search(backward, inputs)
  }

  private func run(
    _ program: Executable, _ inputs: [String: Executable.Input], _ images: [Int],
    then collect: () -> Void
  ) throws {
    for chunk in 0..<slots.chunks {
      let places = slots.inputs(chunk: chunk, images: images, threads: program.options.threads)
      try program.run(inputs.merging(places) { $1 })
      collect()
    }
  }
}
