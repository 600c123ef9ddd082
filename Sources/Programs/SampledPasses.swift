import Explanations
import Foolings
import TensorGraph
import TensorRuntime

/// What a training step does sample by sample, so that its memory does not grow with their number.
///
/// The loss is L(w, m(w)), m(w) = (1/S) Σ_s sample_s(w). Its exact gradient takes two passes over the
/// samples: the first gives m; then the program of the step, which is given m, has L, ∂L/∂w and
/// c = ∂L/∂m; the second adds Σ_s ∂⟨c, sample_s⟩/∂w / S.
final class SampledPasses {
  package static func mean(_ index: Int) -> String { "mean.\(index)" }

  private let slots: SampleSlots
  private let forward: any Program
  private let backward: any Program
  /// One for each explained class.
  private var means: [Tensor]
  /// ∂L/∂w as far as it is added up.
  package let gradients: any Parameters

  /// Memory that a step needs for this beside the parameters.
  package var plannedPeakBytes: Int {
    let sums =
      means.reduce(0) { $0 + $1.values.count }
      + gradients.names.reduce(0) { $0 + gradients.shape(of: $1)!.count }
    return forward.resources.peakBytes + backward.resources.peakBytes
      + sums * MemoryLayout<Float>.stride
  }

  /// Floating-point operations of both passes.
  package var flops: Int { slots.chunks * (forward.resources.flops + backward.resources.flops) }

  package init(
    _ network: LoadedNetwork, _ slots: SampleSlots, explained: ExplainedClasses,
    policy: ExecutionPolicy
  ) throws {
    self.slots = slots
    var graph = GraphBuilder()
    let (subject, classes) = try slots.subject(explained, &graph)
    let means = try slots.means(of: subject, classes: classes, in: &graph)
    forward = try network.compile(
      graph.computation(means.enumerated().map { (Self.mean($0), $1) }), policy)
    self.means = means.map { Tensor(repeating: 0, shape: $0.shape) }

    let derivatives = try slots.derivatives(of: means, in: subject, &graph)
    let trained = subject.trainedParameters.map { ($0.name, $0.shape) }
    backward = try network.compile(
      graph.computation(zip(trained, derivatives).map { ($0.0, $1) }), policy)
    gradients = try network.executor.makeParameters(trained)
  }

  /// The first pass.
  /// - Parameters:
  ///   - inputs: what the network is explained on.
  ///   - images: the numbers by which the interpreter knows the images.
  /// - Returns: the means, by the names of their placeholders.
  package func means(
    _ inputs: [String: ProgramInput], images: [Int]
  ) throws -> [String: ProgramInput] {
    for index in means.indices {
      for place in means[index].values.indices { means[index].values[place] = 0 }
    }
    try run(forward, inputs, images) {
      for index in means.indices {
        add(try forward.output(Self.mean(index)).values, to: &means[index].values)
      }
    }
    return Dictionary(
      uniqueKeysWithValues: means.enumerated().map { (Self.mean($0), .floats($1.values)) })
  }

  /// The second pass: `gradients` of the loss.
  /// - Parameters:
  ///   - step: the program of the step, which has just run.
  ///   - direct: its outputs that hold ∂L/∂w at fixed means, by parameter.
  func addGradients(
    _ inputs: [String: ProgramInput], images: [Int], step: any Program, direct: [String: String]
  ) throws {
    for name in gradients.names { try gradients.assign(name, from: direct[name]!, of: step) }
    try run(backward, withCotangents(inputs, of: step), images) {
      for name in gradients.names { try gradients.add(name, of: backward, to: name) }
    }
  }

  /// The derivatives of the loss with respect to the means, as the step has left them.
  private func withCotangents(
    _ inputs: [String: ProgramInput], of step: any Program
  ) throws -> [String: ProgramInput] {
    var inputs = inputs
    for index in means.indices {
      let name = SampleSlots.cotangent(index)
      inputs[name] = .floats(try step.output(name).values)
    }
    return inputs
  }

  /// Does both passes once more and looks at every value in them and in the program of the step.
  package func firstNonFinite(
    _ inputs: [String: ProgramInput], images: [Int], step: any Program
  ) throws -> NonFiniteValue? {
    func search(
      _ program: any Program, _ inputs: [String: ProgramInput]
    ) throws -> NonFiniteValue? {
      for chunk in 0..<slots.chunks {
        let places = slots.inputs(chunk: chunk, images: images, threads: program.threads)
        if let found = try program.firstNonFinite(inputs.merging(places) { $1 }) { return found }
      }
      return nil
    }
    if let found = try search(forward, inputs) { return found }
    let means = try means(inputs, images: images)
    if let found = try step.firstNonFinite(inputs.merging(means) { $1 }) { return found }
    try step.run(inputs.merging(means) { $1 })
    return try search(backward, withCotangents(inputs, of: step))
  }

  private func run(
    _ program: any Program, _ inputs: [String: ProgramInput], _ images: [Int],
    then collect: () throws -> Void
  ) throws {
    for chunk in 0..<slots.chunks {
      let places = slots.inputs(chunk: chunk, images: images, threads: program.threads)
      try program.run(inputs.merging(places) { $1 })
      try collect()
    }
  }
}
