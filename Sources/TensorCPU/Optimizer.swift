import CTensorKernels
import TensorGraph
import TensorRuntime

/// Updates parameters in place from the gradients that a program left in its outputs.
public final class Optimizer: OptimizerState {
  public let rule: UpdateRule
  public let names: [String]
  /// Updates done so far.
  public private(set) var step = 0
  private let parameters: ParameterStore
  private var moments: [String: [AlignedMemory]] = [:]

  /// - Parameters:
  ///   - rule: with its settings.
  ///   - parameters: the store in which they are changed.
  ///   - names: the parameters that are trained.
  public init(
    _ rule: UpdateRule, parameters: ParameterStore, names: [String]
  ) throws(ExecutionError) {
    (self.rule, self.parameters, self.names) = (rule, parameters, names)
    for name in names {
      guard let shape = parameters.shape(of: name) else {
        throw ExecutionError("the optimizer's parameter \(name) is not in the store")
      }
      var memories: [AlignedMemory] = []
      for _ in 0..<rule.momentCount {
        memories.append(try AlignedMemory(byteCount: shape.count * 4))
      }
      moments[name] = memories
    }
  }

  /// One update of all parameters.
  /// - Parameters:
  ///   - learningRate: of this update.
  ///   - program: that has just run.
  ///   - gradients: for each name the index of the output that holds its gradient.
  public func update(
    from program: CPUProgram, gradients: [String: Int], learningRate: Float
  ) {
    update(learningRate, program.cpu) { name, update in
      guard let output = gradients[name] else { preconditionFailure("no gradient for \(name)") }
      program.withOutput(output, update)
    }
  }

  /// One update of all parameters.
  /// - Parameters:
  ///   - learningRate: of this update.
  ///   - threads: that compute it.
  ///   - gradients: each under its parameter's name, such as sums over several runs.
  public func update(from gradients: ParameterStore, learningRate: Float, threads: Int) {
    update(learningRate, CPUSettings(ExecutionPolicy(threads: threads)).cpu) { name, update in
      guard gradients.shape(of: name) != nil else { preconditionFailure("no gradient for \(name)") }
      gradients.withValues(of: name) { update(UnsafeBufferPointer($0)) }
    }
  }

  private func update(
    _ learningRate: Float, _ cpu: trompe_cpu,
    withGradient: (_ name: String, _ update: (UnsafeBufferPointer<Float>) -> Void) -> Void
  ) {
    step += 1
    for name in names {
      guard let w = parameters.pointer(to: name) else { preconditionFailure("no \(name)") }
      withGradient(name) { gradient in
        precondition(gradient.count == parameters.shape(of: name)!.count, "gradient of \(name)")
        let count = Int64(gradient.count)
        let moments = moments[name]!
        switch rule {
        case .adam(let beta1, let beta2, let epsilon, let decay):
          var adam = trompe_adam(
            rate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon, decay: decay,
            step: Int64(step))
          trompe_adam_update(
            &adam, count, w, gradient.baseAddress,
            trompe_adam_moments(first: moments[0].floats, second: moments[1].floats), cpu)
        case .sgd(let momentum, let decay, let nesterov):
          var sgd = trompe_sgd(
            rate: learningRate, momentum: momentum, decay: decay, nesterov: nesterov ? 1 : 0)
          trompe_sgd_update(&sgd, count, w, gradient.baseAddress, moments[0].floats, cpu)
        }
      }
    }
    parameters.noteChange()
  }

  // MARK: State

  /// The moments of every parameter, by `name/first` and `name/second`, to be saved.
  public var state: [(name: String, tensor: Tensor)] {
    names.flatMap { name in
      zip(UpdateRule.momentNames, moments[name]!).map { label, memory in
        let shape = parameters.shape(of: name)!
        return (
          "\(name)/\(label)",
          Tensor(
            shape: shape,
            values: Array(UnsafeBufferPointer(start: memory.floats, count: shape.count)))
        )
      }
    }
  }

  /// Takes up a saved state, whole or not at all.
  /// - Throws: `ExecutionError` naming the first entry that is missing or misshapen.
  public func restore(
    step: Int, state: (_ name: String) throws -> Tensor?
  ) throws {
    let shapes = names.map { ($0, parameters.shape(of: $0)!) }
    let restored = try rule.moments(of: shapes, from: state)
    for (name, tensors) in zip(names, restored) {
      for (memory, tensor) in zip(moments[name]!, tensors) {
        tensor.values.withUnsafeBufferPointer {
          memory.floats.update(from: $0.baseAddress!, count: $0.count)
        }
      }
    }
    self.step = step
  }
}
